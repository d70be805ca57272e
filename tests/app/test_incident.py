"""Revoking what an incident names: bounded units, others in between, and again what was interrupted."""

import asyncio
import itertools

import pytest

from store.values import NOW, access, api_key, opened, started, token_id
from tokenward.app.incident import Listed, listed, revoke_listed
from tokenward.base.clock import ManualClock
from tokenward.store.port import REVOKED_AT_ONCE, StoreUnavailable
from tokenward.store.records import RevokedTokens
from tokenward.tokens import opaque
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey


def told_by(store, named, **more):
    return revoke_listed(store, named, clock=ManualClock(NOW), **more)


def with_store(tmp_path, work):
    async def run():
        async with opened(f"sqlite:{tmp_path / 'db'}") as store:
            await work(store)

    asyncio.run(run())


class Recording:
    """A store whose units are written down; `fail_at` is the number of the one that fails."""

    def __init__(self, store, *, fail_at=None):
        self._store = store
        self._fail_at = fail_at
        self.units = []

    async def revoke_tokens(self, token_ids, at):
        if len(self.units) == self._fail_at:
            raise StoreUnavailable("full")
        self.units.append(list(token_ids))
        return await self._store.revoke_tokens(token_ids, at)


def test_a_line_names_a_token_by_its_id_or_by_itself():
    token, refresh = opaque.new("at"), opaque.new("rt")
    jwt = sign_jwt(SigningKey.generate("ES256"), {"jti": token.token_id}, typ="at+jwt")
    assert listed(f"\ufeff{token.token_id}\n") == Listed("token", token.token_id)
    assert listed(f"{token.token_id}\n") == Listed("token", token.token_id)
    assert listed(f"  {token.secret.reveal()}\r\n") == Listed("token", token.token_id)
    assert listed(jwt) == Listed("token", token.token_id)
    assert listed(refresh.secret.reveal()) == Listed("refresh", refresh.token_id)
    key = opaque.new("ak")
    assert listed(key.secret.reveal()) == Listed("api_key", key.token_id)
    for other in ("", "x", token.token_id + "0", opaque.new("cs").secret.reveal(), jwt + ".", "token_id"):
        assert listed(other) is None


def test_a_long_list_is_revoked_in_bounded_units_and_read_as_it_is_needed(tmp_path):
    async def work(store):
        there = [access() for _ in range(3)]
        for token in there:
            await store.add_access_token(token)
        names = [token_id("at") for _ in range(4 * REVOKED_AT_ONCE + 7)]
        names[9::800] = [token.token_id for token in there]
        recording, ahead, told = Recording(store), [], []

        def read():
            for number, name in enumerate(names):
                ahead.append(number - REVOKED_AT_ONCE * len(recording.units))
                yield Listed("token", name)

        done = await told_by(recording, read(), told=told.append)
        assert done == RevokedTokens(3, 0, len(names) - 3)
        assert [len(unit) for unit in recording.units] == [REVOKED_AT_ONCE] * 4 + [7]
        assert max(ahead) < REVOKED_AT_ONCE, "no more is read than the unit holds"
        assert sum(told, RevokedTokens()) == done
        assert len(told) == 5

    with_store(tmp_path, work)


def test_others_write_between_the_units(tmp_path):
    async def work(store):
        order = []

        class Watched(Recording):
            async def revoke_tokens(self, token_ids, at):
                outcome = await super().revoke_tokens(token_ids, at)
                order.append("unit")
                return outcome

        async def others():
            while order.count("unit") < 8:
                await store.add_access_token(access())
                order.append("token")

        names = (Listed("token", token_id("at")) for _ in range(8 * REVOKED_AT_ONCE))
        await asyncio.gather(told_by(Watched(store), names), others())
        units = [place for place, what in enumerate(order) if what == "unit"]
        assert len(units) == 8
        assert all(later > earlier + 1 for earlier, later in itertools.pairwise(units))

    with_store(tmp_path, work)


def test_others_have_their_turn_as_long_as_the_unit_took(monkeypatch):
    clock, pauses = ManualClock(NOW), []

    class Slow:
        async def revoke_tokens(self, token_ids, at):
            clock.advance(0.25)
            return RevokedTokens(unknown=len(token_ids))

    async def pause(seconds):
        pauses.append(seconds)

    monkeypatch.setattr("tokenward.app.incident.asyncio.sleep", pause)
    asyncio.run(revoke_listed(Slow(), [Listed("token", token_id("at"))] * (REVOKED_AT_ONCE + 1), clock=clock))
    assert pauses == [0.25, 0.25]


def test_what_was_interrupted_is_given_again_and_ends_as_if_it_had_not_been(tmp_path):
    async def work(store):
        tokens = [access() for _ in range(2 * REVOKED_AT_ONCE)]
        for token in tokens:
            await store.add_access_token(token)
        names = [Listed("token", token.token_id) for token in tokens]
        told = []
        with pytest.raises(StoreUnavailable):
            await told_by(Recording(store, fail_at=1), names, told=told.append)
        assert told == [RevokedTokens(REVOKED_AT_ONCE)]
        assert await told_by(store, names) == RevokedTokens(REVOKED_AT_ONCE, REVOKED_AT_ONCE)
        assert await store.feed_head() == len(tokens), "each is told once"

    with_store(tmp_path, work)


def test_a_refresh_token_in_the_list_takes_its_grant_along(tmp_path):
    async def work(store):
        _, token, link = await started(store)
        named = [Listed("refresh", link.token_id), Listed("refresh", token_id("rt"))]
        assert await told_by(store, named) == RevokedTokens(1, 0, 1)
        assert await told_by(store, named) == RevokedTokens(0, 1, 1)
        assert (await store.access_token(token.token_id)).revoked

    with_store(tmp_path, work)


def test_so_does_an_api_key_itself(tmp_path):
    async def work(store):
        key = api_key()
        await store.add_api_keys([key])
        named = [Listed("api_key", key.key_id), Listed("api_key", token_id("ak"))]
        assert await told_by(store, named) == RevokedTokens(1, 0, 1)
        assert await told_by(store, named) == RevokedTokens(0, 1, 1)
        assert (await store.api_key(key.key_id)).revoked

    with_store(tmp_path, work)
