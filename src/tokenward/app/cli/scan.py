"""`tokenward scan`: find every credential that escaped."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tokenward.app.cli.console import fail
from tokenward.app.cli.report_options import (
    COUNTS,
    TOLD,
    BaselineKeyOption,
    BaselineOption,
    FormOption,
    OutputOption,
    ReasonOption,
    UntilOption,
    UpdateBaselineOption,
)
from tokenward.app.explaining import explain
from tokenward.app.reports.explain import target
from tokenward.app.reports.explain import write as write_explanation
from tokenward.app.reports.writing import Format
from tokenward.app.scan_command import ScanFailed, Wanted, failures_told
from tokenward.app.scan_command import scan as run_scan
from tokenward.app.scan_sources import Asked
from tokenward.base.severity import Confidence

_WHAT = "What to scan"
_ASKED = "Who else is asked or told (nobody, unless you say so)"

_TOKEN_PLACE = "env:TOKENWARD_REPORT_TOKEN"  # noqa: S105 - where it is kept, not what it is


class Level(StrEnum):
    """What `--confidence` takes."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


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
    unreachable: Annotated[
        bool,
        typer.Option(
            "--unreachable",
            help="With --history, also what nothing refers to any more and git still keeps.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
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
        typer.Option(help="A file with rules of your own; repeat.", dir_okay=False, rich_help_panel=COUNTS),
    ] = None,
    confidence: Annotated[
        Level, typer.Option(help="Least confidence of what is reported.", rich_help_panel=COUNTS)
    ] = Level.MEDIUM,
    comments: Annotated[
        bool | None,
        typer.Option(
            "--comments/--no-comments",
            help="Whether comments `tokenward:allow` count: they do, but for --pre-receive.",
            rich_help_panel=COUNTS,
            show_default=False,
        ),
    ] = None,
    baseline: BaselineOption = None,
    baseline_key: BaselineKeyOption = "",
    update_baseline: UpdateBaselineOption = False,
    reason: ReasonOption = "",
    until: UntilOption = None,
    chosen: FormOption = Format.TERMINAL,
    explained: Annotated[
        str,
        typer.Option(
            "--explain",
            metavar="FILE:LINE",
            help="Tell instead why something in that line is reported, or is not.",
            rich_help_panel=TOLD,
        ),
    ] = "",
    output: OutputOption = None,
    check: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROVIDER",
            help="Ask this provider, such as github, whether what was found of it is live; repeat.",
            rich_help_panel=_ASKED,
        ),
    ] = None,
    check_production: Annotated[
        bool,
        typer.Option(
            "--check-production",
            help="With --check: about credentials of production as well. Without it, you are asked.",
            rich_help_panel=_ASKED,
        ),
    ] = False,
    report_to: Annotated[
        str,
        typer.Option(
            metavar="ISSUER",
            help="Tell this issuer of Tokenward what was found of it, so that it ends it. No secret is sent.",
            rich_help_panel=_ASKED,
        ),
    ] = "",
    report_token: Annotated[
        str,
        typer.Option(
            metavar="REFERENCE",
            help="Where an access token with leaks:report is kept: env:, file:, cmd: or keyring:.",
            rich_help_panel=_ASKED,
        ),
    ] = _TOKEN_PLACE,
) -> None:
    """Find credentials in files, in git histories and in what is shipped, and tell what to do.

    Everything happens on this machine: no credential is tried unless you say so (--check), and none is shown.
    Archives and encodings are opened. Exit code 0 if there is nothing, 1 if something was found, 2 if nothing
    was found but something could not be looked at.

    Examples: tokenward scan; tokenward scan --history; tokenward scan dist/app.apk;
    git diff | tokenward scan --diff
    """
    wanted = Wanted(
        asked=Asked(
            history=history,
            revisions=revisions,
            since=since,
            staged=staged,
            pre_push=pre_push,
            pre_receive=pre_receive,
            diff=diff,
            branches=tuple(branch or ()),
            unreachable=unreachable,
            ignore=not no_ignore,
        ),
        paths=paths or (),
        rules=rules or (),
        confidence=Confidence[confidence.name],
        comments=comments,
        baseline=baseline,
        baseline_key=baseline_key,
        update_baseline=update_baseline,
        reason=reason,
        until=until,
        form=chosen,
        output=output,
        check=check or (),
        check_production=check_production,
        report_to=report_to,
        report_token=report_token,
    )
    try:
        if explained:
            with failures_told():
                write_explanation(explain(*target(explained), wanted.rules), Console())
            return
        code = run_scan(wanted)
    except ScanFailed as error:
        fail(str(error))
    raise typer.Exit(code)
