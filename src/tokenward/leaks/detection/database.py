"""All patterns of all detectors in one database: which of them are in a text, found in a single pass.

Hyperscan does it where its wheel exists; RE2's set elsewhere. Both answer the same question, and no more than
that: pattern 17 is in there, and its first match ended at byte 4711. Captures are taken by RE2 afterwards, in
the few texts where something was found.
"""

from collections.abc import Collection, Sequence

from tokenward.leaks.detection.patterns import PatternDatabase


def build(patterns: Sequence[str], every: Collection[int] = ()) -> PatternDatabase:
    """A database over the patterns; their indexes are those of the sequence.

    Args:
        patterns: in the syntax that both engines share.
        every: indexes of patterns of which each match is told, and not only the first. They should end where
            no longer match ends: `a{3}`, or `a{3,}b`.

    Raises:
        PatternError: naming the first pattern that is no good.
    """
    try:
        from tokenward.leaks.detection.hyperscan_database import HyperscanDatabase  # noqa: PLC0415 - see above
    except ImportError:
        from tokenward.leaks.detection.re2_database import Re2Database  # noqa: PLC0415

        return Re2Database(patterns)
    return HyperscanDatabase(patterns, every)
