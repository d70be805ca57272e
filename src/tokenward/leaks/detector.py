"""What every detector is: rules that it speaks for, triggers that wake it, a function that looks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tokenward.leaks.findings import Candidate
from tokenward.leaks.recording import Recorder
from tokenward.leaks.rule import Rule
from tokenward.leaks.text import Text

Ends = Mapping[int, Sequence[int]]
"""Index of each trigger that was found -> offsets at which its matches ended, ascending."""


@dataclass(frozen=True, slots=True)
class Detector:
    """Looks for one family of secrets.

    Attributes:
        rules: what its candidates may name as their rule.
        triggers: patterns in the syntax that RE2 and Hyperscan share, over bytes. All triggers of all
            detectors are searched in one pass; the detector looks only at texts in which one of its own was
            found. A trigger must be found wherever a secret could be: better too often than too seldom, but
            each false alarm costs a call.
        find: yields candidates of the whole text, beginning at the offset at which the first trigger's match
            ended, less `reach`, and notes for the recorder why it let something go.
        reach: how many bytes before the end of a trigger's first match a secret may begin.
        near: yields the same as `find`, given where each trigger matched; for a detector of many forms, which
            then looks for each of them only where its trigger was.
        every: `near` wants to know where each match of a trigger ended, and not only the first.
        names: of files, in lower case, whose texts it looks at whatever they hold.
    """

    rules: tuple[Rule, ...]
    triggers: tuple[str, ...]
    find: Callable[[Text, int, Recorder], Iterator[Candidate]]
    reach: int = 0
    near: Callable[[Text, Ends, Recorder], Iterator[Candidate]] | None = None
    every: bool = False
    names: frozenset[str] = frozenset()
