"""A report for people at a terminal of 80 columns or more: worst first, each with what to do next.

What comes from outside (paths, authors, facts) is never taken for markup, and what cannot be seen in it is
spelled out: a file's name cannot colour, move or erase anything.
"""

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tokenward.app.reports.model import Location, Report, Row
from tokenward.app.reports.words import (
    confidence_word,
    count,
    headline,
    place,
    printable,
    problem_groups,
    severity_word,
)
from tokenward.leaks.findings import Commit, Severity

PLACES = 5
"""How many places of a finding are told; the other formats have all."""

PROBLEMS = 3
"""How many paths are told for each reason why something was not looked at."""

_STYLES = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "bold yellow",
    Severity.LOW: "bold blue",
    Severity.INFO: "bold",
}
_INDENT = 2


def write(report: Report, console: Console) -> None:
    """Print it. Colours are the console's business: none where it is no terminal, or `NO_COLOR` is set."""
    for row in report.rows:
        _write_row(row, console)
    _write_problems(report, console)
    for note in report.notes:
        _line(console, Text(printable(note), style="dim"))
    _write_end(report, console)


def _line(console: Console, text: Text, *, indent: int = 0, first: str = "") -> None:
    """One paragraph, wrapped at words; `first` stands before its first line, and the others hang below it."""
    hang = cell_len(first)
    lines = text.wrap(console, max(20, console.width - indent - hang)) if text else [text]
    for number, line in enumerate(lines):
        line.rstrip()
        start = Text().append(first if number == 0 else " " * hang, style="dim")
        _whole_line(console, start.append_text(line), indent=indent)


def _whole_line(console: Console, text: Text, *, indent: int = 0) -> None:
    """One line that is never broken, so that paths can be copied and clicked."""
    console.print(Text(" " * indent).append_text(text), soft_wrap=True)


def _write_row(row: Row, console: Console) -> None:
    head = Text().append(f" {severity_word(row.severity).upper()} ", style=_STYLES[row.severity])
    head.append(" ").append(printable(row.kind.title), style="bold")
    sure = confidence_word(row.confidence)
    if sure:
        head.append(f" ({sure})")
    _line(console, head)
    if row.shown:
        _line(console, Text(printable(row.shown)), indent=_INDENT)
    for location in row.locations[:PLACES]:
        _write_location(location, console)
    more = len(row.locations) - PLACES
    if more > 0:
        _line(console, Text(f"and {more:,} more"), indent=_INDENT)
    for name, value in row.facts.items():
        _line(console, Text(printable(value)), indent=_INDENT, first=f"{printable(name)}: ")
    if row.why:
        _line(console, Text(printable(row.why)), indent=_INDENT, first="Why:  ")
    if row.kind.uri:
        page = Text().append("Page: ", style="dim").append(printable(row.kind.uri), style="underline")
        _whole_line(console, page, indent=_INDENT)
    if row.next:
        _line(console, Text(printable(row.next)), indent=_INDENT, first="Next: ")
    _line(console, Text())


def _write_location(location: Location, console: Console) -> None:
    told = Text().append(place(location), style="cyan")
    if location.decoded:
        told.append(
            f" (decoded from {', '.join(map(printable, location.decoded))})", style="not bold default"
        )
    _whole_line(console, told, indent=_INDENT)
    if location.commit is not None:
        _line(console, Text(_commit(location.commit)), indent=2 * _INDENT)


def _commit(commit: Commit) -> str:
    kept = "still in HEAD" if commit.in_head else "only in the history"
    return f"{printable(commit.id[:10])}, {printable(commit.date[:10])}, {printable(commit.author)}: {kept}"


def _write_problems(report: Report, console: Console) -> None:
    for why, skipped, members in problem_groups(report.problems):
        verb = "Left out" if skipped else "Could not be looked at"
        head = f"{verb}: {count(len(members), 'file')}: {printable(why)}"
        _line(console, Text(head, style="" if skipped else "yellow"))
        for problem in members[:PROBLEMS]:
            _whole_line(console, Text(printable(problem.path)), indent=_INDENT)
        if len(members) > PROBLEMS:
            _line(console, Text(f"and {len(members) - PROBLEMS:,} more"), indent=_INDENT)
    if report.problems:
        _line(console, Text())


def _write_end(report: Report, console: Console) -> None:
    if not report.complete:
        _line(console, Text("Ended early: this is what was seen until then.", style="bold yellow"))
    style = "bold green" if not report.rows and report.complete else "bold"
    _line(console, Text(headline(report), style=style))
    _line(
        console,
        Text(
            f"{printable(report.subject)}: {printable(report.pace)}"
            if report.pace
            else printable(report.subject)
        ),
    )
