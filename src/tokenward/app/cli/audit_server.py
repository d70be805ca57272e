"""`tokenward audit server`: what an authorization server leaves open."""

from pathlib import Path
from typing import Annotated

import typer

from tokenward.app.audit_command import FailOn, conclude
from tokenward.app.cli.console import fail
from tokenward.app.reports.writing import Format
from tokenward.app.server_audit import CannotAudit, audit


def audit_server(
    issuer: Annotated[str, typer.Argument(help="Its identifier, such as https://issuer.example.")],
    *,
    resource: Annotated[
        str,
        typer.Option(metavar="URL", help="A protected resource whose metadata is read as well (RFC 9728)."),
    ] = "",
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Least severity of a finding that makes the exit code 1.")
    ] = FailOn.LOW,
    chosen: Annotated[Format, typer.Option("--format", help="Form of the report.")] = Format.TERMINAL,
    output: Annotated[
        Path | None,
        typer.Option(help="File of the report; standard output by default."),
    ] = None,
) -> None:
    """Hold an OAuth or OpenID server against RFC 9700 and OAuth 2.1.

    It reads what the server publishes for everybody: its metadata in every form, and its keys.
    Exit codes: 0 clean, 1 findings, 2 it could not be read, or not all of it.

      tokenward audit server https://issuer.example

      tokenward audit server http://127.0.0.1:8080 --fail-on high --format sarif --output issuer.sarif
    """
    try:
        code = conclude(audit(issuer, resource=resource), chosen, output, fail_on)
    except CannotAudit as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    raise typer.Exit(code)
