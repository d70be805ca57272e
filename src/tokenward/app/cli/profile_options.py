"""What the commands that use this user's tokens have in common."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from tokenward.app.cli.console import COULD_NOT_RUN, fail
from tokenward.app.workstation.failing import told
from tokenward.app.workstation.profiles import PROFILE_VARIABLE, Profile, ProfileError, default_path, load
from tokenward.client.errors import TokenError

ProfileOption = Annotated[
    str,
    typer.Option(
        "--profile",
        envvar=PROFILE_VARIABLE,
        metavar="NAME",
        help="Whose tokens; by default those of the last login.",
    ),
]
AudienceOption = Annotated[
    str, typer.Option("--audience", metavar="URL", help="The API that the token is for; the profile's.")
]
ScopeOption = Annotated[
    list[str] | None,
    typer.Option("--scope", help="A scope, instead of the profile's; repeat for more. Not after a sign-in."),
]


def chosen(name: str, audience: str = "", scope: list[str] | None = None) -> tuple[str, Profile]:
    """The profile that is meant, or the end of the command with what to do."""
    try:
        found, profile = load(default_path()).chosen(name, audience=audience)
        return found, profile.asking_for(scopes(scope))
    except ProfileError as error:
        fail(str(error), code=error.code)


def scopes(given: list[str] | None) -> tuple[str, ...]:
    """The scopes of options, each of which may hold several with spaces between them."""
    return tuple(" ".join(given or []).split())


@contextmanager
def failures_told(profile: str) -> Generator[None]:
    """End the command with what went wrong about a token, and what to do."""
    try:
        yield
    except TokenError as error:
        text, code = told(error, profile)
        fail(text, code=code)
    except ProfileError as error:
        fail(str(error), code=error.code)
    except ValueError as error:
        fail(str(error), code=COULD_NOT_RUN)
