"""`tokenward ci`: all that can be looked at before a change is merged."""

from enum import StrEnum
from typing import Annotated

import typer

from tokenward.app.audit_command import FailOn, conclude
from tokenward.app.ci.run import Wanted, accept, run
from tokenward.app.cli.console import DEFAULT_CONFIG, ConfigPath, err, fail, read_credential
from tokenward.app.cli.report_options import (
    BaselineKeyOption,
    BaselineOption,
    FailOnOption,
    FormOption,
    OutputOption,
    ReasonOption,
    UntilOption,
    UpdateBaselineOption,
)
from tokenward.app.reports.writing import Format
from tokenward.leaks.sources.source import CannotScan

_WHAT = "What is looked at"


class Part(StrEnum):
    """What `--skip` takes; the names of parts."""

    SCAN = "scan"
    OPENAPI = "openapi"
    CHECK = "check"
    TEST = "test"


def ci(
    documents: Annotated[
        list[str] | None,
        typer.Option(
            "--openapi",
            metavar="FILE",
            help="An OpenAPI document; repeat. By default all that git does not ignore.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    changed: Annotated[
        str,
        typer.Option(
            "--changed",
            metavar="REVISION",
            help="Only commits and documents since the branch left this revision, such as origin/main.",
            rich_help_panel=_WHAT,
        ),
    ] = "",
    skip: Annotated[
        list[Part] | None, typer.Option(help="A part to leave out; repeat.", rich_help_panel=_WHAT)
    ] = None,
    probe: Annotated[
        str,
        typer.Option(
            "--probe",
            metavar="URL",
            help="An operation of a live API that needs a token: fire hostile tokens at it.",
            rich_help_panel=_WHAT,
        ),
    ] = "",
    token: Annotated[
        str | None,
        typer.Option(metavar="-|@FILE", help="A good token for --probe.", rich_help_panel=_WHAT),
    ] = None,
    permitted: Annotated[
        bool,
        typer.Option(
            "--i-may-test-this",
            help="What --probe names is yours, or its owner lets you.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    fail_on: FailOnOption = FailOn.MEDIUM,
    baseline: BaselineOption = None,
    baseline_key: BaselineKeyOption = "",
    update_baseline: UpdateBaselineOption = False,
    reason: ReasonOption = "",
    until: UntilOption = None,
    chosen: FormOption = Format.TERMINAL,
    output: OutputOption = None,
) -> None:
    """Look at everything before a change is merged: credentials, OpenAPI documents, policy and its tests.

    One report, one exit code: 0 nothing that counts, 1 something does, 2 something could not be looked at.
    To start with what is there already, accept it once with --baseline FILE --update-baseline --reason TEXT.

    Examples: tokenward ci; tokenward ci --changed origin/main --format sarif --output tokenward.sarif;
    tokenward ci --fail-on high --baseline tokenward-ci.json
    """
    if bool(probe) is (token is None):
        fail("--probe and --token go together: a good token tells what accepted looks like")
    if not probe and set(Part) <= set(skip or ()):
        fail("every part is left out, so that nothing is looked at")
    wanted = Wanted(
        config=config,
        config_named=config != DEFAULT_CONFIG,
        documents=documents or (),
        changed=changed,
        skip=frozenset(map(str, skip or ())),
        baseline=None if update_baseline else baseline,
        baseline_key=baseline_key,
        probe=probe,
        token=None if token is None else read_credential(token, what="token"),
        permitted=permitted,
    )
    try:
        if update_baseline:
            if baseline is None or not reason:
                fail("--update-baseline needs --baseline FILE and --reason TEXT")
            entries = accept(wanted, baseline, reason=reason, until=until)
            err.print(f"{baseline}: {entries} entries", markup=False)
            return
        code = conclude(run(wanted), chosen, output, fail_on)
    except (CannotScan, ValueError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    raise typer.Exit(code)
