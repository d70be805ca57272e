"""Bytes written as numbers: plain hex, and lists of hex or decimal numbers.

Only those are looked at that can be text: in hex, the first digit of each pair is 2 to 7.
"""

import binascii
import re
from collections.abc import Iterator

import re2

from tokenward.leaks.compiling import over_bytes
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.decoders.decoder import Decoder, Joined
from tokenward.leaks.unpacking.decoders.runs import name_before, run_around, unwrapped
from tokenward.leaks.unpacking.limits import MIB, Budget, Limits

_DIGITS = b"0123456789abcdefABCDEF"
_PAIR = "(?:[2-7][0-9A-Fa-f]|0[9AaDd])"
_HEX = f"{_PAIR}{{12}}"
_GZIP = "1[fF]8[bB]08[0-9A-Fa-f]{30}"
_BETWEEN = r"[\s,;'\"]+"
_HEX_LIST = rf"0[xX]{_PAIR}(?:{_BETWEEN}0[xX]{_PAIR}){{7}}"
# As registry files of Windows have it; strings there are UTF-16, which another decoder undoes.
_REGISTRY = r"hex(?:\([0-9a-f]\))?:(?:[0-9a-f]{2},(?:\\\r?\n\s*)?){8}"
_NUMBER = "(?:9|1[03]|3[2-9]|[4-9][0-9]|1[01][0-9]|12[0-6])"
_DECIMAL_LIST = rf"[\[({{]\s*{_NUMBER}(?:\s*,\s*{_NUMBER}){{7}}"
_AT_ONCE = 1 << 16  # bytes of a list
_REACH = 512  # bytes: longer than any match of these

_FIND_HEX, _FIND_GZIP = over_bytes(_HEX), over_bytes(_GZIP)
_HEX_LISTS = over_bytes(rf"0[xX][0-9A-Fa-f]{{2}}(?:{_BETWEEN}0[xX][0-9A-Fa-f]{{2}}){{7,}}")
_DECIMAL_LISTS = over_bytes(r"[\[({]\s*([0-9]{1,3}(?:\s*,\s*[0-9]{1,3}){7,})")
_REGISTRY_VALUES = over_bytes(r"hex(?:\([0-9a-f]\))?:((?:[0-9a-f]{2},(?:\\\r?\n\s*)?){8,}[0-9a-f]{2})")
_TWO_DIGITS = re.compile(rb"[xX]([0-9A-Fa-f]{2})")
_PRINTABLE = bytes(range(32, 127)) + b"\t\n\r"


def _hex_runs(text: Text, start: int, pattern: "re2._Regexp[bytes]") -> Iterator[tuple[bytes, int, int]]:
    data, at = text.data, max(0, start - _REACH)
    while (match := pattern.search(data, at)) is not None:
        run = run_around(data, match.start(), match.end(), _DIGITS, 2)
        encoded = data[run.start : run.end]
        digits = unwrapped(encoded) if run.wrapped else encoded
        yield binascii.unhexlify(digits[: len(digits) & ~1]), run.start, run.end - run.start
        at = max(run.end, match.end())


def _undo_hex(text: Text, start: int) -> Iterator[Text]:
    joined = Joined(text, "hex")
    for decoded, origin, length in _hex_runs(text, start, _FIND_HEX):
        if name := name_before(text.data, origin):
            joined.add(name, origin - len(name), len(name))
        joined.add(decoded, origin, length)
        joined.part()
        yield from joined.full()
    yield from joined.text()


def _undo_gzip(text: Text, start: int) -> Iterator[Text]:
    from tokenward.leaks.unpacking import streams  # noqa: PLC0415 - few texts have any

    budget = Budget(len(text.data), Limits(free=MIB, ratio=4))
    joined = Joined(text, "hex", "gzip")
    for decoded, origin, length in _hex_runs(text, start, _FIND_GZIP):
        if budget.room() <= 0:
            break
        begin = decoded.find(streams.GZIP.magic)
        joined.add(streams.decompressed(decoded, streams.GZIP, budget, begin).data, origin, length)
        joined.part()
        yield from joined.full()
    yield from joined.text()


def _undo_hex_list(text: Text, start: int) -> Iterator[Text]:
    joined = Joined(text, "hex")
    at = max(0, start - _REACH)
    for match in _HEX_LISTS.finditer(text.data, at):
        for begin, end in _windows(text.data, *match.span(), b"0x", b"0X"):
            digits = b"".join(_TWO_DIGITS.findall(text.data, begin, end))
            _add_if_text(joined, binascii.unhexlify(digits), begin, end - begin)
        joined.part()
        yield from joined.full()
    yield from joined.text()


def _undo_registry(text: Text, start: int) -> Iterator[Text]:
    joined = Joined(text, "hex")
    for match in _REGISTRY_VALUES.finditer(text.data, max(0, start - _REACH)):
        digits = match[1].translate(None, b",\\\r\n \t")
        joined.add(binascii.unhexlify(digits[: len(digits) & ~1]), match.start(1), len(match[1]))
        joined.part()
        yield from joined.full()
    yield from joined.text()


def _undo_decimal_list(text: Text, start: int) -> Iterator[Text]:
    joined = Joined(text, "character codes")
    at = max(0, start - _REACH)
    for match in _DECIMAL_LISTS.finditer(text.data, at):
        for begin, end in _windows(text.data, *match.span(1), b","):
            numbers = [int(number) for number in text.data[begin:end].split(b",") if number.strip()]
            if max(numbers, default=256) < 256:
                _add_if_text(joined, bytes(numbers), begin, end - begin)
        joined.part()
        yield from joined.full()
    yield from joined.text()


def _windows(data: bytes, start: int, stop: int, *before: bytes) -> Iterator[tuple[int, int]]:
    """A list in parts, cut before such a mark: as objects, its numbers take tens of times their size."""
    while start < stop:
        end = min(start + _AT_ONCE, stop)
        if end < stop:
            cut = max(data.rfind(mark, start + 1, end) for mark in before)
            end = cut if cut > 0 else end
        yield start, end
        start = end


def _add_if_text(joined: Joined, decoded: bytes, origin: int, length: int) -> None:
    """Nearly all of it must be printable: there are many lists of numbers."""
    if len(decoded.translate(None, _PRINTABLE)) * 8 <= len(decoded):
        joined.add(decoded, origin, length)
    else:
        joined.part()


DECODERS = (
    Decoder("hex", (_HEX,), _undo_hex),
    Decoder("hex of gzip", (_GZIP,), _undo_gzip),
    Decoder("list of hex numbers", (_HEX_LIST,), _undo_hex_list),
    Decoder("registry values", (_REGISTRY,), _undo_registry),
    Decoder("list of character codes", (_DECIMAL_LIST,), _undo_decimal_list),
)
