"""`tokenward clients invite`: initial access tokens, by which clients register themselves (RFC 7591)."""

from collections.abc import Callable
from typing import Annotated

import typer
from rich.table import Table

from tokenward.app.cli.console import DEFAULT_CONFIG, ConfigPath, date, err, fail, out
from tokenward.app.cli.duration_option import duration_option
from tokenward.app.cli.opening import with_foundation
from tokenward.app.foundation import Foundation
from tokenward.base.secret import Secret
from tokenward.issuer.registering import MAX_USES, new_initial_token
from tokenward.store.registration_records import InitialToken

_LONGEST = 90 * 86_400
_USUAL = 7 * 86_400


def invite(
    uses: Annotated[int, typer.Option(min=1, max=MAX_USES, help="How many clients it is good for.")] = 1,
    valid: Annotated[
        int | None,
        typer.Option(
            parser=duration_option, metavar="DURATION", help="How long, like 30d, 90d at most; 7d by default."
        ),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Make an initial access token, by which clients register themselves. It is printed once.

    Example: tokenward clients invite --uses 20 --valid 30d
    """
    lifetime = _USUAL if valid is None else valid
    if lifetime > _LONGEST:
        fail("an initial access token is valid for 90d at most")

    async def work(ground: Foundation) -> tuple[Secret, InitialToken, bool]:
        made = await new_initial_token(ground.client_desk, uses=uses, lifetime=lifetime)
        return *made, ground.issuer_settings.registration is not None

    secret, kept, on = with_foundation(config, work)
    out.print(secret.reveal(), markup=False, soft_wrap=True)
    until = date(kept.expires_at)
    err.print(f"{kept.token_id}: good for {uses} until {until}, or until you uninvite it", style="dim")
    if not on:
        err.print("nobody can register yet: there is no clients.registration in tokenward.yaml")


def invitations(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Show initial access tokens by their ids: how often each can be used, and until when.

    The tokens themselves are not among it: only their keyed hashes are kept.
    """

    async def work(ground: Foundation) -> list[InitialToken]:
        return await ground.store.initial_tokens()

    table = Table("token", "uses left", "since", "until")
    for each in with_foundation(config, work):
        table.add_row(each.token_id, str(each.uses_left), date(each.created_at), date(each.expires_at))
    out.print(table)


def uninvite(
    token_id: Annotated[str, typer.Argument(help="Its id, as `invitations` shows it.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """End an initial access token. Clients that registered by it stay.

    Example: tokenward clients uninvite 4U9WEWqebqm
    """

    async def work(ground: Foundation) -> bool:
        return await ground.store.remove_initial_token(token_id)

    if not with_foundation(config, work):
        fail(f"there is no initial access token {token_id}")


COMMANDS: dict[str, Callable[..., None]] = {
    "invite": invite,
    "invitations": invitations,
    "uninvite": uninvite,
}
"""Of `tokenward clients`."""
