"""What a pattern database answers, whichever engine is behind it."""

from typing import Protocol

Hits = dict[int, int]


class PatternError(ValueError):
    """A pattern is outside of the syntax that both engines share."""


class PatternDatabase(Protocol):
    """Answers which patterns occur. One database belongs to one process, and to one thread there."""

    def search(self, data: bytes) -> Hits:
        """Index of each pattern that occurs -> offset at which its first match ended, or 0 where unknown."""
