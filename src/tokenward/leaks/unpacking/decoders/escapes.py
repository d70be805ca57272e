"""Escapes in running text: percent, backslashes, entities. They are undone where they stand, line by line.

All lines of a text in which such an escape stands are decoded in one go, so a line feed may not come out of
it: where one is written as an escape, a vertical tab stands for it.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

import re2

from tokenward.leaks.compiling import over_bytes
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.decoders.decoder import Decoder, Joined

# Of a line longer than this (a minified file) only so many bytes around an escape.
_BEFORE, _AFTER = 1000, 2000
_MAY_CUT = re.compile(rb"[\s;{}()<>]")  # where no value goes on
_FARTHEST_CUT = 65_536
_REACH = 512  # bytes: longer than any match of a trigger
_AT_ONCE = 1 << 20  # bytes of lines for one text: undoing them takes some fifty times as much memory
_FEED, _BACKSLASH = b"\x0b", b"\x0e"  # in the place of a line feed, of an escaped backslash

Undo = Callable[[bytes], bytes]


def _decoder(name: str, escape: str, triggers: tuple[str, ...], undo: Undo) -> Decoder:
    """A decoder for an escape; its triggers are stricter than the pattern of the escape itself."""
    pattern = over_bytes(escape)

    def lines(text: Text, start: int) -> Iterator[Text]:
        for units in _together(_units(text.data, max(0, start - _REACH), pattern)):
            after = undo(b"\n".join([text.data[begin:end] for begin, end in units])).split(b"\n")
            joined = Joined(text, name)
            for (begin, end), new in zip(units, after, strict=True):
                joined.add(new.replace(_FEED, b"\n"), begin, end - begin)
                joined.part()
            yield from joined.text()

    return Decoder(name, triggers, lines)


def _units(data: bytes, at: int, pattern: "re2._Regexp[bytes]") -> Iterator[tuple[int, int]]:
    """The lines, or parts of long ones, in which the pattern is found."""
    end = 0
    while (match := pattern.search(data, at)) is not None:
        first, after = match.span()
        begin = max(end, first - _BEFORE, 0)
        begin = max(begin, data.rfind(b"\n", begin, first) + 1)
        end = data.find(b"\n", after, after + _AFTER)
        if end < 0:
            cut = _MAY_CUT.search(data, min(after + _AFTER, len(data)), after + _FARTHEST_CUT)
            end = cut.start() if cut else min(after + _FARTHEST_CUT, len(data))
        yield begin, end
        at = end


def _together(units: Iterator[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """As many as make one text."""
    some: list[tuple[int, int]] = []
    size = 0
    for begin, end in units:
        some.append((begin, end))
        size += end - begin
        if size >= _AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some


def _each(data: bytes, mark: bytes, width: int, meaning: dict[bytes, bytes]) -> bytes:
    """Every `mark` followed by `width` bytes that mean something, replaced."""
    first, *rest = data.split(mark)
    parts = [first]
    for part in rest:
        byte = meaning.get(part[:width])
        if byte is None:
            parts += (mark, part)
        else:
            parts += (byte, part[width:])
    return b"".join(parts)


def _bytes_by(form: str, *, most: int = 256) -> dict[bytes, bytes]:
    """What each byte is written as -> the byte."""
    written = {(form % byte).encode(): bytes([byte]) for byte in range(most)}
    written |= {key.upper(): byte for key, byte in written.items()}
    return {key: _FEED if byte == b"\n" else byte for key, byte in written.items()}


_HEX, _OCTAL = _bytes_by("%02x"), _bytes_by("%03o")


def _percent(data: bytes) -> bytes:
    return unquote_to_bytes(data.replace(b"%0A", _FEED).replace(b"%0a", _FEED))


def _hex_escapes(data: bytes) -> bytes:
    return _each(data.replace(rb"\\x", rb"\x"), rb"\x", 2, _HEX)


def _octal_escapes(data: bytes) -> bytes:
    return _each(data.replace(rb"\\", b"\\"), b"\\", 3, _OCTAL)


_BRACED = re.compile(rb"\\u\{0{0,6}([0-9A-Fa-f]{2})\}")


def _unicode_escapes(data: bytes) -> bytes:
    data = _BRACED.sub(rb"\\u00\1", data)
    return _each(_each(data, rb"\u00", 2, _HEX), rb"\U000000", 2, _HEX)


def _json_string(data: bytes) -> bytes:
    data = data.replace(rb"\\", _BACKSLASH).replace(rb"\"", b'"').replace(rb"\/", b"/")
    data = data.replace(rb"\r\n", _FEED).replace(rb"\n", _FEED).replace(rb"\r", _FEED).replace(rb"\t", b"\t")
    return data.replace(_BACKSLASH, b"\\")


def _entities(data: bytes) -> bytes:
    from tokenward.leaks.unpacking.decoders.entities import undone  # noqa: PLC0415 - large, and seldom needed

    return undone(data, line_feed=_FEED)


_ASCII = "[2-7][0-9A-Fa-f]"
DECODERS = (
    # %2F and the like between characters of a value; not what `printf` takes.
    _decoder(
        "percent encoding",
        r"%(?:[2-7][0-9A-Fa-f]|0[9AaDd])",
        (
            r"[A-Za-z0-9_.~=-]%(?:2[BbFfDd5]|3[AaDdFf]|40|5[Ff])[A-Za-z0-9%]",
            rf"%{_ASCII}%{_ASCII}%{_ASCII}%{_ASCII}",
        ),
        _percent,
    ),
    _decoder("hex escapes", r"\\x[0-7][0-9A-Fa-f]", (rf"(?:\\x{_ASCII}){{3}}",), _hex_escapes),
    _decoder(
        "octal escapes", r"\\[01][0-7][0-7]", (r"(?:\\{1,2}(?:0[4-7][0-7]|1[0-7][0-7])){4}",), _octal_escapes
    ),
    _decoder(
        "unicode escapes",
        r"\\(?:u00[0-7]|U000000[0-7]|u\{)",
        (rf"\\(?:u00{_ASCII}|U000000{_ASCII}|u\{{0{{0,6}}{_ASCII}\}})",),
        _unicode_escapes,
    ),
    _decoder(
        "entities",
        r"&[#A-Za-z][A-Za-z0-9]{1,9};",
        (
            r"&#(?:[0-9]{2,3}|[xX](?:00)?[0-9A-Fa-f]{2});",
            r"[A-Za-z0-9]&(?:lowbar|UnderBar|sol|plus|equals|colon|period|commat|percnt|dollar);",
            r"[:=]\s?&quot;|&quot;\s?[:=]|[?&;][\w.-]+=[^\s<>\"']+&amp;",
        ),
        _entities,
    ),
    _decoder(
        "string in a string",
        r"\\[\"/nrt]",
        (r"\\\"\s*[:=]\s*\\\"", r":\\/\\/", r"[A-Za-z0-9+]\\/[A-Za-z0-9+]", r"KEY-----\\{1,2}[nr]"),
        _json_string,
    ),
)
