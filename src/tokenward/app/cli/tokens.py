"""`tokenward tokens`: what an operator does to tokens that exist."""

import contextlib
import sys
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tokenward.app.cli.console import DEFAULT_CONFIG, REFUSED, ConfigPath, err, fail, out, read_credential
from tokenward.app.cli.opening import with_foundation
from tokenward.app.foundation import Foundation
from tokenward.app.incident import Listed, listed, revoke_listed
from tokenward.app.revocation import What, revoke
from tokenward.base.problems import NOT_FOUND, Refusal
from tokenward.store.records import RevokedTokens

commands = typer.Typer(no_args_is_help=True, help="Revoke tokens.")

_BEFORE = "--before goes with --client, --user or --all"
_SHOWN = 10  # numbers of lines that could not be read


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
    token_ids: Annotated[
        str | None,
        typer.Option(
            metavar="[-|@FILE]",
            help="Many tokens, from standard input or a file: on a line a token_id, a token or an API key.",
        ),
    ] = None,
    credential: Annotated[
        str | None,
        typer.Argument(
            metavar="[-|@FILE]",
            help="An access token, a refresh token or an API key, from standard input or a file.",
        ),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Revoke; every gateway refuses what was revoked within a second.

    Name exactly one thing. A token itself is read from standard input or a file, never from an argument;
    a refresh token takes its whole grant along:

      tokenward tokens revoke - < leaked.txt

      tokenward tokens revoke --client nightly-report --before 2026-11-01

      tokenward tokens revoke --token-ids @leaked-ids.txt

    A token id is believed. A token's text must be that of a token that was issued: what somebody wrote around
    another's token id ends nothing.

    A list may be as long as it is, and servers go on meanwhile. What is unknown or was revoked before is
    counted and harms nothing, so a list that was interrupted is given again.
    """
    named: list[tuple[What, str | None]] = [
        ("token", token_id),
        ("grant", grant),
        ("client", client),
        ("user", user),
        ("all", "" if everything else None),
    ]
    chosen = [(what, subject) for what, subject in named if subject is not None]
    if token_ids is not None:
        if chosen or credential is not None or before is not None:
            fail("--token-ids stands alone")
        _revoke_list(token_ids, config)
        return
    if len(chosen) + (credential is not None) != 1:
        fail(
            "name exactly one of --token-id, --token-ids, --grant, --client, --user, --all, "
            "or a token as - or @FILE"
        )
    if credential is not None:
        if before is not None:
            fail(_BEFORE)
        _revoke_presented(credential, config)
        return
    what, subject = chosen[0]
    if before is not None and what not in ("client", "user", "all"):
        fail(_BEFORE)
    moment = before.astimezone().timestamp() if before else None

    async def work(ground: Foundation) -> None:
        await revoke(ground.store, what, subject, before=moment, at=ground.clock.time())

    with_foundation(config, work)
    err.print(f"revoked {what} {subject}".rstrip(), markup=False)


def _revoke_presented(source: str, config: Path) -> None:
    named = listed(read_credential(source, what="token").reveal())
    if named is None:
        fail("that is no well-formed access token, refresh token or API key", code=REFUSED)

    async def work(ground: Foundation) -> None:
        done = await revoke_listed(ground.store, ground.peppers, [named], clock=ground.clock)
        if not done.revoked:
            why = "was revoked before" if done.revoked_before else "is none that was issued here"
            raise Refusal(NOT_FOUND, f"{named.what} {named.subject} {why}")

    with_foundation(config, work)
    err.print(f"revoked {named.what} {named.subject}", markup=False)


def _revoke_list(source: str, config: Path) -> None:
    unreadable: list[int] = []

    def read(lines: TextIO) -> Iterator[Listed]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            if (named := listed(line)) is not None:
                yield named
            else:
                unreadable.append(number)

    with _opened(source) as (lines, total), _progress() as progress:
        task = progress.add_task("revoking", total=total)

        def told(done: RevokedTokens) -> None:
            progress.advance(task, done.revoked + done.revoked_before + done.unknown)

        async def work(ground: Foundation) -> RevokedTokens:
            return await revoke_listed(
                ground.store, ground.peppers, read(lines), clock=ground.clock, told=told
            )

        done = with_foundation(config, work)
    out.print(f"revoked {done.revoked}, revoked before {done.revoked_before}, unknown {done.unknown}")
    if unreadable:
        some = ", ".join(str(number) for number in unreadable[:_SHOWN])
        more = " …" if len(unreadable) > _SHOWN else ""
        fail(f"no token_id and no token: {len(unreadable)} lines, number {some}{more}", code=REFUSED)


@contextlib.contextmanager
def _opened(source: str) -> Generator[tuple[TextIO, int | None]]:
    """The lines, and how many there are if that can be known."""
    if source == "-":
        yield sys.stdin, None
        return
    if not source.startswith("@"):
        fail("the list is read from standard input (-) or a file (@FILE)")
    try:
        with Path(source[1:]).open(encoding="utf-8", errors="replace") as lines:
            total = sum(1 for _ in lines)
            lines.seek(0)
            yield lines, total
    except OSError as error:
        fail(f"cannot read {source[1:]}: {error.strerror}")


def _progress() -> Progress:
    """Shown at a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
