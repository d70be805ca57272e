"""Why something was found, or was not: what the stages tell whoever asked (`tokenward scan --explain`).

A stage notes what it decided about one possible secret. Normally nobody listens, and then a note must cost
nothing: where the reason has to be put together, ask `recorder.wanted` first.

    if recorder.wanted:
        recorder.note("entropy", rule.id, start, "dropped", f"{bits:.1f} bits a character, not 3")
"""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

Stage = Literal[
    "source",  # the file was read, left out, or too large
    "unpacking",  # a container was opened, an encoding undone
    "trigger",  # the search over all patterns at once
    "capture",  # the rule's own pattern, or what a detector parsed
    "path",  # the rule's globs
    "pair",  # the second part beside it
    "shape",  # placeholders, words, repetitions, length
    "entropy",
    "checksum",
    "context",  # names and words around it, examples and tests
    "overlap",  # another candidate covers the same bytes
    "allowing",  # an inline comment
    "baseline",
    "result",  # found, with this severity and confidence
]

Verdict = Literal[
    "passed",  # goes on to the next stage
    "dropped",  # ends here
    "changed",  # goes on with another severity or confidence, as the reason says
]

WHOLE_TEXT: Final = -1
"""The `start` of a note that is about the text as a whole."""


class Recorder(Protocol):
    """Listens to the stages of one text.

    Attributes:
        wanted: whether anybody listens; False spares the stages the making of reasons.
    """

    @property
    def wanted(self) -> bool: ...  # noqa: D102 - said above

    def note(self, stage: Stage, rule: str, start: int, verdict: Verdict, reason: str) -> None:
        """Take down what a stage decided.

        Args:
            stage: who decided.
            rule: the id of the rule; "" where none is concerned yet.
            start: offset in the text's bytes at which the possible secret begins, or `WHOLE_TEXT`.
            verdict: what became of it.
            reason: in words, for people. Never holds a byte of the secret.
        """
        ...


@dataclass(frozen=True, slots=True)
class Note:
    """One note, as `Recorder.note` got it."""

    stage: Stage
    rule: str
    start: int
    verdict: Verdict
    reason: str


class Notes:
    """A recorder that keeps what it is told, in order."""

    wanted = True

    def __init__(self) -> None:
        self.kept: list[Note] = []

    def note(self, stage: Stage, rule: str, start: int, verdict: Verdict, reason: str) -> None:
        """See `Recorder.note`."""
        self.kept.append(Note(stage, rule, start, verdict, reason))


class _Silence:
    wanted = False

    def note(self, stage: Stage, rule: str, start: int, verdict: Verdict, reason: str) -> None:
        pass


SILENCE: Final[Recorder] = _Silence()
"""Nobody listens: what stages are given unless somebody asked."""
