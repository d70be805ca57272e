"""The issuer notes what is used, and from where."""

import pytest

from issuer.house import WEATHER, House, lived
from issuer.test_api_key_exchange import ask
from issuer.test_api_keys import add
from issuer.test_token_exchange import TO_WEATHER, backend, exchange, own_token, ruled
from tokenward.issuer.api_keys import Terms
from tokenward.tokens import opaque

HERE = "127.0.0.1"


async def used(h: House, kind: str, subject: str):
    await h.issuer.usage.flush()
    return [(each.door, each.address, each.uses) for each in await h.issuer.store.usages(kind, subject)]


def id_of(text: str) -> str:
    return opaque.parse(text).token_id


@pytest.mark.parametrize("remembers", [False, True])
def test_whoever_asks_what_a_token_is_was_shown_it(tmp_path, remembers):
    @lived
    async def story(h: House):
        h.remembers = remembers
        app = await h.client("service", "forecast:read")
        token = (await app.token(grant_type="client_credentials")).json()["access_token"]
        for _ in range(3):
            await app.introspect(token)
        assert await used(h, "access_token", id_of(token)) == [("introspection", HERE, 3)]
        (secret,) = await h.issuer.store.client_secrets(app.id)
        assert await used(h, "client_secret", secret.secret_id) == [("issuer", HERE, 4)]

    story(tmp_path)


@lived
async def test_what_is_not_live_is_not_used(h: House):
    app = await h.client("service", "forecast:read")
    token = (await app.token(grant_type="client_credentials")).json()["access_token"]
    await app.post("/revoke", token=token)
    await app.introspect(token)
    assert await used(h, "access_token", id_of(token)) == []


@lived
async def test_each_refresh_token_is_used_by_whom_it_shows_also_when_that_is_reuse(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    first = (await app.redeem(await app.code())).json()["refresh_token"]
    await app.refresh(first)
    assert await used(h, "refresh_token", id_of(first)) == [("issuer", HERE, 1)]
    h.clock.advance(60)
    await app.refresh(first)
    assert await used(h, "refresh_token", id_of(first)) == [("issuer", HERE, 2)]
    unknown = opaque.new("rt").secret.reveal()
    await app.refresh(unknown)
    assert await used(h, "refresh_token", id_of(unknown)) == []


@lived
async def test_an_api_key_is_used_by_its_exchange_also_from_where_it_is_refused(h: House):
    key, text = await add(h, Terms(WEATHER, ("forecast:read",), addresses=("203.0.113.0/24",)))
    assert (await ask(h, text)).status_code == 400
    assert await used(h, "api_key", key.key_id) == [("issuer", HERE, 1)]


@lived
async def test_a_token_is_used_by_its_exchange(h: House):
    token, _ = await own_token(h)
    service = await backend(h)
    ruled(h, TO_WEATHER)
    await exchange(service, token, audience=WEATHER)
    assert await used(h, "access_token", id_of(token)) == [("issuer", HERE, 1)]
