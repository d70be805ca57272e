"""`tokenward token`: a token for a script."""

from typing import Annotated

import typer

from tokenward.app.cli.profile_options import AudienceOption, ProfileOption, ScopeOption, scopes
from tokenward.app.cli.token_at_once import run
from tokenward.app.workstation.printing import Asked


def token(
    profile: ProfileOption = "",
    audience: AudienceOption = "",
    scope: ScopeOption = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="As JSON, with its type, its end (seconds since 1970) and scopes.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print it even on a terminal.")] = False,
) -> None:
    """Print an access token that is good for a while: a kept one, or a new one.

    It goes to a pipe or a file, and on a terminal only with --show. Nothing is
    asked of anybody: where nobody is signed in, the exit code is 1; 2 where the
    server cannot be reached.

    Examples: tokenward token | docker login --username token --password-stdin
    registry.example.com; tokenward token --audience https://api.example.com
    --json
    """
    raise typer.Exit(run(Asked(profile, audience, scopes(scope), as_json, show)))
