"""Revoking as many tokens as an incident names, while everybody else goes on.

A token id that the operator gives is believed. A token's text is not: anybody can write one around a public
token id, call it a leak and have another's token ended. So it must be the token that was issued, by its keyed
hash; else it is unknown, as everything that nobody issued.

Units of bounded size, one after the other, each with its commit: whoever is stopped begins again and finds
what is done already done. Between two units others have their turn, as long as the unit took: whoever waits
for SQLite's lock only looks from time to time whether it is free.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from tokenward.app.revocation import REVOCATIONS, What
from tokenward.base.clock import Clock
from tokenward.base.secret import Secret
from tokenward.store.live import known_api_key
from tokenward.store.port import REVOKED_AT_ONCE, Store
from tokenward.store.records import RevokedTokens
from tokenward.tokens import opaque
from tokenward.tokens.presented import claimed_token_id, token_id_of

_KINDS: dict[str, What] = {"rt": "refresh", "ak": "api_key"}  # which are not looked for by the thousand


@dataclass(frozen=True, slots=True)
class Listed:
    """What one line of a list names, in the words of `app.revocation`.

    Attributes:
        what: the kind of thing.
        subject: its id.
        text: the token itself, where the line held that; only of an access token an id alone is enough.
    """

    what: What
    subject: str
    text: Secret | None = None


def listed(line: str) -> Listed | None:
    """A line with an access token's id, or with an access token, refresh token or API key; else None."""
    text = line.strip().removeprefix("\ufeff")  # with which some editors begin a file
    if (token_id := token_id_of(text)) is not None:
        return Listed("token", token_id)
    if (token_id := claimed_token_id(text)) is not None:
        return Listed("token", token_id, Secret(text))
    parsed = opaque.parse(text)
    what = _KINDS.get(parsed.kind) if parsed is not None else None
    return Listed(what, parsed.token_id, parsed.secret) if parsed is not None and what is not None else None


async def revoke_listed(
    store: Store,
    peppers: Sequence[bytes],
    named: Iterable[Listed],
    *,
    clock: Clock,
    told: Callable[[RevokedTokens], None] = lambda _done: None,
) -> RevokedTokens:
    """Revoke everything that is listed, with a refresh token its grant; what became of it.

    Args:
        store: where it is recorded.
        peppers: under any of which the keyed hash of a token's text may be.
        named: what to revoke; read as far as the next unit needs.
        clock: time.
        told: hears of each unit that is done.

    Raises:
        StoreUnavailable: what was told is revoked, the rest is not.
    """
    done = RevokedTokens()
    for unit in _units(named):
        began = clock.monotonic()
        tokens = [each for each in unit if each.what == "token"]
        believed = await _believed(store, peppers, tokens)
        outcome = await store.revoke_tokens(believed, clock.time())
        outcome += RevokedTokens(unknown=len(tokens) - len(believed))
        for each in unit:
            if each.what != "token":
                outcome += await _revoke_one(store, peppers, each, clock.time())
        told(outcome)
        done += outcome
        await asyncio.sleep(clock.monotonic() - began)
    return done


async def _believed(store: Store, peppers: Sequence[bytes], unit: Sequence[Listed]) -> list[str]:
    """The ids of the access tokens that were named by their id, or by what was issued under that id."""
    shown = [each.subject for each in unit if each.text is not None]
    hashes = await store.access_token_hashes(shown) if shown else {}
    return [
        each.subject
        for each in unit
        if each.text is None or opaque.matches(peppers, each.text.reveal(), hashes.get(each.subject, b""))
    ]


async def _revoke_one(store: Store, peppers: Sequence[bytes], named: Listed, at: float) -> RevokedTokens:
    if named.text is None or not await _is_known(store, peppers, named.what, named.text.reveal()):
        return RevokedTokens(unknown=1)
    ended = await REVOCATIONS[named.what](store, named.subject, at, at)
    return RevokedTokens(revoked=1) if ended else RevokedTokens(revoked_before=1)


async def _is_known(store: Store, peppers: Sequence[bytes], what: What, text: str) -> bool:
    if what == "api_key":
        return await known_api_key(store, peppers, text) is not None
    parsed = opaque.parse(text, kind="rt")
    state = await store.refresh_token(parsed.token_id) if parsed else None
    return state is not None and opaque.matches(peppers, text, state.token.keyed_hash)


def _units(named: Iterable[Listed]) -> Iterator[list[Listed]]:
    rest = iter(named)
    while unit := list(islice(rest, REVOKED_AT_ONCE)):
        yield unit
