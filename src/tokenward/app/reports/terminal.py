"""A report for people at a terminal of 80 columns or more: worst first, each with what to do next.

What comes from outside (paths, authors, facts) is never taken for markup, and what cannot be seen in it is
spelled out: a file's name cannot colour, move or erase anything.
"""

import io
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tokenward.app.reports.grouping import Group, groups
from tokenward.app.reports.model import Location, Report, Row
from tokenward.app.reports.words import (
    confidence_word,
    count,
    headline,
    liveness,
    place,
    printable,
    problem_groups,
    severity_word,
)
from tokenward.auditor.findings import Section
from tokenward.base.severity import Severity
from tokenward.leaks.findings import Commit

FILE_WIDTH = 100
"""Columns in a file."""

MOST_ROWS = 1_000
"""Of findings: nobody reads more at a terminal."""

PLACES = 5
"""How many places of a finding are told; the other formats have all."""

_LONGEST_POINTER = 240  # characters

GROUPED = 10
"""How many of many findings of one kind are told; the other formats have all."""

PROBLEMS = 3
"""How many paths are told for each reason why something was not looked at."""

NAME_COLUMN = 22
"""Columns that names of claims get at most; longer ones stand above their value."""

_STYLES = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "bold yellow",
    Severity.LOW: "bold blue",
    Severity.INFO: "bold",
}
_LIVE = {"valid": "bold red", "refused": "", "ended": "", "unknown": "yellow"}
_INDENT = 2
_MEASURE = Console(width=80, color_system=None)  # only for what `Text.wrap` asks of one


def text(report: Report) -> str:
    """The report for a file, which has no colours whatever the environment says."""
    stream = io.StringIO()
    write(report, Console(file=stream, width=FILE_WIDTH, no_color=True, force_terminal=False))
    return stream.getvalue()


def show(report: Report) -> None:
    """Print it on standard output."""
    write(report, Console())


def write(report: Report, console: Console) -> None:
    """Print it. Colours are the console's business: none where it is no terminal, or `NO_COLOR` is set."""
    width = console.width
    for section in report.sections:
        _print(console, _section(section, width))
    told = groups(report.rows)
    for group in told[:MOST_ROWS]:
        _print(console, _row(group[0], width) if len(group) == 1 else _group(group, width))
    if len(told) > MOST_ROWS:
        more = sum(map(len, told[MOST_ROWS:]))
        _print(console, [Text(f"and {more:,} more findings, which the other formats have"), Text()])
    _print(console, _accepted(report, width))
    _print(console, _problems(report, width))
    _print(console, _end(report, width))


def _print(console: Console, lines: Iterable[Text]) -> None:
    """At once, which is several times as fast. No line is broken: paths can be copied and clicked."""
    whole = Text("\n").join(lines)
    if whole:
        console.print(whole, soft_wrap=True)


def _prose(text: Text, width: int, *, indent: int = 0, first: str = "") -> Iterator[Text]:
    """A paragraph, wrapped at words; `first` stands before its first line, and the others hang below it."""
    hang = cell_len(first)
    room = max(20, width - indent - hang)
    lines = [text] if text.cell_len <= room else text.wrap(_MEASURE, room)
    for number, line in enumerate(lines):
        line.rstrip()
        start = Text(" " * indent).append(first if number == 0 else " " * hang, style="dim")
        yield start.append_text(line)


def _section(section: Section, width: int) -> Iterator[Text]:
    """Names in a column, each with its value; what it means stands below, where there is something to say."""
    yield from _prose(Text(printable(section.title), style="bold"), width)
    column = min(NAME_COLUMN, max((cell_len(printable(each.name)) for each in section.entries), default=0))
    for entry in section.entries:
        name, value = printable(entry.name), printable(entry.value)
        source = f"({entry.source})" if entry.source else ""
        told = Text(" ".join(filter(None, (printable(entry.meaning), source))), style="dim")
        if cell_len(name) > column:  # a name of its own line
            yield from _prose(Text(name, style="cyan"), width, indent=_INDENT)
            first = " " * (column + 2)
        else:
            first = name + " " * (column + 2 - cell_len(name))
        if told and cell_len(first + value) + 2 + told.cell_len + _INDENT <= width:
            yield from _prose(Text(value).append("  ").append_text(told), width, indent=_INDENT, first=first)
            continue
        yield from _prose(Text(value), width, indent=_INDENT, first=first)
        if told:
            yield from _prose(told, width, indent=_INDENT, first=" " * (column + 2))
    yield Text()


def _head(row: Row, width: int, end: str = "") -> Iterator[Text]:
    head = Text().append(f" {severity_word(row.severity).upper()} ", style=_STYLES[row.severity])
    head.append(" ").append(printable(row.kind.title), style="bold")
    sure = confidence_word(row.confidence)
    yield from _prose(head.append(f" ({sure})" if sure else "").append(end), width)


