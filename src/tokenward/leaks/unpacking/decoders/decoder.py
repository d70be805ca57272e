"""What every decoder is: triggers that wake it, and a function that undoes one encoding."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tokenward.leaks.text import Piece, Text


@dataclass(frozen=True, slots=True)
class Decoder:
    """Undoes one encoding, wherever it stands in a text.

    Attributes:
        name: as in `Text.decoded`.
        triggers: patterns in the syntax that RE2 and Hyperscan share, over bytes, searched in one pass with
            those of the detectors. They are narrow: a false alarm costs another look at the text.
        undo: yields what stands in the text when the encoding is undone, given the offset at which the first
            match of a trigger ended (or 0 where that is unknown). It joins many small pieces into one text.
    """

    name: str
    triggers: tuple[str, ...]
    undo: Callable[[Text, int], Iterator[Text]]


_MOST_PIECES = 20_000  # of one text, so that a file full of them takes no more memory than others


class Joined:
    """Collects pieces for one text after the other."""

    def __init__(self, parent: Text, *names: str) -> None:
        self._parent, self._names = parent, names
        self._parts: list[bytes] = []
        self._pieces: list[Piece] = []
        self._size = 0

    def add(self, data: bytes, origin: int, length: int) -> None:
        """A piece, and where its encoded form stands in the parent; nothing parts it from the one before."""
        self._pieces.append(Piece(self._size, origin, length))
        self._parts.append(data)
        self._size += len(data)

    def part(self) -> None:
        """What follows does not belong to what came, if anything did."""
        if self._parts and self._parts[-1] != b"\n":
            self._parts.append(b"\n")
            self._size += 1

    def full(self) -> Iterator[Text]:
        """The text, if it has as many pieces as one may have; then another one begins."""
        if len(self._pieces) >= _MOST_PIECES:
            yield from self.text()
            self._parts, self._pieces, self._size = [], [], 0

    def text(self) -> Iterator[Text]:
        """All of it as one text, or nothing if nothing was added."""
        if self._pieces:
            decoded = (*self._parent.decoded, *self._names)
            yield Text(b"".join(self._parts), self._parent.path, decoded, self._parent, tuple(self._pieces))
