"""What was read, and where in it everything stands."""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Keys = tuple[str | int, ...]

_LINE_END = re.compile(r"\r\n?|\n")


class SourceError(Exception):
    """The file cannot be read as data.

    Attributes:
        code: stable.
        text: what is wrong; repeats no value of the file.
        remedy: how to mend it.
        line: from 1.
        column: from 1.
    """

    def __init__(self, code: str, text: str, remedy: str, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{code} at {line}:{column}: {text}")
        self.code = code
        self.text = text
        self.remedy = remedy
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is read.

    Attributes:
        size: bytes of the file.
        depth: levels of nesting.
        values: in all, once aliases are written out.
    """

    size: int
    depth: int
    values: int


class Lines:
    """Lines and columns of a text, both from 1, by offset. Counted when the first is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] = []

    def place(self, offset: int) -> tuple[int, int]:
        """Of the character at `offset`."""
        if not self._starts:
            self._starts = [0, *(match.end() for match in _LINE_END.finditer(self._text))]
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def error(self, code: str, text: str, remedy: str, offset: int) -> SourceError:
        """That something is wrong there."""
        return SourceError(code, text, remedy, *self.place(offset))


Marks = Mapping[int, list[int]]
"""By `id` of a list: the offset of each item. Of a dict: that of each key and of its value, in turn."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, read.

    Attributes:
        path: the file.
        data: dict, list, str, int, float, bool and None only. Aliases share values: do not change them.
        remarks: what is wrong and did not keep it from being read; only of `parse_leniently`.
        broken: why it was not read to its end, and holds only what came before; the same.
    """

    path: Path
    data: Any
    _lines: Lines = field(repr=False)
    _start: int = field(repr=False)
    _marks: Marks = field(repr=False)
    remarks: tuple[SourceError, ...] = ()
    broken: SourceError | None = None
    _orders: dict[int, dict[str, int]] = field(default_factory=dict, repr=False)

    def line_of(self, keys: Sequence[str | int]) -> tuple[int, int]:
        """Line and column, from 1, of the key that `keys` leads to, or of the nearest thing around it.

        A value in a mapping stands where its key does: that is what a person looks for.
        """
        return self._lines.place(self._walk(keys)[0])

    def value_line_of(self, keys: Sequence[str | int]) -> tuple[int, int]:
        """Line and column, from 1, where the value itself starts."""
        return self._lines.place(self._walk(keys)[1])

    def _walk(self, keys: Sequence[str | int]) -> tuple[int, int]:
        """Offsets of the key and of the value; twice that of the key around what is not there."""
        node, place = self.data, (self._start, self._start)
        for key in keys:
            marks = self._marks.get(id(node), ())
            number = self._number(node, key)
            if number is None:
                return place[0], place[0]
            if isinstance(node, dict):
                place = marks[2 * number], marks[2 * number + 1]
                node = node[key]
            else:
                place = marks[number], marks[number]
                node = node[number]
        return place

    def _number(self, node: object, key: str | int) -> int | None:
        """Where among its neighbours the child is; None if it is not there."""
        if isinstance(node, dict):
            order = self._orders.get(id(node))
            if order is None:
                order = self._orders[id(node)] = {each: number for number, each in enumerate(node)}
            return order.get(key) if isinstance(key, str) else None
        return key if isinstance(node, list) and isinstance(key, int) and 0 <= key < len(node) else None
