"""All parts in one run, held against one baseline, in one report."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tokenward.app.ci.documents import changed_since
from tokenward.app.ci.found import Found
from tokenward.app.ci.parts import Part, audited, checked, probed, scanned, tested, without_configuration
from tokenward.app.reports.model import Report, Row
from tokenward.app.reports.words import idle_note
from tokenward.app.scan_baseline import OpenBaseline, open_baseline, write_baseline
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.secret import Secret
from tokenward.leaks.baseline import Entry, gone, split


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    Attributes:
        config: the configuration.
        config_named: whether somebody named it; else it need not be there.
        documents: OpenAPI documents; none means all that are here.
        changed: only what changed since the branch left this revision; "" for everything.
        skip: names of parts to leave out, as `Part.name`.
        baseline: the file of what was accepted before; None for none. It is of runs alone, not also of scans.
        baseline_key: a reference to its key; "" for the file beside it.
        probe: an operation of a live API; "" for none.
        token: a good token for it.
        permitted: the user says that it is theirs to test.
    """

    config: Path
    config_named: bool = False
    documents: Sequence[str] = ()
    changed: str = ""
    skip: Collection[str] = ()
    baseline: Path | None = None
    baseline_key: str = ""
    probe: str = ""
    token: Secret | None = None
    permitted: bool = False


PARTS = ("scan", "openapi", "check", "test")
"""In the order in which they run; after them comes a probe, if that is asked for."""


def run(wanted: Wanted) -> Report:
    """Everything that is asked for, without what the baseline accepts.

    Raises:
        CannotScan: `changed` is no revision here.
        ValueError: the baseline is none, or its key does not fit.
        OSError: the baseline cannot be read.
    """
    opened = None if wanted.baseline is None else _opened(wanted.baseline, wanted, to_update=False)
    report = _report(wanted, _looked(wanted, opened), SYSTEM_CLOCK.time())
    return report if opened is None else _held(report, opened, wanted)[0]


def accept(wanted: Wanted, baseline: Path, *, reason: str, until: date | None) -> int:
    """Write a baseline that accepts what counts now.

    Args:
        wanted: for the run.
        baseline: the file.
        reason: why it is accepted.
        until: the last day on which it is; None for 90 days from now.

    Returns:
        How many entries the file holds now.

    Raises:
        CannotScan, ValueError, OSError: as above; the baseline is as it was.
    """
    opened = _opened(baseline, wanted, to_update=True)
    report, idle = _held(_report(wanted, _looked(wanted, opened), SYSTEM_CLOCK.time()), opened, wanted)
    today = _today()
    return write_baseline(
        opened,
        [Found(row) for row in report.rows],
        idle,
        reason=reason,
        until=until or today + timedelta(days=90),
        today=today,
    )


def _opened(baseline: Path, wanted: Wanted, *, to_update: bool) -> OpenBaseline:
    return open_baseline(baseline, wanted.baseline_key, today=_today(), to_update=to_update)


def _today() -> date:
    return datetime.fromtimestamp(SYSTEM_CLOCK.time(), UTC).date()


def _looked(wanted: Wanted, opened: OpenBaseline | None) -> list[Part]:
    changed = changed_since(wanted.changed) if wanted.changed else None
    key = opened.key if opened is not None and opened.lasting else None
    looks: Mapping[str, Callable[[], Part]] = {
        "scan": lambda: scanned(wanted.changed, key),
        "openapi": lambda: audited(wanted.documents, changed),
        "check": lambda: _configured(wanted, "check", checked),
        "test": lambda: _configured(wanted, "test", tested),
    }
    parts = [looks[name]() for name in PARTS if name not in wanted.skip]
    if wanted.probe and wanted.token is not None:
        parts.append(probed(wanted.probe, wanted.token, permitted=wanted.permitted))
    return parts


def _configured(wanted: Wanted, name: str, look: Callable[[Path], Part]) -> Part:
    if os.path.lexists(wanted.config):  # a link that leads nowhere is a configuration that cannot be read
        return look(wanted.config)
    return without_configuration(name, wanted.config, named=wanted.config_named)


def _report(wanted: Wanted, parts: Sequence[Part], now: float) -> Report:
    rows = [row for part in parts for row in part.rows]
    return Report(
        part="ci",
        title="Continuous check",
        subject=f"{Path.cwd().name}, changes since {wanted.changed}" if wanted.changed else Path.cwd().name,
        at=now,
        rows=tuple(sorted(rows, key=lambda row: -row.severity)),
        accepted=tuple(row for part in parts for row in part.accepted),
        problems=tuple(problem for part in parts for problem in part.problems),
        notes=(
            *(f"{part.name}: {part.told}" for part in parts),
            *(f"{name}: left out" for name in PARTS if name in wanted.skip),
        ),
        complete=all(part.complete for part in parts),
    )


def _held(report: Report, opened: OpenBaseline, wanted: Wanted) -> tuple[Report, tuple[Entry, ...]]:
    """The report without what the baseline accepts, and the entries that accepted nothing."""
    found = [Found(row) for row in report.rows]
    counting, accepted = split(found, opened.baseline, _today())
    whole = report.complete and not (wanted.changed or wanted.skip or wanted.documents)
    idle = gone(opened.baseline, found) if whole else ()
    notes = (*report.notes, idle_note(len(idle))) if idle else report.notes
    rows: tuple[Row, ...] = tuple(each.row for each in counting)
    passed = (*report.accepted, *(each.row for each in accepted))
    return replace(report, rows=rows, accepted=passed, notes=notes), idle
