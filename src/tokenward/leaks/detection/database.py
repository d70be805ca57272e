"""All patterns of all detectors in one database: which of them are in a text, found in a single pass.

Hyperscan does it where its wheel exists; RE2's set elsewhere. Both answer the same question, and no more than
that: pattern 17 is in there, and its first match ended at byte 4711. Captures are taken by RE2 afterwards, in
the few texts where something was found.
"""

from collections.abc import Sequence
from typing import Protocol

Hits = dict[int, int]


class PatternError(ValueError):
    """A pattern is outside of the syntax that both engines share."""


class PatternDatabase(Protocol):
    """Answers which patterns occur. One database belongs to one process, and to one thread there."""

    def search(self, data: bytes) -> Hits:
        """Index of each pattern that occurs -> offset at which its first match ended, or 0 where unknown."""


def build(patterns: Sequence[str]) -> PatternDatabase:
    """A database over the patterns; their indexes are those of the sequence.

    Raises:
        PatternError: naming the first pattern that is no good.
    """
    try:
        from tokenward.leaks.detection.hyperscan_database import HyperscanDatabase  # noqa: PLC0415 - see above
    except ImportError:
        from tokenward.leaks.detection.re2_database import Re2Database  # noqa: PLC0415

        return Re2Database(patterns)
    return HyperscanDatabase(patterns)
