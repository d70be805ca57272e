"""A piece of text in which secrets are looked for, and the positions in it."""

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Optional


class Piece(NamedTuple):
    """Part of a text whose encoding was undone.

    Attributes:
        start: its offset in the text.
        origin: the offset in the parent's data at which its encoded form begins.
        length: bytes of the encoded form.
    """

    start: int
    origin: int
    length: int


@dataclass(frozen=True)
class Text:
    """Bytes to be searched.

    Attributes:
        data: the bytes; text in UTF-8 or another superset of ASCII, or a binary file's as they are.
        path: as in `Place.path`; detectors read the file's name and kind from it.
        decoded: encodings undone so far, outermost first.
        parent: the text in which the encoded form stands; None for one that is a file itself.
        pieces: where in the parent its parts come from, in order of `start`, the first at 0. Positions are
            those of the parent.
    """

    data: bytes = field(repr=False)
    path: str
    decoded: tuple[str, ...] = ()
    parent: Optional["Text"] = field(default=None, repr=False)
    pieces: tuple[Piece, ...] = field(default=(), repr=False)

    @cached_property
    def binary(self) -> bool:
        """Whether it holds a zero byte early on, as git decides it."""
        return b"\0" in self.data[:8000]

    @cached_property
    def name(self) -> str:
        """The last part of the path, in lower case."""
        return self.path.rsplit("!", 1)[-1].rsplit("/", 1)[-1].lower()

    @cached_property
    def suffix(self) -> str:
        """The name's last extension in lower case with its dot, or ""."""
        dot = self.name.rfind(".")
        return self.name[dot:] if dot > 0 else ""

    @cached_property
    def _reached(self) -> list[int]:
        """Offset, line and column up to which was counted: some texts have thousands of places to tell."""
        return [0, 1, 1]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of that offset, both from 1; (0, 0) in a binary file.

        For a text whose encoding was undone: about where the encoded form of that byte stands in the file.
        """
        if self.parent is not None:
            return self.parent.position(self.origin(offset))
        if self.binary:
            return (0, 0)
        reached, line, column = self._reached if offset >= self._reached[0] else (0, 1, 1)
        if lines := self.data.count(b"\n", reached, offset):
            reached = self.data.rfind(b"\n", reached, offset) + 1
            line, column = line + lines, 1
        # Only from the place before on: a line may be megabytes, with thousands of places.
        column += len(self.data[reached:offset].decode("utf-8", "replace"))
        self._reached[:] = offset, line, column
        return (line, column)

    def origin(self, offset: int) -> int:
        """The parent's offset: as far into the encoded form of the piece as this one is into the piece."""
        which = bisect_right(self.pieces, offset, key=lambda piece: piece.start) - 1
        start, origin, length = self.pieces[which]
        end = self.pieces[which + 1].start if which + 1 < len(self.pieces) else len(self.data)
        return origin + (offset - start) * length // max(end - start, 1)
