"""`tokenward signing-keys`: what signs, what will, and what no longer does."""

from typing import Annotated

import typer
from rich.table import Table

from tokenward.app.cli.console import DEFAULT_CONFIG, REFUSED, ConfigPath, date, err, fail, out
from tokenward.app.cli.opening import with_foundation
from tokenward.app.foundation import Foundation
from tokenward.store.key_states import KeyState, state
from tokenward.store.records import KeyPurpose, SigningKeyRecord

commands = typer.Typer(
    no_args_is_help=True,
    help="List, rotate, retire and remove the keys that sign tokens. Running servers follow within a second.",
)

Kid = Annotated[str, typer.Argument(help="The key's name, as `tokenward signing-keys list` shows it.")]


@commands.command("list")
def list_keys(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Show every key and what comes next for it.

    inside keys sign what backends receive, outside keys sign ID tokens. A pending key is published and does
    not sign yet; an active one signs; a retired one only verifies what it signed; a removed one is good for
    nothing and is listed for the record.
    """

    async def work(ground: Foundation) -> tuple[list[SigningKeyRecord], float]:
        return await ground.key_desk.all_keys(), ground.clock.time()

    keys, now = with_foundation(config, work)
    table = Table()
    table.add_column("kid", no_wrap=True)  # whole: people copy it
    for heading in ("signs", "state", "remark"):
        table.add_column(heading, overflow="fold")
    for key in keys:
        found = state(key, now)
        table.add_row(key.kid, f"{key.purpose} {key.algorithm}", found.value, _remark(key, found))
    out.print(table)


@commands.command("rotate")
def rotate(
    purpose: Annotated[KeyPurpose | None, typer.Option(help="Only the keys of this purpose.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Publish a successor for each active key. It takes over by itself when every cache knows it.

    That is a day later for outside keys, an hour later for inside keys. The key before it retires at that
    moment, and leaves the JWK Set when the last token that it signed has expired. Servers do this by
    themselves once a key is as old as signing_keys.rotate_after says (90 days).

    For example:

      tokenward signing-keys rotate

      tokenward signing-keys rotate --purpose inside
    """

    async def work(ground: Foundation) -> list[SigningKeyRecord]:
        now = ground.clock.time()
        return [
            await ground.key_desk.rotate(key.purpose, key.algorithm)
            for key in await ground.key_desk.all_keys()
            if purpose in (None, key.purpose)
            and state(key, now) is KeyState.ACTIVE
            and key.retires_at is None
        ]

    successors = with_foundation(config, work)
    for key in successors:
        out.print(
            f"{key.kid} {key.purpose} {key.algorithm} signs from {date(key.activates_at)}", markup=False
        )
    if not successors:
        fail("nothing to rotate: each active key has a successor already, or there is none yet", code=REFUSED)


@commands.command("retire")
def retire(kid: Kid, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Let a key sign no more, from now on; what it signed stays good until it expires.

    Its pending successor takes over at once, or a fresh key if none was published: verifiers that fetch the
    JWK Set only now and then may refuse tokens of a fresh one until they do. `rotate` avoids that. A pending
    key is withdrawn.

    Example: tokenward signing-keys retire 9oGp4r-Xf4nWkYH0yzYkP1cVZkQO7UuVtTqSJkuoFzk
    """

    async def work(ground: Foundation) -> None:
        await ground.key_desk.retire(kid)

    with_foundation(config, work)
    err.print(f"retired {kid}", markup=False)


@commands.command("remove")
def remove(
    kid: Kid,
    compromised: Annotated[
        bool, typer.Option("--compromised", help="It is in strange hands: void all that it signed, now.")
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Take a key out of the JWK Set before its time, and destroy its private half.

    Without --compromised, only a pending or a retired key. With it, any: gateways and issuers heed it within
    a second, drop what the key signed and sign with a fresh key at once. Backends that use
    tokenward.backend follow at the next genuine call, or after 10 seconds; other verifiers when they fetch
    the JWK Set again.

    Example: tokenward signing-keys remove --compromised 9oGp4r-Xf4nWkYH0yzYkP1cVZkQO7UuVtTqSJkuoFzk
    """

    async def work(ground: Foundation) -> None:
        await ground.key_desk.remove(kid, compromised=compromised)

    with_foundation(config, work)
    err.print(f"removed {kid}{', compromised' if compromised else ''}", markup=False)


def _remark(key: SigningKeyRecord, found: KeyState) -> str:
    """What the clock will do to it, or what was done."""
    if key.compromised_at is not None:
        return f"compromised {date(key.compromised_at)}"
    if found is KeyState.PENDING:
        return f"active {date(key.activates_at)}"
    if found is KeyState.ACTIVE and key.retires_at is not None:
        return f"retired {date(key.retires_at)}"
    if found is KeyState.RETIRED and key.removes_at is not None:
        return f"removed {date(key.removes_at)}"
    return ""
