"""A report in GitHub's Markdown, for a comment under a pull request or a job's summary.

Whatever comes from outside stands in code spans: no link, no image, no HTML and no mention comes of it.
No tables: in their cells not even a code span is safe from a vertical bar.
"""

import re
from collections.abc import Iterator

from tokenward.app.reports.grouping import Group, groups
from tokenward.app.reports.model import Kind, Location, Report, Row
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
from tokenward.auditor.findings import Entry

MOST = 60_000
"""Characters: GitHub refuses a comment of more than 65,536."""

PLACES = 5
PROBLEMS = 3
LONGEST = 300
"""Characters of any text from outside."""

_BACKTICKS = re.compile("`+")


def text(report: Report) -> str:
    """The report, with a line break at its end."""
    parts = [f"### {report.title}: {headline(report)}\n"]
    if not report.complete:
        parts.append("**Ended early: this is what was seen until then.**\n")
    end = [*_problems(report), *(f"{note}\n" for note in report.notes), _subject(report)]
    room = MOST - sum(map(len, [*parts, *end]))
    for section in report.sections:
        share = room // 2 // len(report.sections)
        parts += _folded(printable(section.title), [_entry(each) for each in section.entries], share)
    room = MOST - sum(map(len, [*parts, *end]))
    parts += _fitting([_group(group) for group in groups(report.rows)], room // 2)
    parts += _folded("What to do", list(_what_to_do(report.rows)), room // 4)
    accepted = [_accepted(row) for row in report.accepted]
    parts += _folded(f"{len(accepted):,} accepted", accepted, room // 4)
    return "\n".join([*parts, *end])


def _fitting(items: list[str], room: int) -> list[str]:
    """As many as there is room for, and how many more there are."""
    kept: list[str] = []
    for number, item in enumerate(items):
        room -= len(item) + 1
        if room < 0:
            kept.append(f"- and {len(items) - number:,} more: the other formats have them all\n")
            break
        kept.append(item)
    else:
        if items:
            kept[-1] += "\n"
    return kept


def _folded(title: str, items: list[str], room: int) -> list[str]:
    if not items:
        return []
    return [f"<details><summary>{title}</summary>\n", *_fitting(items, room), "</details>\n"]


def _entry(entry: Entry) -> str:
    told = f": {_code(entry.meaning)}" if entry.meaning else ""
    source = f" ({entry.source})" if entry.source else ""
    return f"- {_code(entry.name)} {_code(entry.value)}{told}{source}"


def _group(group: Group) -> str:
    first = group[0]
    if len(group) == 1:
        return _row(first)
    lines = [f"{_head(first)}: {count(len(group), 'place')}"]
    for row in group[:PLACES]:
        told = f": {_code(row.detail)}" if row.detail else ""
        lines += [f"  - {_place(location)}{told}" for location in row.locations]
    if len(group) > PLACES:
        lines.append(f"  - and {len(group) - PLACES:,} more")
    if first.why:
        lines.append(f"  - {_code(first.why)}")
    return "\n".join(lines)


def _head(row: Row) -> str:
    sure = confidence_word(row.confidence)
    return f"- **{severity_word(row.severity)}** {row.kind.title}{f' ({sure})' if sure else ''}"


def _row(row: Row) -> str:
    lines = [f"{_head(row)}{f': {_code(row.shown)}' if row.shown else ''}"]
    if row.detail:
        lines.append(f"  - {_code(row.detail)}")
    lines += [f"  - {_place(location)}" for location in row.locations[:PLACES]]
    if len(row.locations) > PLACES:
        lines.append(f"  - and {len(row.locations) - PLACES:,} more")
    lines += [f"  - {_code(name)}: {_code(value)}" for name, value in row.facts.items()]
    if row.why:
        lines.append(f"  - {_code(row.why)}")
    if row.validity is not None:
        lines.append(f"  - live: {_code(liveness(row.validity))}")
    return "\n".join(lines)


def _place(location: Location) -> str:
    told = _code(place(location))
    if location.pointer:
        told += f" {_code(location.pointer)}"
    if location.decoded:
        told += f", decoded from {', '.join(map(_code, location.decoded))}"
    if location.commit is not None:
        commit = location.commit
        kept = "still in HEAD" if commit.in_head else "only in the history"
        told += f", {kept}: {_code(f'{commit.id[:10]} {commit.date[:10]} {commit.author}')}"
    return told


def _what_to_do(rows: tuple[Row, ...]) -> Iterator[str]:
    steps: dict[tuple[str, str], Kind] = {}
    for row in rows:
        if row.next:
            steps.setdefault((row.kind.id, row.next), row.kind)
    for (_, step), kind in steps.items():
        page = f" [Its page]({kind.uri})" if kind.uri else ""
        yield f"- {kind.title}: {step}{page}"


def _accepted(row: Row) -> str:
    where = ", ".join(_code(place(location)) for location in row.locations[:PLACES])
    told = f"- {row.kind.title}: {where}"
    if row.acceptance is not None:
        accepted = row.acceptance
        told += ", by a comment" if accepted.how == "comment" else ", by the baseline"
        told += f" until {accepted.until}" if accepted.until else ""
        told += f" ({_code(accepted.by)})" if accepted.by else ""
        told += f": {_code(accepted.reason)}"
    return told


def _problems(report: Report) -> list[str]:
    items = []
    thing = "file" if report.part == "scan" else "thing"
    for why, skipped, members in problem_groups(report.problems):
        verb = "left out" if skipped else "not looked at"
        named = ", ".join(_code(each.path) for each in members[:PROBLEMS])
        more = f" and {len(members) - PROBLEMS:,} more" if len(members) > PROBLEMS else ""
        items.append(f"- {count(len(members), thing)} {verb}: {_code(why)}: {named}{more}")
    return _folded(f"{count(len(report.problems), thing)} not looked at", items, MOST // 4)


def _subject(report: Report) -> str:
    return f"{_code(report.subject)}{f': {report.pace}' if report.pace else ''}\n"


def _code(outside: str) -> str:
    """A code span, whatever the text holds (CommonMark §6.1)."""
    shown = printable(outside)
    if len(shown) > LONGEST:
        shown = shown[: LONGEST - 1] + "…"
    if not shown.strip():
        return "(nothing)"
    fence = "`" * (max(map(len, _BACKTICKS.findall(shown)), default=0) + 1)
    gap = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{gap}{shown}{gap}{fence}"
