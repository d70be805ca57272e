"""`tokenward scan`: find every credential that escaped."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tokenward.app.cli.console import COULD_NOT_RUN, REFUSED, err, fail
from tokenward.app.reports.explain import target
from tokenward.app.reports.explain import write as write_explanation
from tokenward.app.reports.leaks import leak_report
from tokenward.app.reports.progress import progress
from tokenward.app.reports.words import headline
from tokenward.app.reports.writing import Format, write_report
from tokenward.app.scan_baseline import OpenBaseline, apply, open_baseline, write_baseline
from tokenward.app.scan_sources import Asked, everything, source_of
from tokenward.app.scanning import explain, searcher
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.leaks.collecting import Collector
from tokenward.leaks.detection.patterns import PatternError
from tokenward.leaks.findings import Confidence
from tokenward.leaks.result import ScanResult
from tokenward.leaks.rule import RuleError
from tokenward.leaks.scan import scan as run_scan
from tokenward.leaks.sources.source import CannotScan, Source

_WHAT = "What to scan"
_COUNTS = "What counts"
_TOLD = "How it is told"


class Level(StrEnum):
    """What `--confidence` takes."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a day is written as 2026-12-31") from None


def scan(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Directories and files, - for standard input, or git's repository. Default: here."
        ),
    ] = None,
    *,
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            help="The git history of the repository at PATHS: all refs and reflogs.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    revisions: Annotated[
        str,
        typer.Option(
            "--range", metavar="REVISIONS", help="Commits, such as main..topic.", rich_help_panel=_WHAT
        ),
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            metavar="DATE", help="Commits of all refs since a date, as git reads it.", rich_help_panel=_WHAT
        ),
    ] = "",
    staged: Annotated[
        bool, typer.Option("--staged", help="What is going to be committed.", rich_help_panel=_WHAT)
    ] = False,
    pre_push: Annotated[
        str | None,
        typer.Option(
            metavar="REMOTE",
            help="What is going to be pushed; standard input is that of a pre-push hook.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    pre_receive: Annotated[
        bool,
        typer.Option(
            "--pre-receive",
            help="What is received; standard input is that of a pre-receive hook.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff",
            help="What diffs, logs with -p or mailed patches on standard input add.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    branch: Annotated[
        list[str] | None,
        typer.Option(help="With --history, only what this branch reaches; repeat.", rich_help_panel=_WHAT),
    ] = None,
    no_ignore: Annotated[
        bool,
        typer.Option(
            "--no-ignore",
            help="Also what git ignores and .tokenwardignore names.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    rules: Annotated[
        list[Path] | None,
        typer.Option(help="A file with rules of your own; repeat.", dir_okay=False, rich_help_panel=_COUNTS),
    ] = None,
    confidence: Annotated[
        Level, typer.Option(help="Least confidence of what is reported.", rich_help_panel=_COUNTS)
    ] = Level.MEDIUM,
    baseline: Annotated[
        Path | None,
        typer.Option(help="What was accepted before.", dir_okay=False, rich_help_panel=_COUNTS),
    ] = None,
    baseline_key: Annotated[
        str,
        typer.Option(
            help="Its key, as env:NAME or another reference; by default beside the baseline.",
            rich_help_panel=_COUNTS,
        ),
    ] = "",
    update_baseline: Annotated[
        bool,
        typer.Option(
            "--update-baseline", help="Accept what counts now, with --reason.", rich_help_panel=_COUNTS
        ),
    ] = False,
    reason: Annotated[str, typer.Option(help="Why, for --update-baseline.", rich_help_panel=_COUNTS)] = "",
    until: Annotated[
        date | None,
        typer.Option(
            parser=_day, metavar="DAY", help="How long: 90 days by default.", rich_help_panel=_COUNTS
        ),
    ] = None,
    chosen: Annotated[
        Format, typer.Option("--format", help="Form of the report.", rich_help_panel=_TOLD)
    ] = Format.TERMINAL,
    explained: Annotated[
        str,
        typer.Option(
            "--explain",
            metavar="FILE:LINE",
            help="Tell instead why something in that line is reported, or is not.",
            rich_help_panel=_TOLD,
        ),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(help="File of the report; standard output by default.", rich_help_panel=_TOLD),
    ] = None,
) -> None:
    """Find credentials in files, in git histories and in what is shipped, and tell what to do.

    Everything happens on this machine: no credential is tried, and none is shown. Archives and encodings are
    opened. Exit code 0 if there is nothing, 1 if something was found, 2 if something could not be scanned.

    Examples: tokenward scan; tokenward scan --history; tokenward scan dist/app.apk;
    git diff | tokenward scan --diff
    """
    now = SYSTEM_CLOCK.time()
    today = datetime.fromtimestamp(now, UTC).date()
    if update_baseline and (baseline is None or not reason):
        fail("--update-baseline needs --baseline FILE and --reason TEXT")
    with _failures_told():
        if explained:
            write_explanation(explain(*target(explained), rules or []), Console())
            return
        asked = Asked(
            history=history,
            revisions=revisions,
            since=since,
            staged=staged,
            pre_push=pre_push,
            pre_receive=pre_receive,
            diff=diff,
            branches=tuple(branch or ()),
            ignore=not no_ignore,
        )
        source = source_of(paths or [], asked)
        opened = open_baseline(baseline, baseline_key, today=today, to_update=update_baseline)
        result = _scanned(source, rules or [], opened)
        result, idle = apply(opened, result, today, at_least=Confidence[confidence.name])
        if result.interrupted or not everything(paths or [], asked):
            idle = ()
        if update_baseline:
            last = until or today + timedelta(days=90)
            count = write_baseline(opened, result, idle, reason=reason, until=last, today=today)
            err.print(f"{baseline}: {count} entries", markup=False)
            return
        report = leak_report(result, at=now, lasting_key=opened.lasting, unused=len(idle))
        write_report(report, chosen, output, Console())
        if output is not None:
            err.print(f"{headline(report)}: {output}", markup=False)
    raise typer.Exit(_exit_code(result))


def _scanned(source: Source, rules: Sequence[Path], opened: OpenBaseline) -> ScanResult:
    search = searcher(rules)
    collector = Collector(search.rules, opened.key)
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with progress(err, f"scanning {source.name}") as meter:
        return run_scan(
            source,
            search,
            collector,
            workers=workers,
            progress=lambda searched: meter.add(searched.size),
        )


@contextmanager
def _failures_told() -> Iterator[None]:
    """What keeps the scan from being made, or its report from being written, in a line."""
    try:
        yield
    except (CannotScan, RuleError, PatternError, ValueError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _exit_code(result: ScanResult) -> int:
    """Clean is only what was looked at: something broken or an early end is no 0."""
    if result.findings:
        return REFUSED
    broken = any(not trouble.skipped for trouble in result.troubles)
    return COULD_NOT_RUN if broken or result.interrupted else 0
