"""What an operator may revoke, and what that ends: each by its name and nothing beside it."""

import asyncio
from dataclasses import dataclass

import pytest

from store.values import NOW, access, api_key, client, opened, session, started, user
from tokenward.app.revocation import REVOCATIONS, revoke
from tokenward.base.problems import INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.store.port import Store


@dataclass
class Held:
    """What is alive before: of one person at one client, and of others."""

    store: Store
    client_id: str
    username: str
    user_id: str
    grant_id: str
    granted: str
    refresh: str
    own: str
    other: str
    key: str
    session: str

    async def alive(self) -> set[str]:
        """The names of those that still are."""
        tokens = {"granted": self.granted, "own": self.own, "other": self.other}
        found = {name for name, each in tokens.items() if not (await self.store.access_token(each)).revoked}
        if not (await self.store.api_key(self.key)).revoked:
            found.add("key")
        if await self.store.session(self.session) is not None:
            found.add("session")
        return found


ALL = {"granted", "own", "other", "key", "session"}


def with_held(work):
    """A test that is given all that."""

    def test(tmp_path, **parameters):
        async def run():
            async with opened(f"sqlite:{tmp_path / 'db'}") as store:
                app, person, key = client(), user(), api_key()
                signed_in = session(user_id=person.user_id)
                await store.add_client(app, None)
                await store.add_user(person)
                await store.add_session(signed_in, version=0)
                await store.add_api_keys([key])
                grant, granted, link = await started(store, client_id=app.client_id, user_id=person.user_id)
                own, other = access(client_id=app.client_id), access(client_id="other")
                for each in (own, other):
                    await store.add_access_token(each)
                held = Held(
                    store, app.client_id, person.username, person.user_id, grant.grant_id,
                    granted.token_id, link.token_id, own.token_id, other.token_id, key.key_id,
                    signed_in.session_id,
                )  # fmt: skip
                assert await held.alive() == ALL
                await work(held, **parameters)

        asyncio.run(run())

    return test


ENDED = {
    "token": ("own", {"own"}),
    "grant": ("grant_id", {"granted"}),
    "refresh": ("refresh", {"granted"}),
    "client": ("client_id", {"granted", "own"}),
    "user": ("username", {"granted", "session"}),
    "api_key": ("key", {"key"}),
}


@pytest.mark.parametrize("what", ENDED)
def test_what_is_named_ends_and_nothing_beside_it(tmp_path, what):
    subject, ended = ENDED[what]

    async def work(held):
        await revoke(held.store, what, getattr(held, subject), before=None, at=NOW)
        assert await held.alive() == ALL - ended

    with_held(work)(tmp_path)


def test_all_is_all_that_was_issued(tmp_path):
    async def work(held):
        await revoke(held.store, "all", "", before=None, at=NOW)
        assert not await held.alive() & {"granted", "own", "other"}

    with_held(work)(tmp_path)


@pytest.mark.parametrize("what", sorted(REVOCATIONS.keys() - {"all"}))
def test_what_nobody_knows_is_not_found_and_writes_nothing(tmp_path, what):
    async def work(held):
        with pytest.raises(Refusal) as refused:
            await revoke(held.store, what, "nobody", before=None, at=NOW)
        assert refused.value.problem is NOT_FOUND
        assert await held.store.feed_head() == 0

    with_held(work)(tmp_path)


@pytest.mark.parametrize("what", ["client", "user", "all"])
def test_a_moment_ends_what_was_issued_until_then_and_is_not_yet_to_come(tmp_path, what):
    subject = {"client": "client_id", "user": "username"}.get(what)

    async def work(held):
        named = getattr(held, subject) if subject else ""
        with pytest.raises(Refusal) as refused:
            await revoke(held.store, what, named, before=NOW + 11, at=NOW + 10)
        assert refused.value.problem is INVALID_INPUT
        await revoke(held.store, what, named, before=NOW - 1, at=NOW + 10)
        assert await held.alive() | {"session"} == ALL
        await revoke(held.store, what, named, before=NOW, at=NOW + 10)
        assert "granted" not in await held.alive()

    with_held(work)(tmp_path)
