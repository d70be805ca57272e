"""The options that commands with a report have in common."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from tokenward.app.audit_command import FailOn
from tokenward.app.cli.day_option import day
from tokenward.app.reports.writing import Format

COUNTS = "What counts"
TOLD = "How it is told"

FormOption = Annotated[Format, typer.Option("--format", help="Form of the report.", rich_help_panel=TOLD)]
OutputOption = Annotated[
    Path | None, typer.Option(help="File of the report; standard output by default.", rich_help_panel=TOLD)
]
FailOnOption = Annotated[
    FailOn,
    typer.Option(
        "--fail-on", help="Least severity of a finding that makes the exit code 1.", rich_help_panel=COUNTS
    ),
]
BaselineOption = Annotated[
    Path | None, typer.Option(help="What was accepted before.", dir_okay=False, rich_help_panel=COUNTS)
]
BaselineKeyOption = Annotated[
    str,
    typer.Option(
        help="Its key, as env:NAME or another reference; by default beside the baseline.",
        rich_help_panel=COUNTS,
    ),
]
UpdateBaselineOption = Annotated[
    bool,
    typer.Option("--update-baseline", help="Accept what counts now, with --reason.", rich_help_panel=COUNTS),
]
ReasonOption = Annotated[str, typer.Option(help="Why, for --update-baseline.", rich_help_panel=COUNTS)]
UntilOption = Annotated[
    date | None,
    typer.Option(parser=day, metavar="DAY", help="How long: 90 days by default.", rich_help_panel=COUNTS),
]
