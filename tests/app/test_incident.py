"""Revoking what an incident names: bounded units, others in between, and again what was interrupted.

What a list holds was found somewhere, and may have been written there to end somebody else's tokens.
"""

import asyncio
import itertools
from functools import partial

import pytest

from store.values import NOW, access, api_key, code_of, grant, opaque_token, opened, refresh, token_id
from tokenward.app.incident import Listed, listed, revoke_listed
from tokenward.base.clock import ManualClock
from tokenward.store.port import REVOKED_AT_ONCE, StoreUnavailable
from tokenward.store.records import RevokedTokens
from tokenward.tokens import opaque
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey

PEPPERS = (b"new", b"old")


def told_by(store, named, **more):
    return revoke_listed(store, PEPPERS, named, clock=ManualClock(NOW), **more)


def issued(kind, make, name="token_id", pepper=PEPPERS[0], text=None, **over):
    """A token's record as it is kept, and its text."""
    token = opaque_token(kind)
    text = text or token.secret.reveal()
    return make(**{name: token.token_id, "keyed_hash": opaque.keyed_hash(pepper, text), **over}), text


def forged(text):
    """Another well-formed text of the same kind around the same id."""
    body = text[:18] + opaque.new("at").secret.reveal()[18:-6]
    return body + opaque._checksum(body)


def _as(text, kind):
    """The same text as if it were of another kind."""
    body = f"tkw_{kind}_{text[7:-6]}"
    return body + opaque._checksum(body)


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
    token, link = opaque.new("at"), opaque.new("rt")
    jwt = sign_jwt(SigningKey.generate("ES256"), {"jti": token.token_id}, typ="at+jwt")
    assert listed(f"\ufeff{token.token_id}\n") == Listed("token", token.token_id)
    assert listed(f"{token.token_id}\n") == Listed("token", token.token_id)
    key = opaque.new("ak")
    for what, name, text in (
        ("token", token.token_id, token.secret.reveal()),
        ("token", token.token_id, jwt),
        ("refresh", link.token_id, link.secret.reveal()),
        ("api_key", key.token_id, key.secret.reveal()),
    ):
        named = listed(f"  {text}\r\n")
        assert (named.what, named.subject, named.text.reveal()) == (what, name, text)
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
    named = [Listed("token", token_id("at"))] * (REVOKED_AT_ONCE + 1)
    asyncio.run(revoke_listed(Slow(), PEPPERS, named, clock=clock))
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


async def granted(store, **over):
    """A grant with an access token of it, and the text of its refresh token."""
    its_grant = grant()
    code, token = code_of(its_grant), access(its_grant)
    link, text = issued("rt", partial(refresh, its_grant), **over)
    await store.add_grant(its_grant, code)
    await store.redeem_code(code.token_id, token, link, at=NOW + 1)
    return token, text


def test_a_refresh_token_in_the_list_takes_its_grant_along(tmp_path):
    async def work(store):
        token, text = await granted(store, pepper=PEPPERS[1])
        named = [listed(text), listed(opaque.new("rt").secret.reveal())]
        assert await told_by(store, named) == RevokedTokens(1, 0, 1)
        assert await told_by(store, named) == RevokedTokens(0, 1, 1)
        assert (await store.access_token(token.token_id)).revoked

    with_store(tmp_path, work)


def test_so_does_an_api_key_itself(tmp_path):
    async def work(store):
        key, text = issued("ak", api_key, name="key_id", pepper=PEPPERS[1])
        await store.add_api_keys([key])
        named = [listed(text), listed(opaque.new("ak").secret.reveal())]
        assert await told_by(store, named) == RevokedTokens(1, 0, 1)
        assert await told_by(store, named) == RevokedTokens(0, 1, 1)
        assert (await store.api_key(key.key_id)).revoked

    with_store(tmp_path, work)


def test_a_tokens_text_must_be_the_one_that_was_issued(tmp_path):
    async def work(store):
        token, text = issued("at", access, pepper=PEPPERS[1])
        jti = opaque.new("at").token_id
        signer, other = SigningKey.generate("ES256"), SigningKey.generate("ES256")
        whole, fake = (sign_jwt(each, {"jti": jti}, typ="at+jwt") for each in (signer, other))
        readable, _ = issued("at", access, text=whole, token_id=jti)
        key, key_text = issued("ak", api_key, name="key_id")
        of_grant, refresh_text = await granted(store)
        for each in (token, readable):
            await store.add_access_token(each)
        await store.add_api_keys([key])

        forgeries = [forged(text), fake, forged(key_text), forged(refresh_text)]
        # Around the name of an access token, and of another kind: nor are those what was issued.
        forgeries += [
            sign_jwt(other, {"jti": token.token_id}, typ="at+jwt"),
            _as(text, "rt"),
            _as(text, "ak"),
        ]
        forgeries += [opaque.new("at").secret.reveal()]
        named = [listed(each) for each in forgeries]
        assert [each.subject for each in named[:4]] == [token.token_id, jti, key.key_id, refresh_text[7:18]]
        assert await told_by(store, named) == RevokedTokens(unknown=len(named))
        for each in (token, readable, of_grant):
            assert not (await store.access_token(each.token_id)).revoked
        assert not (await store.api_key(key.key_id)).revoked
        assert await store.feed_head() == 0

        # The true ones beside them are ended all the same.
        genuine = [listed(each) for each in (text, whole, key_text, refresh_text)]
        assert await told_by(store, [*named, *genuine]) == RevokedTokens(4, 0, len(named))

    with_store(tmp_path, work)


def test_texts_are_looked_at_by_the_unit(tmp_path):
    async def work(store):
        tokens = [issued("at", access) for _ in range(REVOKED_AT_ONCE + 1)]
        await asyncio.gather(*(store.add_access_token(record) for record, _ in tokens))
        looks = []

        class Looked(Recording):
            async def access_token_hashes(self, token_ids):
                looks.append(len(token_ids))
                return await self._store.access_token_hashes(token_ids)

        named = (listed(text) for _, text in tokens)
        assert await told_by(Looked(store), named) == RevokedTokens(REVOKED_AT_ONCE + 1)
        assert looks == [REVOKED_AT_ONCE, 1]

    with_store(tmp_path, work)
