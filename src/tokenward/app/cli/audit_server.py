"""`tokenward audit server`: what an authorization server leaves open."""

from typing import Annotated

import typer

from tokenward.app.audit_command import FailOn, conclude
from tokenward.app.cli.console import fail
from tokenward.app.cli.report_options import FailOnOption, FormOption, OutputOption
from tokenward.app.reports.writing import Format
from tokenward.app.server_audit import CannotAudit, audit, permitted

_TRIED = "What is tried"


def audit_server(
    issuer: Annotated[str, typer.Argument(help="Its identifier, such as https://issuer.example.")],
    *,
    resource: Annotated[
        str,
        typer.Option(metavar="URL", help="A protected resource whose metadata is read as well (RFC 9728)."),
    ] = "",
    active: Annotated[
        bool,
        typer.Option(
            "--active",
            help="Also try what it does, by requests that should be refused.",
            rich_help_panel=_TRIED,
        ),
    ] = False,
    may_test: Annotated[
        bool,
        typer.Option(
            "--i-may-test-this",
            help="It is yours, or its owner lets you. Needed for any other machine.",
            rich_help_panel=_TRIED,
        ),
    ] = False,
    client_id: Annotated[
        str, typer.Option(help="A client that is registered there.", rich_help_panel=_TRIED)
    ] = "",
    redirect_uri: Annotated[
        str, typer.Option(metavar="URL", help="An address that is registered for it.", rich_help_panel=_TRIED)
    ] = "",
    scope: Annotated[
        str | None,
        typer.Option(help='What it may ask for; openid by default, "" for nothing.', rich_help_panel=_TRIED),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Another host of endpoints that may be tested; repeat.", rich_help_panel=_TRIED),
    ] = None,
    fail_on: FailOnOption = FailOn.LOW,
    chosen: FormOption = Format.TERMINAL,
    output: OutputOption = None,
) -> None:
    """Hold an OAuth or OpenID server against RFC 9700 and OAuth 2.1.

    It reads what the server publishes for everybody: its metadata in every form, and its keys. With
    --active it also tries what the server does with requests that it should refuse; nobody signs in.
    Exit codes: 0 clean, 1 findings, 2 it could not be read, or not all of it.

      tokenward audit server https://issuer.example

      tokenward audit server http://127.0.0.1:8080 --active --client-id demo-app
      --redirect-uri http://127.0.0.1/callback
    """
    try:
        permission = None
        if active:
            permission = permitted(
                issuer,
                may_test=may_test,
                client_id=client_id,
                redirect_uri=redirect_uri,
                scope=scope,
                hosts=host or (),
            )
        elif client_id or redirect_uri or host or may_test or scope is not None:
            fail("the options of what is tried go with --active")
        code = conclude(audit(issuer, resource=resource, permission=permission), chosen, output, fail_on)
    except CannotAudit as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    raise typer.Exit(code)
