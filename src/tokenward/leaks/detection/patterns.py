"""What a pattern database answers, whichever engine is behind it."""

from typing import Protocol

Hits = dict[int, list[int]]
"""Index of each pattern that occurs -> offsets at which matches ended, in no certain order.

Of the first match or of all of them, as the database was built; of none where the engine cannot tell."""


class PatternError(ValueError):
    """A pattern is outside of the syntax that both engines share, or more than one of them can hold.

    Attributes:
        pattern: which.
        why: what its engine says.
        where: whose it is, for people; "" where nobody has said yet.
    """

    def __init__(self, pattern: str, why: str, where: str = "") -> None:
        self.pattern, self.why, self.where = pattern, why, where
        super().__init__(f"{where}: the pattern {pattern!r}: {why}".removeprefix(": "))


class PatternDatabase(Protocol):
    """Answers which patterns occur. One database belongs to one process, and to one thread there."""

    def search(self, data: bytes) -> Hits:
        """The patterns that occur in the data."""
