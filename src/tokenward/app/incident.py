"""Revoking as many tokens as an incident names, while everybody else goes on.

Units of bounded size, one after the other, each with its commit: whoever is stopped begins again and finds
what is done already done. Between two units others have their turn, as long as the unit took: whoever waits
for SQLite's lock only looks from time to time whether it is free.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from tokenward.base.clock import Clock
from tokenward.store.port import REVOKED_AT_ONCE, Store
from tokenward.store.records import RevokedTokens
from tokenward.tokens import opaque
from tokenward.tokens.presented import claimed_token_id, token_id_of


@dataclass(frozen=True, slots=True)
class Listed:
    """What one line of a list names: an access token, or the refresh token of a grant."""

    token_id: str
    refresh: bool = False


def listed(line: str) -> Listed | None:
    """A line with a token_id, or with an access or refresh token; None for anything else."""
    text = line.strip()
    if (token_id := token_id_of(text) or claimed_token_id(text)) is not None:
        return Listed(token_id)
    refresh = opaque.parse(text, kind="rt")
    return Listed(refresh.token_id, refresh=True) if refresh is not None else None


async def revoke_listed(
    store: Store,
    named: Iterable[Listed],
    *,
    clock: Clock,
    told: Callable[[RevokedTokens], None] = lambda _done: None,
) -> RevokedTokens:
    """Revoke every token, and with a refresh token its grant; what became of them.

    Args:
        store: where it is recorded.
        named: what to revoke; read as far as the next unit needs.
        clock: time.
        told: hears of each unit that is done.

    Raises:
        StoreUnavailable: what was told is revoked, the rest is not.
    """
    done = RevokedTokens()
    for unit in _units(named):
        began = clock.monotonic()
        tokens = [each.token_id for each in unit if not each.refresh]
        outcome = await store.revoke_tokens(tokens, clock.time())
        for each in unit:
            if each.refresh:
                outcome += await _revoke_family(store, each.token_id, clock.time())
        told(outcome)
        done += outcome
        await asyncio.sleep(clock.monotonic() - began)
    return done


async def _revoke_family(store: Store, token_id: str, at: float) -> RevokedTokens:
    state = await store.refresh_token(token_id)
    if state is None:
        return RevokedTokens(unknown=1)
    if await store.revoke_grant(state.grant.grant_id, at):
        return RevokedTokens(revoked=1)
    return RevokedTokens(revoked_before=1)


def _units(named: Iterable[Listed]) -> Iterator[list[Listed]]:
    rest = iter(named)
    while unit := list(islice(rest, REVOKED_AT_ONCE)):
        yield unit
