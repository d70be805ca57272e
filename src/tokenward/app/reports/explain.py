"""Why a line was found, or was not: what every stage of the scan decided (`tokenward scan --explain`)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text as Line

from tokenward.app.reports.words import count, printable
from tokenward.leaks.recording import WHOLE_TEXT, Note, Stage, Verdict
from tokenward.leaks.text import Text

_TARGET = re.compile(r"(?P<path>.+?):(?P<line>[1-9][0-9]{0,8})(?::[0-9]{1,9})?", re.DOTALL)
_MARKS: dict[Verdict, tuple[str, str]] = {
    "passed": ("✓", "green"),
    "dropped": ("✗", "red"),
    "changed": ("~", "yellow"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """What one stage decided.

    Attributes:
        stage: who.
        rule: the id of the rule; "" where none is concerned.
        verdict: what.
        reason: in words.
    """

    stage: Stage
    rule: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible secret of the line, and what became of it.

    Attributes:
        column: from 1, at which it begins; 0 in a binary file.
        decoded: the encodings undone to see it, outermost first.
        steps: in the order of the scan.
    """

    column: int
    decoded: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened to one line.

    Attributes:
        path: of the file.
        line: from 1.
        candidates: what was looked at there.
        whole: what was decided about the file as a whole.
    """

    path: str
    line: int
    candidates: tuple[Candidate, ...]
    whole: tuple[Step, ...]


def target(text: str) -> tuple[str, int]:
    """Path and line of `FILE:LINE`, or of `FILE:LINE:COLUMN` as reports write it.

    Raises:
        ValueError: it is neither.
    """
    match = _TARGET.fullmatch(text)
    if match is None:
        raise ValueError("a line is named as FILE:LINE, such as src/settings.py:12")
    return match["path"], int(match["line"])


def explanation(path: str, line: int, texts: Iterable[tuple[Text, Sequence[Note]]]) -> Explanation:
    """Sort out the notes of a scan of one file.

    Args:
        path: of the file.
        line: that somebody asks about.
        texts: the file's text and those decoded from it, each with the notes about it. The lines of a decoded
            text are its own: all of it is told.
    """
    candidates: list[Candidate] = []
    whole: dict[Step, None] = {}
    for text, notes in texts:
        by_start: dict[int, list[Step]] = {}
        for note in notes:
            step = Step(note.stage, note.rule, note.verdict, note.reason)
            if note.start == WHOLE_TEXT:
                whole[step] = None
            else:
                by_start.setdefault(note.start, []).append(step)
        for start, steps in sorted(by_start.items()):
            at, column = text.position(start)
            if at in {line, 0} or text.decoded:
                candidates.append(Candidate(column, text.decoded, tuple(steps)))
    return Explanation(path, line, tuple(candidates), tuple(whole))


def write(told: Explanation, console: Console) -> None:
    """Print it."""
    _print(console, Line(f"{printable(told.path)}:{told.line}", style="bold"))
    unwilling: dict[tuple[Stage, str], list[str]] = {}
    for step in told.whole:
        if step.verdict == "dropped" and step.rule:
            unwilling.setdefault((step.stage, step.reason), []).append(step.rule)
        else:
            _print(console, _step(step))
    if not told.candidates:
        _print(console, Line("  Nothing here has the form of a secret that a rule knows."))
    for candidate in told.candidates:
        where = f"column {candidate.column}" if candidate.column else "somewhere in the file"
        if candidate.decoded:
            where += f" of what was decoded from {', '.join(map(printable, candidate.decoded))}"
        _print(console, Line(f"  {where}"))
        for step in candidate.steps:
            _print(console, Line("  ").append_text(_step(step)))
    for (stage, reason), rules in sorted(unwilling.items()):
        head = f"  {count(len(rules), 'rule')} did not look at this file ({stage}: {printable(reason)}): "
        _print(console, Line(head).append(", ".join(map(printable, sorted(rules))), style="dim"))


def _step(step: Step) -> Line:
    mark, style = _MARKS[step.verdict]
    told = Line("  ").append(mark, style=style).append(f" {step.stage:10} ")
    if step.rule:
        told.append(f"{printable(step.rule)}: ", style="bold")
    return told.append(printable(step.reason))


def _print(console: Console, line: Line) -> None:
    console.print(line, soft_wrap=True)
