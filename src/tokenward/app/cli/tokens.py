"""`tokenward tokens`: what an operator does to tokens that exist."""

from datetime import datetime
from typing import Annotated

import typer

from tokenward.app.cli.console import (
    DEFAULT_CONFIG,
    REFUSED,
    ConfigPath,
    err,
    fail,
    read_credential,
    with_foundation,
)
from tokenward.app.foundation import Foundation
from tokenward.app.revocation import What, revoke
from tokenward.tokens import opaque
from tokenward.tokens.presented import claimed_token_id

commands = typer.Typer(no_args_is_help=True, help="Revoke tokens.")


@commands.callback()
def _group() -> None:
    """Keep `revoke` a subcommand although it is the only one."""


@commands.command("revoke")
def revoke_tokens(
    token_id: Annotated[str | None, typer.Option(help="One access token, by its token_id.")] = None,
    grant: Annotated[str | None, typer.Option(help="A grant and all that follows from it.")] = None,
    client: Annotated[str | None, typer.Option(help="All that a client was issued.")] = None,
    user: Annotated[
        str | None, typer.Option(help="All that acts for a person, by user name; ends sign-ins.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Everything that this issuer has issued.")
    ] = False,
    before: Annotated[
        datetime | None,
        typer.Option(help="With --client, --user or --all: only what was issued until then, local time."),
    ] = None,
    credential: Annotated[
        str | None,
        typer.Argument(
            metavar="[-|@FILE]", help="An access or refresh token, from standard input or a file."
        ),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Revoke; every gateway refuses what was revoked within a second.

    Name exactly one thing. A token itself is read from standard input or a file, never from an argument;
    a refresh token takes its whole grant along:

      tokenward tokens revoke - < leaked.txt

      tokenward tokens revoke --client nightly-report --before 2026-11-01
    """
    named: list[tuple[What, str | None]] = [
        ("token", token_id),
        ("grant", grant),
        ("client", client),
        ("user", user),
        ("all", "" if everything else None),
    ]
    chosen = [(what, subject) for what, subject in named if subject is not None]
    text = read_credential(credential, what="token").reveal() if credential is not None else None
    if text is not None:
        chosen.append(_presented(text))
    if len(chosen) != 1:
        fail("name exactly one of --token-id, --grant, --client, --user, --all, or a token as - or @FILE")
    what, subject = chosen[0]
    if before is not None and what not in ("client", "user", "all"):
        fail("--before goes with --client, --user or --all")
    moment = before.astimezone().timestamp() if before else None

    async def work(ground: Foundation) -> None:
        await revoke(ground.store, what, subject, before=moment, at=ground.clock.time())

    with_foundation(config, work)
    err.print(f"revoked {what} {subject}".rstrip(), markup=False)


def _presented(text: str) -> tuple[What, str]:
    """What to revoke, as a token itself says."""
    if (token_id := claimed_token_id(text)) is not None:
        return "token", token_id
    refresh = opaque.parse(text, kind="rt")
    if refresh is None:
        fail("that is no well-formed access or refresh token", code=REFUSED)
    return "refresh", refresh.token_id
