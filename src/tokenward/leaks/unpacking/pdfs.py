"""PDF: what its streams hold when inflated, and the text that its pages show (ISO 32000-1 §7.3, §9.4).

Text set with the glyph numbers of an embedded subset font is not put back into letters.
"""

import re
from collections.abc import Iterator

from tokenward.leaks.unpacking import streams
from tokenward.leaks.unpacking.limits import MIB, Budget
from tokenward.leaks.unpacking.member import Flaw, Member

_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_FILTERED, _PICTURE = (
    re.compile(rb"/Fl(?:ateDecode)?\b"),
    re.compile(rb"/Subtype\s*/Image|/FontFile|/Length1\b"),
)
_DICTIONARY = 1024  # bytes before a stream in which its dictionary stands
_STREAMS = 64 * MIB  # of all streams of a file
# Strings, in brackets or as hex; and what moves to another line. `'` and `"` are operators as well.
_SHOWN = re.compile(
    rb"\(((?:[^()\\]|\\.|\([^()]*\))*)\)|<([0-9A-Fa-f\s]+)>|\b(Td|TD|Tm|T\*|ET|')(?=\s|$)", re.DOTALL
)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_ESCAPES = {
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"b": b"\b",
    b"f": b"\f",
    b"\n": b"",
    b"\r": b"",
    b"\r\n": b"",
}


def members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`."""
    inflated: list[bytes] = []
    size = broken = 0
    for start in _STREAM.finditer(data):
        dictionary = data[max(0, start.start() - _DICTIONARY) : start.start()]
        dictionary = dictionary[dictionary.rfind(b" obj") + 1 :]
        if not _FILTERED.search(dictionary) or _PICTURE.search(dictionary):
            continue
        budget.count_member()
        out = streams.decompressed(data, streams.ZLIB, budget, start.end())
        broken += bool(out.why) and not out.data
        inflated.append(out.data)
        size += len(out.data)
        if size > _STREAMS:
            yield Flaw(f"more than {_STREAMS:,} bytes of streams")
            break
    if b"/Encrypt" in data:
        yield Flaw("encrypted")
    elif broken:
        yield Flaw(f"{broken} streams are broken or of an unknown form")
    if inflated:
        yield Member("streams", b"\n".join(inflated))
    if shown := b"".join(
        _text(stream) for stream in [data, *inflated] if b"ET" in stream and b"BT" in stream
    ):
        yield Member("text", shown)


def _text(stream: bytes) -> bytes:
    """The strings that a page shows, those of a line joined."""
    parts = []
    for literal, digits, operator in _SHOWN.findall(stream):
        if operator:
            parts.append(b"\n")
        elif digits:
            plain = b"".join(digits.split())
            parts.append(bytes.fromhex((plain + b"0" * (len(plain) % 2)).decode()).replace(b"\0", b""))
        else:
            parts.append(_ESCAPE.sub(_unescaped, literal) if b"\\" in literal else literal)
    return b"".join(parts) + b"\n"


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match[1]
    if escape[:1] in b"01234567" and escape:
        return bytes([int(escape, 8) & 0xFF])
    return _ESCAPES.get(escape, escape)
