"""base64, standard and for URLs (RFC 4648 §4, §5), padded or not, wrapped or not.

Text in base64 has a shape of its own. Of each four characters, the first three can be only some of the 64
where three printable ASCII bytes are encoded: 26, 28 and 32 of them. Six such groups in a row come about by
chance once in two million places, so that pictures, hashes and long names wake nobody.
"""

import binascii
import re
from collections.abc import Iterator

import re2

from tokenward.leaks.blob import Blob
from tokenward.leaks.compiling import over_bytes
from tokenward.leaks.findings import Trouble
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.containers import unpack
from tokenward.leaks.unpacking.decoders.decoder import Decoder, Joined
from tokenward.leaks.unpacking.decoders.runs import name_before, run_around, unwrapped
from tokenward.leaks.unpacking.limits import MIB, Budget, Limits

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_GROUP = r"[CDI-Za-f][AC-HQS-Xgi-nwy-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
_TEXT = rf"(?:{_GROUP}){{6}}"
# Two bytes of UTF-16LE each, of ASCII: every second byte is zero. PowerShell's -EncodedCommand.
_WIDE = r"(?:[I-Za-f][AQgw][AB][A-Za-z0-9+/]A[A-H][AEIMQUYcgkosw048]A){3}"
_MAGICS = r"(?:H4sI|UEsD|QlpoO|/Td6W|KLUv/|eJ[w-z]|eN[o-r]|eA[E-H])[A-Za-z0-9+/_-]{24}"
_REACH = 64  # bytes: longer than any match of these
_PRINTABLE = bytes(range(32, 127)) + b"\t\n\r"
_PLAIN = over_bytes(r"[\x20-\x7e\t\n\r]{18}")

_FIND_TEXT, _FIND_WIDE, _FIND_MAGIC = (over_bytes(pattern) for pattern in (_TEXT, _WIDE, _MAGICS))


def _runs(text: Text, start: int, pattern: "re2._Regexp[bytes]") -> Iterator[tuple[bytes, int, int]]:
    """Decoded bytes of each run, its offset and its length."""
    data, at = text.data, max(0, start - _REACH)
    while (match := pattern.search(data, at)) is not None:
        run = run_around(data, match.start(), match.end(), ALPHABET, 4)
        encoded = data[run.start : run.end]
        yield decode(unwrapped(encoded) if run.wrapped else encoded), run.start, run.end - run.start
        at = max(run.end, match.end())


def decode(encoded: bytes) -> bytes:
    """Either alphabet, with or without padding; a character too many at the end is left out."""
    if len(encoded) % 4 == 1:
        encoded = encoded[:-1]
    return binascii.a2b_base64(encoded.translate(_URL_SAFE) + b"=" * (-len(encoded) % 4))


def _undo_text(text: Text, start: int) -> Iterator[Text]:
    joined = Joined(text, "base64")
    for decoded, origin, length in _runs(text, start, _FIND_TEXT):
        if len(decoded.translate(None, _PRINTABLE)) * 8 > len(decoded):
            # Much of it is no text. The shape may have come about by chance, at a place that is no boundary.
            for shift in (1, 2, 3):
                encoded = unwrapped(text.data[origin + shift : origin + length])
                if _PLAIN.search(other := decode(encoded)):
                    joined.add(other, origin + shift, length - shift)
                    joined.part()
        if name := name_before(text.data, origin):
            joined.add(name, origin - len(name), len(name))
        joined.add(decoded, origin, length)
        joined.part()
        yield from joined.full()
    yield from joined.text()


def _undo_wide(text: Text, start: int) -> Iterator[Text]:
    joined = Joined(text, "base64", "utf-16")
    for decoded, origin, length in _runs(text, start, _FIND_WIDE):
        joined.add(decoded.decode("utf-16-le", "ignore").encode("utf-8", "replace"), origin, length)
        joined.part()
        yield from joined.full()
    yield from joined.text()


def _undo_magic(text: Text, start: int) -> Iterator[Text]:
    """Compressed data and zip archives. What comes out is bounded for all of the text together."""
    from tokenward.leaks.unpacking import streams  # noqa: PLC0415 - few texts have any

    codecs = (streams.GZIP, streams.BZIP2, streams.XZ, streams.ZSTANDARD, streams.ZLIB)
    size = len(text.data)
    limits = Limits(depth=4, members=1000, free=MIB, ratio=4)
    budget = Budget(size, limits)
    for decoded, origin, length in _runs(text, start, _FIND_MAGIC):
        if budget.room() <= 0:
            return
        if decoded.startswith(b"PK"):
            for each in unpack(Blob(text.path, decoded), budget):
                if not isinstance(each, Trouble):
                    joined = Joined(text, "base64", "zip")
                    joined.add(each.data, origin, length)
                    yield from joined.text()
            continue
        codec = next((codec for codec in codecs if decoded.startswith(codec.magic)), None)
        if codec is None:
            continue
        out = streams.decompressed(decoded, codec, budget)
        if out.data:
            joined = Joined(text, "base64", codec.name)
            joined.add(out.data, origin, length)
            yield from joined.text()


_MANIFEST = r"kind[\"']?:[ \t]*[\"']?Secret\b"
_VALUE = re.compile(
    rb"""(?m)(?:^|[{,])[ \t]*["']?([\w.-]{1,253})["']?:[ \t]*"""
    rb"""["']?([A-Za-z0-9+/]{8,}={0,2})["']?[ \t]*(?=[\r\n,}]|$)"""
)
_LARGEST_MANIFEST = 2 * MIB


def _undo_manifest(text: Text, _start: int) -> Iterator[Text]:
    """Values of Kubernetes secrets, which are short."""
    if len(text.data) > _LARGEST_MANIFEST:
        return
    joined = Joined(text, "base64")
    for match in _VALUE.finditer(text.data):
        encoded = match[2]
        if len(encoded) % 4:
            continue
        decoded = binascii.a2b_base64(encoded)
        if decoded.isascii() and b"\0" not in decoded:
            joined.add(match[1] + b": ", match.start(1), len(match[1]) + 2)
            joined.add(decoded, match.start(2), len(encoded))
            joined.part()
    yield from joined.text()


DECODERS = (
    Decoder("base64", (_TEXT,), _undo_text),
    Decoder("base64 of UTF-16", (_WIDE,), _undo_wide),
    Decoder("base64 of compressed data", (_MAGICS,), _undo_magic),
    Decoder("base64 in a Kubernetes secret", (_MANIFEST,), _undo_manifest),
)
