"""`tokenward audit library`: which hostile tokens a JWT library, or a service, takes for good."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tokenward.app.audit_command import FailOn, conclude
from tokenward.app.cli.console import fail
from tokenward.app.cli.report_options import FailOnOption, FormOption, OutputOption
from tokenward.app.library_audit import CannotAudit, audit_harness, audit_python
from tokenward.app.reports.writing import Format


def audit_library(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Distributions, such as pyjwt. Default: all of those we know that are there."),
    ] = None,
    *,
    python: Annotated[
        Path | None,
        typer.Option(
            help="The Python that has them. Default: the one that runs this command.", dir_okay=False
        ),
    ] = None,
    harness: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help='A program that reads a line of JSON a token and answers accept or reject: "node jose.mjs".',
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds for each token.")] = 10.0,
    fail_on: FailOnOption = FailOn.LOW,
    chosen: FormOption = Format.TERMINAL,
    output: OutputOption = None,
) -> None:
    """Hold the table of attacks against JWT libraries: of a Python, or of any language by a harness.

    Each library is used as its documentation says is best; nothing goes over a network.
    Exit codes: 0 clean, 1 findings, 2 it could not be tried, or not all of it.

      tokenward audit library

      tokenward audit library pyjwt --python ../service/.venv/bin/python

      tokenward audit library --harness "node harness.mjs" --format markdown
    """
    if harness is not None and (names or python):
        fail("--harness goes without names and without --python")
    try:
        if harness is not None:
            report = audit_harness(harness, timeout=timeout)
        else:
            report = audit_python(python or Path(sys.executable), names or (), timeout=timeout)
        code = conclude(report, chosen, output, fail_on)
    except CannotAudit as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    raise typer.Exit(code)