def _group(group: Group, width: int) -> Iterator[Text]:
    """What is the same of all of them once, and then the places, each with what is peculiar to it."""
    first = group[0]
    yield from _head(first, width, f": {count(len(group), 'place')}")
    yield from _advice(first, width)
    for row in group[:GROUPED]:
        for location in row.locations:
            yield from _location(location, width)
        if row.detail:
            yield from _prose(Text(printable(row.detail)), width, indent=2 * _INDENT)
    if len(group) > GROUPED:
        yield Text(f"{' ' * _INDENT}and {len(group) - GROUPED:,} more, which the other formats have")
    yield Text()


def _advice(row: Row, width: int) -> Iterator[Text]:
    yield from _named("Why:  ", row.why, width)
    yield from _named("How:  ", row.kind.attack, width)
    yield from _named("Next: ", row.next, width)
    yield from _named("See:  ", ", ".join(row.kind.references), width)


def _row(row: Row, width: int) -> Iterator[Text]:
    yield from _head(row, width)
    for told in (row.detail, row.shown):
        if told:
            yield from _prose(Text(printable(told)), width, indent=_INDENT)
    for location in row.locations[:PLACES]:
        yield from _location(location, width)
    more = len(row.locations) - PLACES
    if more > 0:
        yield Text(f"{' ' * _INDENT}and {more:,} more")
    for name, value in row.facts.items():
        yield from _named(f"{printable(name)}: ", value, width)
    yield from _named("Why:  ", row.why, width)
    yield from _named("How:  ", row.kind.attack, width)
    if row.validity is not None:
        yield from _named("Live: ", liveness(row.validity), width, style=_LIVE[row.validity.state])
    if row.kind.uri:
        page = Text(" " * _INDENT).append("Page: ", style="dim")
        yield page.append(printable(row.kind.uri), style="underline")
    yield from _named("Next: ", row.next, width)
    yield from _named("See:  ", ", ".join(row.kind.references), width)
    yield Text()


def _named(first: str, told: str, width: int, *, style: str = "") -> Iterator[Text]:
    """A paragraph after the word for what it tells; nothing where there is nothing to tell."""
    if told:
        yield from _prose(Text(printable(told), style=style), width, indent=_INDENT, first=first)


def _shortened(pointer: str) -> str:
    """A name in it may fill pages; the other formats have all of it."""
    return pointer if len(pointer) <= _LONGEST_POINTER else f"{pointer[:_LONGEST_POINTER]}…"


def _location(location: Location, width: int) -> Iterator[Text]:
    told = Text(" " * _INDENT).append(place(location), style="cyan")
    pointer = _shortened(printable(location.pointer))
    fits = told.cell_len + cell_len(pointer) < width
    if pointer and fits:
        told.append(f" {pointer}")
    if location.decoded:
        told.append(f" (decoded from {', '.join(map(printable, location.decoded))})")
    yield told
    if pointer and not fits:
        yield Text(" " * 2 * _INDENT + pointer)
    if location.commit is not None:
        yield from _prose(Text(_commit(location.commit)), width, indent=2 * _INDENT)


def _commit(commit: Commit) -> str:
    kept = "still in HEAD" if commit.in_head else "only in the history"
    return f"{printable(commit.id[:10])}, {printable(commit.date[:10])}, {printable(commit.author)}: {kept}"


def _accepted(report: Report, width: int) -> Iterator[Text]:
    """Why what is accepted is: a reason in a file is nobody's decision before somebody has read it."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for row in report.accepted:
        if row.acceptance is not None:
            how = "a comment" if row.acceptance.how == "comment" else "the baseline"
            by_reason.setdefault((how, row.acceptance.reason), []).extend(map(place, row.locations))
    for (how, reason), places in by_reason.items():
        head = f"Accepted by {how}: {count(len(places), 'place')}: {printable(reason)}"
        yield from _prose(Text(head), width)
        for each in places[:PROBLEMS]:
            yield Text(" " * _INDENT + each)
        if len(places) > PROBLEMS:
            yield Text(f"{' ' * _INDENT}and {len(places) - PROBLEMS:,} more")
    if by_reason:
        yield Text()


def _problems(report: Report, width: int) -> Iterator[Text]:
    for why, skipped, members in problem_groups(report.problems):
        verb = "Left out" if skipped else "Could not be looked at"
        number = f"{count(len(members), 'file')}: " if report.part == "scan" else ""
        head = f"{verb}: {number}{printable(why)}"
        yield from _prose(Text().append(head, style="" if skipped else "yellow"), width)
        for problem in members[:PROBLEMS]:
            yield Text(" " * _INDENT + printable(problem.path))
        if len(members) > PROBLEMS:
            yield Text(f"{' ' * _INDENT}and {len(members) - PROBLEMS:,} more")
    if report.problems:
        yield Text()


def _end(report: Report, width: int) -> Iterator[Text]:
    for note in report.notes:
        yield from _prose(Text().append(printable(note), style="dim"), width)
    if not report.complete:
        yield Text("").append("Ended early: this is what was seen until then.", style="bold yellow")
    style = "bold green" if not report.rows and report.complete and not report.unseen else "bold"
    yield from _prose(Text().append(headline(report), style=style), width)
    pace = f": {printable(report.pace)}" if report.pace else ""
    yield from _prose(Text(printable(report.subject) + pace), width)
