"""`tokenward run`: a command with a token in its environment."""

import os
import re
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Annotated

import typer

from tokenward.app.cli.console import COULD_NOT_RUN, err, fail
from tokenward.app.cli.profile_options import (
    AudienceOption,
    ProfileOption,
    ScopeOption,
    chosen,
    failures_told,
)
from tokenward.app.workstation.profiles import Profile
from tokenward.app.workstation.sources import lasting_token, source_of
from tokenward.base.references import is_reference, parse
from tokenward.client.errors import TokenError
from tokenward.client.source import ServerSource
from tokenward.client.token import Token

SOCKET_VARIABLE = "TOKENWARD_SOCKET"
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Exit codes of shells, for a command that is not there, or is none."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def run(
    command: Annotated[list[str], typer.Argument(help="The command, and its arguments.", metavar="COMMAND")],
    profile: ProfileOption = "",
    audience: AudienceOption = "",
    scope: ScopeOption = None,
    variable: Annotated[
        str, typer.Option("--env", metavar="NAME", help="The variable that holds the token.")
    ] = "ACCESS_TOKEN",
) -> None:
    """Run a command with an access token in its environment, and mask the token in what it prints.

    A program's token is obtained for this run, and revoked at its end. While it
    runs, the next token is to be had from the socket that TOKENWARD_SOCKET names:

      curl --silent --unix-socket "$TOKENWARD_SOCKET" http://localhost/token

    The exit code is the command's, and 128 and the number of the signal that
    ended it; 127 if there is no such command, 126 if it cannot be run; 1 or 2 if
    there is no token. Signals are passed on. On a terminal, the command gets one
    of its own.

    Examples: tokenward run -- terraform apply; tokenward run --env GITLAB_TOKEN
    -- glab release create
    """
    if os.name != "posix":
        fail("`run` needs a system with signals and terminals as POSIX has them")
    if not _NAME.fullmatch(variable):
        fail("--env must be the name of an environment variable")
    name, one = chosen(profile, audience, scope)
    if one.dpop:
        fail(
            f"the tokens of {name} are bound to a key that stays here, so no command could use one: "
            "`tokenward curl` can; or sign in without --dpop, under another --profile"
        )
    with failures_told(name):
        source = source_of(one, shared=False)
        first = lasting_token(source)
    with _ended(source, one):
        raise typer.Exit(_run(command, _environment(one, variable, first), source, first, name))


def _run(
    command: list[str], environment: dict[str, str], source: ServerSource, first: Token, profile: str
) -> int:
    # Neither is there on every system.
    from tokenward.app.workstation import child, token_socket  # noqa: PLC0415
    from tokenward.app.workstation.masking import Secrets  # noqa: PLC0415

    secrets = Secrets()
    secrets.add(first.value)

    def next_token() -> Token:
        token = lasting_token(source)
        secrets.add(token.value)
        return token

    with ExitStack() as stack:
        try:
            socket = stack.enter_context(token_socket.listening(next_token, profile))
        except OSError as error:
            fail(f"there is no place for the socket of the command: {error.strerror or error}")
        environment[SOCKET_VARIABLE] = str(socket.path)
        return _told(command, lambda: child.run(command, environment, secrets, started=socket.start))


def _told(command: list[str], run: Callable[[], int]) -> int:
    """What `run` gives, or the end with why there was none of it, or not all."""
    from tokenward.app.workstation.child import OutputLost  # noqa: PLC0415 - it is not there on every system

    try:
        return run()
    except OutputLost as lost:
        fail(f"what {command[0]} wrote could not be passed on: {lost}", code=lost.code or COULD_NOT_RUN)
    except FileNotFoundError:
        fail(f"there is no command {command[0]}", code=NOT_FOUND)
    except OSError as error:
        fail(f"{command[0]} cannot be run: {error.strerror or error}", code=NOT_EXECUTABLE)


def _environment(profile: Profile, variable: str, token: Token) -> dict[str, str]:
    """Ours, with the token, and without what the token was obtained by: the command needs only the one."""
    environment = dict(os.environ)
    for reference in (profile.client_secret, profile.private_key):
        if is_reference(reference) and parse(reference).scheme == "env":
            environment.pop(parse(reference).place, None)
    return environment | {variable: token.value.reveal()}


@contextmanager
def _ended(source: ServerSource, profile: Profile) -> Generator[None]:
    """Revoke at the end what was obtained for this run alone."""
    try:
        yield
    finally:
        if not profile.is_personal:
            try:
                source.end()
            except TokenError as error:
                err.print(f"the token of this run was not revoked: {error.text}", style="dim", markup=False)
