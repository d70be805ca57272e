"""`tokenward inspect`: everything about a credential, without sending it anywhere."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tokenward.app.audit_command import FailOn
from tokenward.app.cli.console import COULD_NOT_RUN, fail, read_data
from tokenward.app.cli.report_options import FailOnOption, FormOption, OutputOption
from tokenward.app.reports.writing import Format

_VERIFY = "What to verify it with (without these, nobody says that it is genuine)"

_LINE = 4_095
"""Characters that a terminal passes on in a line; what is longer is cut without a word."""

_NOT_AN_ARGUMENT = (
    "A credential is never an argument: it would stay in the shell's history, and everybody on this machine "
    "could read it in the list of processes. If it was a live one, end it.\n"
    "Hand it over by a pipe (pbpaste | tokenward inspect), from a file (tokenward inspect @FILE), or at the "
    "hidden prompt of tokenward inspect alone."
)


def inspect(
    source: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-|@FILE]", help="Standard input, or a prompt at a terminal (-), or @FILE. Default: -."
        ),
    ] = None,
    *,
    jwks: Annotated[
        str, typer.Option(metavar="FILE|URL", help="The issuer's JWK Set.", rich_help_panel=_VERIFY)
    ] = "",
    issuer: Annotated[
        str,
        typer.Option(
            metavar="URL", help="The issuer: its discovery document names the keys.", rich_help_panel=_VERIFY
        ),
    ] = "",
    key: Annotated[
        Path | None,
        typer.Option(
            help="One key: PEM, JWK, or the secret of an HMAC. A private one also decrypts.",
            dir_okay=False,
            rich_help_panel=_VERIFY,
        ),
    ] = None,
    audience: Annotated[
        str, typer.Option(metavar="NAME", help="What must be in aud.", rich_help_panel=_VERIFY)
    ] = "",
    wordlist: Annotated[
        Path | None,
        typer.Option(
            help="Secrets to try on an HMAC, one a line, beside the 100,000 that come with Tokenward.",
            dir_okay=False,
        ),
    ] = None,
    fail_on: FailOnOption = FailOn.LOW,
    chosen: FormOption = Format.TERMINAL,
    output: OutputOption = None,
) -> None:
    """Tell everything about a credential: what it is, what it says, whether it is genuine, what is wrong.

    It takes a token, a line such as Authorization: …, DPoP: … or Cookie: …, a whole curl command, VAR=…,
    a URL or a token response. Nothing of it is sent anywhere, and no signature or password is shown. Exit
    code 0 if nothing is wrong, 1 if something is, 2 if it could not be inspected or verified.

    Examples: pbpaste | tokenward inspect; tokenward inspect @request.txt;
    tokenward inspect --issuer https://login.example.com --audience https://api.example.com
    """
    given = source or ["-"]
    if len(given) != 1 or not (given[0] == "-" or given[0].startswith("@")):
        fail(_NOT_AN_ARGUMENT)
    from tokenward.app.inspect_command import Wanted, run  # noqa: PLC0415 - not for a refusal or --help
    from tokenward.auditor.inspection.reading import MAX_INPUT  # noqa: PLC0415 - the same

    data = _prompted() if given[0] == "-" and sys.stdin.isatty() else read_data(given[0], MAX_INPUT + 1)
    name = "standard input" if given[0] == "-" else given[0][1:]
    wanted = Wanted(data, name, jwks, issuer, key, audience, wordlist, fail_on, chosen, output)
    try:
        code = run(wanted)
    except ValueError as error:
        fail(f"cannot inspect {name}: {error}")
    except OSError as error:
        fail(f"{error.filename or 'the report'}: {error.strerror or error}", code=COULD_NOT_RUN)
    raise typer.Exit(code)


def _prompted() -> bytes:
    text: str = typer.prompt("Credential (it is not shown)", hide_input=True)
    if len(text) >= _LINE:
        fail("a terminal cuts lines at 4,095 characters, and this one was: hand it over by a pipe or a file")
    return text.encode("utf-8", "replace")
