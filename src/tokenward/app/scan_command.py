"""What `tokenward scan` does, whoever calls it: from a source to a report, a baseline or an explanation.

A commit waits for this. Whatever most commits have no use for is imported where it is used.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tokenward.app.reports.leaks import leak_report
from tokenward.app.reports.model import Report
from tokenward.app.reports.progress import progress
from tokenward.app.reports.words import headline
from tokenward.app.reports.writing import Format, write_report
from tokenward.app.scan_sources import Asked, everything, source_of
from tokenward.app.scanning import processors, searcher
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.entropy import random_bytes
from tokenward.base.severity import Confidence
from tokenward.leaks.collecting import Collector
from tokenward.leaks.detection.patterns import PatternError
from tokenward.leaks.result import ScanResult
from tokenward.leaks.rule import Rule, RuleError
from tokenward.leaks.scan import scan as run_scan
from tokenward.leaks.sources.source import CannotScan, Source

if TYPE_CHECKING:
    from tokenward.app.scan_baseline import OpenBaseline
    from tokenward.leaks.baseline import Entry

CLEAN, FOUND, NOT_SCANNED = 0, 1, 2
"""Exit codes. Clean is only what was looked at: something broken or an early end is no 0."""

Inquire = Callable[[ScanResult], ScanResult]


class Wanted(NamedTuple):
    """The options of the command.

    Attributes:
        asked: which source.
        paths: of it.
        rules: files with rules beside those that come with Tokenward.
        confidence: the least of what counts.
        comments: whether a comment beside a secret lets it pass; None: yes, but in what a server receives.
        baseline: the file of what was accepted before; None for none.
        baseline_key: a reference to its key; "" for the file beside it.
        update_baseline: accept what counts now.
        reason: why, for that.
        until: the last day of it; None for 90 days from now.
        form: of the report.
        output: the report's file; None for standard output.
        check: names of providers to be asked whether their credentials are live.
        check_production: that is permitted for credentials of production.
        report_to: URL of an issuer of ours to be told of its credentials; "" for none.
        report_token: a reference to an access token for that.
    """

    asked: Asked
    paths: Sequence[Path] = ()
    rules: Sequence[Path] = ()
    confidence: Confidence = Confidence.MEDIUM
    comments: bool | None = None
    baseline: Path | None = None
    baseline_key: str = ""
    update_baseline: bool = False
    reason: str = ""
    until: date | None = None
    form: Format = Format.TERMINAL
    output: Path | None = None
    check: Sequence[str] = ()
    check_production: bool = False
    report_to: str = ""
    report_token: str = ""


class ScanFailed(Exception):  # noqa: N818 - says what it is
    """The scan could not be made, or its report not be written; the message is for people."""


def scan(wanted: Wanted) -> int:
    """Scan, and write the report or the baseline.

    Returns:
        The exit code.

    Raises:
        ScanFailed: in which case no report was written, and the baseline is as it was.
    """
    with failures_told():
        if wanted.update_baseline:
            return _rewritten(wanted)
        report = scan_report(wanted)
        write_report(report, wanted.form, wanted.output)
    if wanted.output is not None:
        sys.stderr.write(f"{headline(report)}: {wanted.output}\n")
    return _exit_code(report)


def scan_report(wanted: Wanted, *, key: bytes | None = None) -> Report:
    """Scan, and hold it against the baseline.

    Args:
        wanted: what to scan and how.
        key: without a baseline here, that under which guessable secrets are named, if others do that later.

    Raises:
        CannotScan, RuleError, PatternError, ValueError, OSError: the scan could not be made.
    """
    now = SYSTEM_CLOCK.time()
    source = source_of(wanted.paths, wanted.asked)
    if wanted.baseline is None:
        result, inquire = _scanned(source, wanted, key or random_bytes(32))
        return leak_report(inquire(_sure(result, wanted.confidence)), at=now, lasting_key=key is not None)
    held = _held_against(wanted.baseline, source, wanted, now)
    result = held.inquire(_sure(held.result, wanted.confidence))
    return leak_report(result, at=now, lasting_key=held.opened.lasting, unused=len(held.idle))


class _Held(NamedTuple):
    """A scan held against its baseline, and the entries that accepted nothing."""

    opened: "OpenBaseline"
    result: ScanResult
    idle: tuple["Entry", ...]
    inquire: Inquire


def _held_against(baseline: Path, source: Source, wanted: Wanted, now: float) -> _Held:
    from tokenward.app.scan_baseline import apply, open_baseline  # noqa: PLC0415 - see above

    today = _day(now)
    opened = open_baseline(baseline, wanted.baseline_key, today=today, to_update=wanted.update_baseline)
    result, inquire = _scanned(source, wanted, opened.key)
    result, idle = apply(opened, result, today)
    if result.interrupted or not everything(wanted.paths, wanted.asked):
        idle = ()
    return _Held(opened, result, idle, inquire)


def _rewritten(wanted: Wanted) -> int:
    """Accept what counts now."""
    from tokenward.app.scan_baseline import write_baseline  # noqa: PLC0415 - see above

    if wanted.baseline is None or not wanted.reason:
        raise ScanFailed("--update-baseline needs --baseline FILE and --reason TEXT")
    if wanted.check or wanted.report_to:
        raise ScanFailed("--check and --report-to go with a report, not with --update-baseline")
    now = SYSTEM_CLOCK.time()
    held = _held_against(wanted.baseline, source_of(wanted.paths, wanted.asked), wanted, now)
    result, today = _sure(held.result, wanted.confidence), _day(now)
    until = wanted.until or today + timedelta(days=90)
    count = write_baseline(
        held.opened, result.findings, held.idle, reason=wanted.reason, until=until, today=today
    )
    sys.stderr.write(f"{wanted.baseline}: {count} entries\n")
    return CLEAN


def _day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()


def _scanned(source: Source, wanted: Wanted, key: bytes) -> tuple[ScanResult, Inquire]:
    # Whoever pushes has written the comments, too.
    comments = not wanted.asked.pre_receive if wanted.comments is None else wanted.comments
    search = searcher(wanted.rules, comments=comments)
    collector = Collector(search.rules, key)
    inquire = _inquiry(search.rules.values(), collector, wanted)
    with progress(f"scanning {source.name}") as meter:
        result = run_scan(
            source,
            search,
            collector,
            workers=processors(),
            progress=lambda searched: meter.add(searched.size),
        )
    return result, inquire


def _inquiry(rules: Iterable[Rule], collector: Collector, wanted: Wanted) -> Inquire:
    """What is asked of others after the scan: normally nothing."""
    if not (wanted.check or wanted.report_to):
        return lambda result: result
    if wanted.check and (wanted.asked.pre_receive or wanted.asked.pre_push is not None):
        raise CannotScan("--check does not go with a hook: a push must not make this machine try credentials")
    from tokenward.app.inquiries import inquiry  # noqa: PLC0415 - see above

    return inquiry(
        rules,
        collector,
        check=wanted.check,
        production=wanted.check_production,
        issuer=wanted.report_to,
        issuer_token=wanted.report_token,
    )


def _sure(result: ScanResult, least: Confidence) -> ScanResult:
    """Without findings that are less sure."""
    return replace(
        result, findings=tuple(finding for finding in result.findings if finding.confidence >= least)
    )


@contextmanager
def failures_told() -> Iterator[None]:
    """What keeps a scan from being made, or its report from being written, in a line.

    Raises:
        ScanFailed: in place of what was raised inside.
    """
    try:
        yield
    except (CannotScan, RuleError, PatternError, ValueError) as error:
        raise ScanFailed(str(error)) from error
    except OSError as error:
        told = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise ScanFailed(told) from error


def _exit_code(report: Report) -> int:
    """Clean is only what was looked at: what is broken, beyond a bound, or of a format not opened is no 0."""
    if report.rows:
        return FOUND
    return NOT_SCANNED if report.unseen or not report.complete else CLEAN
