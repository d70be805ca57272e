"""quoted-printable (RFC 2045 §6.7): "=3D" for a sign, and "=" at the end of a line that goes on."""

import binascii
from collections.abc import Iterator

from tokenward.leaks.compiling import over_bytes
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.decoders.decoder import Decoder, Joined

# A line cut in the middle of a word, or a sign that is always encoded.
_TRIGGERS = (r"=3D[\x21-\x7e]", r"[A-Za-z0-9_+/-]=\r?\n[A-Za-z0-9_+/-]")
_LINES = over_bytes(r"(?:[^\n]*=\r?\n)+[^\n]*|[^\n]*=3D[^\n]*")


def _undo(text: Text, start: int) -> Iterator[Text]:
    begin = text.data.rfind(b"\n", 0, max(start - 4, 0)) + 1
    joined = Joined(text, "quoted-printable")
    for match in _LINES.finditer(text.data, begin):
        joined.add(binascii.a2b_qp(match[0]), match.start(), len(match[0]))
        joined.part()
        yield from joined.full()
    yield from joined.text()


DECODERS = (Decoder("quoted-printable", _TRIGGERS, _undo),)
