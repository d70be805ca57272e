"""`tokenward probe`: which checks an API skips."""

from pathlib import Path
from typing import Annotated

import typer

from tokenward.app.audit_command import FailOn, conclude
from tokenward.app.cli.console import fail, read_credential, read_data
from tokenward.app.cli.duration_option import duration_option
from tokenward.app.cli.report_options import FailOnOption, FormOption, OutputOption
from tokenward.app.probing import (
    address_of,
    certificate,
    claims_of,
    document,
    dpop_key,
    is_here,
    key_set,
    report_on,
    running,
)
from tokenward.app.reports.writing import Format
from tokenward.auditor.probing.asked import Asked
from tokenward.auditor.probing.wire import CannotProbe
from tokenward.base.secret import Secret

_WITH = "With what"
_HOW = "How far it may go"

_MOST_CLAIMS = 100_000
_MOST_KEY = 65_536


def _credential(source: str | None, what: str) -> Secret | None:
    return None if source is None else read_credential(source, what=what)


def probe(
    url: Annotated[str, typer.Argument(metavar="URL", help="An operation that needs a token.")],
    *,
    token: Annotated[
        str | None,
        typer.Option(metavar="-|@FILE", help="A good token, which is changed.", rich_help_panel=_WITH),
    ] = None,
    test_issuer: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="Be an issuer there, which the target trusts, and sign hostile tokens.",
            rich_help_panel=_WITH,
        ),
    ] = "",
    audience: Annotated[
        str, typer.Option(help="Who the test issuer's tokens are for.", rich_help_panel=_WITH)
    ] = "",
    issuer: Annotated[
        str,
        typer.Option(help="The test issuer's identifier, if it is not its URL.", rich_help_panel=_WITH),
    ] = "",
    claims: Annotated[
        str | None,
        typer.Option(
            metavar="-|@FILE",
            help="A JSON object of claims for its tokens, such as scope.",
            rich_help_panel=_WITH,
        ),
    ] = None,
    jwks: Annotated[
        str,
        typer.Option(
            metavar="FILE|URL", help="With --token: its issuer's public keys.", rich_help_panel=_WITH
        ),
    ] = "",
    dpop: Annotated[
        str | None,
        typer.Option(
            "--dpop-key",
            metavar="-|@FILE",
            help="The private key that --token is bound to: PEM or a JWK.",
            rich_help_panel=_WITH,
        ),
    ] = None,
    client_certificate: Annotated[
        Path | None,
        typer.Option(help="What the target asks for, or tokens are bound to: PEM.", rich_help_panel=_WITH),
    ] = None,
    client_key: Annotated[
        Path | None, typer.Option(help="The key of --client-certificate: PEM.", rich_help_panel=_WITH)
    ] = None,
    openapi: Annotated[
        Path | None,
        typer.Option(
            help="The API's document: call every GET of it, without a token and with too little.",
            rich_help_panel=_WITH,
        ),
    ] = None,
    other_token: Annotated[
        str | None,
        typer.Option(
            metavar="-|@FILE",
            help="A good token of somebody who must not get what this one gets.",
            rich_help_panel=_WITH,
        ),
    ] = None,
    cookie: Annotated[
        str | None,
        typer.Option(metavar="-|@FILE", help="A good `Cookie` field: NAME=VALUE.", rich_help_panel=_WITH),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(help="Certificates to trust instead of the system's.", rich_help_panel=_WITH),
    ] = None,
    permitted: Annotated[
        bool,
        typer.Option(
            "--i-may-test-this",
            help="The target is yours, or its owner lets you. Needed for any other machine.",
            rich_help_panel=_HOW,
        ),
    ] = False,
    method: Annotated[str, typer.Option(help="Of the operation.", rich_help_panel=_HOW)] = "GET",
    unsafe: Annotated[
        bool,
        typer.Option("--unsafe-methods", help="Methods that change things, too.", rich_help_panel=_HOW),
    ] = False,
    max_rps: Annotated[
        float, typer.Option(min=0.1, max=1000, help="Requests a second, at most.", rich_help_panel=_HOW)
    ] = 10.0,
    max_time: Annotated[
        int,
        typer.Option(parser=duration_option, metavar="DURATION", help="For all of it.", rich_help_panel=_HOW),
    ] = "10m",  # type: ignore[assignment]  # parsed like what is typed
    revoke_command: Annotated[
        str,
        typer.Option(
            metavar="COMMAND", help="Revokes the token: how long does it live on?", rich_help_panel=_HOW
        ),
    ] = "",
    withdraw_keys: Annotated[
        bool,
        typer.Option(
            "--withdraw-keys",
            help="Withdraw the test issuer's keys at the end: how long are they believed?",
            rich_help_panel=_HOW,
        ),
    ] = False,
    within: Annotated[
        int,
        typer.Option(
            parser=duration_option,
            metavar="DURATION",
            help="How long either may take.",
            rich_help_panel=_HOW,
        ),
    ] = "10s",  # type: ignore[assignment]  # as above
    fail_on: FailOnOption = FailOn.LOW,
    chosen: FormOption = Format.TERMINAL,
    output: OutputOption = None,
) -> None:
    """Fire hostile tokens at an API of yours, and tell which checks it skips.

    With --token, everything that somebody can do who has seen one token. With --test-issuer, also what a
    careless issuer could sign: tokens that have expired, are for another API, or are of another kind.

    Exit codes: 0 clean, 1 findings, 2 it could not be done, or not all of it.

      tokenward probe http://127.0.0.1:8000/accounts --token @token.txt

      tokenward probe http://127.0.0.1:8000/accounts --test-issuer 127.0.0.1:9400 --audience my-api

      tokenward probe https://staging.example/accounts --token - --i-may-test-this < token.txt
    """
    if token is None and not test_issuer and cookie is None:
        fail("something good is needed, to tell what accepted looks like: --token, --test-issuer or --cookie")
    if token is not None and test_issuer:
        fail("--token and --test-issuer are two ways: choose one")
    if test_issuer and not audience:
        fail("--test-issuer needs --audience: who its tokens are for")
    if not test_issuer and (issuer or audience or claims is not None or withdraw_keys):
        fail("--issuer, --audience, --claims and --withdraw-keys go with --test-issuer")
    if token is None and (dpop is not None or jwks):
        fail("--dpop-key and --jwks go with --token")
    if (client_certificate is None) != (client_key is None):
        fail("--client-certificate and --client-key go together")
    if [token, other_token, cookie, claims, dpop].count("-") > 1:
        fail("standard input (-) can be read once: put the others into files")
    try:
        asked = Asked(
            url=url,
            method=method.upper(),
            token=_credential(token, "token"),
            jwks=key_set(jwks) if jwks else {"keys": []},
            dpop_key=dpop_key(read_data(dpop, _MOST_KEY)) if dpop is not None else None,
            certificate=certificate(client_certificate, client_key)
            if client_certificate is not None and client_key is not None
            else None,
            document=document(openapi) if openapi is not None else None,
            other_token=_credential(other_token, "other token"),
            cookie=_credential(cookie, "cookie"),
            test_issuer=address_of(test_issuer) if test_issuer else None,
            issuer=issuer,
            audience=audience,
            claims=claims_of(read_data(claims, _MOST_CLAIMS)) if claims is not None else {},
            reachable=is_here(url),
            unsafe=unsafe,
            rate=max_rps,
            limit=float(max_time),
            authorities=str(ca) if ca is not None else "",
            revoke=(lambda: running(revoke_command)) if revoke_command else None,
            withdraw_keys=withdraw_keys,
            within=float(within),
        )
        code = conclude(report_on(asked, permitted=permitted), chosen, output, fail_on)
    except CannotProbe as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    raise typer.Exit(code)
