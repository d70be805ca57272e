"""Revoking as many tokens as an incident names, while everybody else goes on.

Units of bounded size, one after the other, each with its commit: whoever is stopped begins again and finds
what is done already done. Between two units others have their turn, as long as the unit took: whoever waits
for SQLite's lock only looks from time to time whether it is free.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from tokenward.app.revocation import REVOCATIONS, What
from tokenward.base.clock import Clock
from tokenward.store.port import REVOKED_AT_ONCE, Store
from tokenward.store.records import RevokedTokens
from tokenward.tokens import opaque
from tokenward.tokens.presented import claimed_token_id, token_id_of

_KINDS: dict[str, What] = {"rt": "refresh", "ak": "api_key"}  # which are not looked for by the thousand


@dataclass(frozen=True, slots=True)
class Listed:
    """What one line of a list names, in the words of `app.revocation`."""

    what: What
    subject: str


def listed(line: str) -> Listed | None:
    """A line with an access token's id, or with an access token, refresh token or API key; else None."""
    text = line.strip().removeprefix("\ufeff")  # with which some editors begin a file
    if (token_id := token_id_of(text) or claimed_token_id(text)) is not None:
        return Listed("token", token_id)
    parsed = opaque.parse(text)
    what = _KINDS.get(parsed.kind) if parsed is not None else None
    return Listed(what, parsed.token_id) if parsed is not None and what is not None else None


async def revoke_listed(
    store: Store,
    named: Iterable[Listed],
    *,
    clock: Clock,
    told: Callable[[RevokedTokens], None] = lambda _done: None,
) -> RevokedTokens:
    """Revoke everything that is listed, with a refresh token its grant; what became of it.

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
        tokens = [each.subject for each in unit if each.what == "token"]
        outcome = await store.revoke_tokens(tokens, clock.time())
        for each in unit:
            if each.what != "token":
                outcome += await _revoke_one(store, each, clock.time())
        told(outcome)
        done += outcome
        await asyncio.sleep(clock.monotonic() - began)
    return done


async def _revoke_one(store: Store, named: Listed, at: float) -> RevokedTokens:
    if await REVOCATIONS[named.what](store, named.subject, at, at):
        return RevokedTokens(revoked=1)
    look = store.refresh_token if named.what == "refresh" else store.api_key
    known = await look(named.subject) is not None
    return RevokedTokens(revoked_before=1) if known else RevokedTokens(unknown=1)


def _units(named: Iterable[Listed]) -> Iterator[list[Listed]]:
    rest = iter(named)
    while unit := list(islice(rest, REVOKED_AT_ONCE)):
        yield unit
