"""What the leak scanner reads: containers of every family, and encodings in texts."""

from collections.abc import Callable

from fuzz.target import Target, expanded, text
from leaks.containers import FAMILIES
from leaks.encodings import ENCODINGS
from tokenward.leaks.blob import Blob
from tokenward.leaks.findings import Trouble
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.containers import unpack
from tokenward.leaks.unpacking.decoding import DECODERS, allowance
from tokenward.leaks.unpacking.limits import Budget, Limits

_SECRET = b"tkw_at_" + b"0" * 60
_SMALL = Limits(depth=4, members=50, member=50_000, total=100_000, free=100_000)
_DECODED_LIMIT = 4000  # octets: all decoders look at them, woken or not


def _unpack(data: bytes) -> Callable[[], str]:
    name, _, body = data.partition(b"\n")
    content = expanded(body) if name.startswith(b"+") else body
    blob = Blob(text(name), content)

    def call() -> str:
        outcomes = {type(each) for each in unpack(blob, Budget(len(content), _SMALL))}
        assert outcomes <= {Blob, Trouble}, "something else than a blob or trouble"
        return "trouble" if Trouble in outcomes else "accepted"

    return call


def _decode(data: bytes) -> Callable[[], str]:
    content = expanded(data[1:])[:_DECODED_LIMIT]
    start = min(data[0] if data else 0, len(content))

    def call() -> str:
        made = [each for decoder in DECODERS for each in decoder.undo(Text(content, "a"), start)]
        for each in made:
            each.position(len(each.data) // 2)
        assert sum(len(each.data) for each in made) <= len(DECODERS) * allowance(len(content))
        return "accepted" if made else "nothing"

    return call


_CONTAINERS = [build(_SECRET) for build in FAMILIES.values()]

TARGETS = (
    Target(
        "unpack",
        _unpack,
        tuple(
            f"{name}\n".encode() + content[:end]
            for name, content in _CONTAINERS
            for end in (None, -20)
            if len(content) < 2000
        ),
    ),
    Target("decode", _decode, (b"\0", *(b"\0" + write(_SECRET) for write in ENCODINGS.values()))),
)
