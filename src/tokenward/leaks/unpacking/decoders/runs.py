"""Runs of the characters of an encoding, on one line or wrapped over many of the same width."""

import re
from functools import lru_cache
from typing import NamedTuple

_LEFT = 64 * 1024  # bytes before a hit that may belong to its run
_NARROWEST = 40  # characters of a line that goes on in the next
_BREAK = rb"(?:[ \t]*\\?(?:\r?\n|\\r\\n|\\n|\\r)[ \t>#*/]{0,60})"
_BEFORE = 128  # bytes in which the name that a value is given to stands
_NAME = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"


class Run(NamedTuple):
    """Where an encoded value stands.

    Attributes:
        start: its offset.
        end: the offset just after it.
        wrapped: it goes over several lines.
    """

    start: int
    end: int
    wrapped: bool


def run_around(data: bytes, start: int, end: int, alphabet: bytes, unit: int) -> Run:
    """The run of which a part was found; units of so many characters make whole bytes."""
    before = data[max(0, start - _LEFT) : start]
    earlier = len(before) - len(before.rstrip(alphabet))
    first = start - earlier // unit * unit
    line = _one_line(alphabet).match(data, end)
    stop = line.end() if line else end
    width = stop - (start - earlier)
    if width < _NARROWEST or data[stop : stop + 1] not in _MAY_BREAK:
        return Run(first, stop, wrapped=False)
    more = _further_lines(alphabet, width).match(data, stop)
    return Run(first, more.end(), wrapped=True) if more else Run(first, stop, wrapped=False)


_MAY_BREAK = {b"\n", b"\r", b"\\", b" ", b"\t"}


@lru_cache(maxsize=8)
def _one_line(alphabet: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"[%s]*" % re.escape(alphabet))


@lru_cache(maxsize=256)
def _further_lines(alphabet: bytes, width: int) -> re.Pattern[bytes]:
    """Lines of that width, and a shorter one that ends where nothing else follows in its line."""
    letter = rb"[%s]" % re.escape(alphabet)
    last = rb"(?:%s%s{1,%d}(?=={0,2}(?:[ \t]*(?:[\r\n\\]|$)|[\"'`<)])))?" % (_BREAK, letter, width)
    return re.compile(rb"(?:%s%s{%d}(?!%s))*%s" % (_BREAK, letter, width, letter, last))


def unwrapped(encoded: bytes) -> bytes:
    """The characters of a wrapped run without what stands between them; only line breaks do."""
    for break_ in (rb"\r", rb"\n"):
        encoded = encoded.replace(break_, b"")
    return encoded.translate(None, b"\\ \t\r\n>#*")


def name_before(data: bytes, start: int) -> bytes:
    """The name and the sign of an assignment that end just before; b"" if there are none."""
    before = data[max(0, start - _BEFORE) : start]
    assigned = before.rstrip(b" \t\"'`")
    if not assigned.endswith((b":", b"=", b"=>")):
        return b""
    name_end = len(assigned.rstrip(b" \t\"'`]:=>"))
    name_start = len(before[:name_end].rstrip(_NAME))
    return before[name_start:] if name_start < name_end else b""
