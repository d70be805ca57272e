"""An API key becomes a short token: for its API, of its tier, on its terms, until its end."""

import asyncio

import pytest

from issuer.house import BANK, WEATHER, House, error, lived
from issuer.test_api_keys import FOREIGN, add, desk, imported
from issuer.test_token_exchange import ACCESS, GRANT, backend, exchange, ruled, stored
from tokenward.app.foundation import StoreResolver
from tokenward.base.problems import Refusal
from tokenward.gateway.tiers import TIERS, admit
from tokenward.issuer.api_keys import Terms, rotate_key
from tokenward.issuer.settings import ExchangeRule
from tokenward.store.records import API_KEY_CLIENT
from tokenward.tokens import opaque

API_KEY = "urn:tokenward:token-type:api_key"
REFUSED = (400, "invalid_request")


async def ask(h: House, key: str, headers=None, **form: str):
    form = {"grant_type": GRANT, "subject_token": key, "subject_token_type": API_KEY, **form}
    return await h.http.post("/token", data=form, headers=headers)


def resolver(h: House) -> StoreResolver:
    return StoreResolver(h.issuer.store, h.issuer.peppers, h.issuer.pairwise_key, {}, frozenset(), h.clock)


async def facts(h: House, text: str):
    return await resolver(h).resolve(text, opaque.parse(text).token_id)


@lived
async def test_a_key_becomes_a_token_that_is_no_more_than_the_key(h: House):
    key, text = await add(h)
    response = await ask(h, text)
    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["issued_token_type"], body["scope"], body["expires_in"]) == (ACCESS, "forecast:read", 600)
    token = await stored(h, body["access_token"])
    name = API_KEY_CLIENT + key.key_id
    assert (token.audience, token.credential, token.user_id) == (WEATHER, "api_key", None)
    assert (token.client_id, token.ancestors) == (name, (name,))


@lived
async def test_such_a_token_opens_tier_low_and_nothing_above(h: House):
    _, text = await add(h)
    found = await facts(h, (await ask(h, text)).json()["access_token"])
    admit(TIERS["low"], found, h.clock.time())
    for tier in ("moderate", "high", "critical"):
        with pytest.raises(Refusal):
            admit(TIERS[tier], found, h.clock.time())


@lived
async def test_a_key_is_exchanged_for_nothing_that_it_does_not_allow(h: House):
    _, text = await add(h)
    for scope in ("shared", "forecast:read shared", "accounts:read", "openid"):
        assert error(await ask(h, text, scope=scope)) == (400, "invalid_scope")
    for target in ({"audience": BANK}, {"resource": BANK}, {"audience": WEATHER, "resource": BANK}):
        assert error(await ask(h, text, **target)) == (400, "invalid_target")
    for actor in (
        {"actor_token": text, "actor_token_type": API_KEY},
        {"actor_token": text},
        {"actor_token_type": API_KEY},
    ):
        assert error(await ask(h, text, **actor)) == REFUSED
    details = '[{"type":"forecasts"}]'
    assert error(await ask(h, text, authorization_details=details)) == (400, "invalid_authorization_details")
    refresh = "urn:ietf:params:oauth:token-type:refresh_token"
    assert error(await ask(h, text, requested_token_type=refresh)) == REFUSED
    assert (await ask(h, text, audience=WEATHER, scope="forecast:read")).status_code == 200


@lived
async def test_a_token_never_outlives_its_key_and_ends_with_it(h: House):
    key, text = await add(h, lifetime=3600)
    h.clock.advance(3600 - 30)
    response = await ask(h, text)
    assert response.json()["expires_in"] == 30
    token = response.json()["access_token"]
    assert await facts(h, token) is not None
    await h.issuer.store.revoke_api_key(key.key_id, h.clock.time())
    assert await facts(h, token) is None
    assert error(await ask(h, text)) == REFUSED


@lived
async def test_what_is_exchanged_while_the_key_is_revoked_is_dead_all_the_same(h: House):
    for _ in range(10):
        key, text = await add(h)
        response, _ = await asyncio.gather(
            ask(h, text), h.issuer.store.revoke_api_key(key.key_id, h.clock.time())
        )
        if response.status_code == 200:
            assert await facts(h, response.json()["access_token"]) is None


@lived
async def test_what_is_no_live_key_is_refused_in_one_voice_and_slowed_down(h: House):
    service = await backend(h, "accounts:read")
    token = (await service.token(grant_type="client_credentials")).json()["access_token"]
    key, revoked = await add(h)
    await h.issuer.store.revoke_api_key(key.key_id, h.clock.time())
    bad = (opaque.new("ak").secret.reveal(), revoked, token, service.secret, "x")
    answers = [await ask(h, text) for text in bad * 4]
    assert {(answer.status_code, answer.content) for answer in answers} == {(400, answers[0].content)}
    assert error(answers[0]) == REFUSED
    assert (await ask(h, "x")).status_code == 429
    _, good = await add(h)
    assert (await ask(h, good)).status_code == 200


@lived
async def test_a_key_is_exchanged_by_who_holds_it_and_by_no_client(h: House):
    service = await backend(h)
    _, text = await add(h)
    assert error(await ask(h, text, service.basic())) == REFUSED
    assert error(await ask(h, text, client_id="backend")) == REFUSED
    assert error(await exchange(service, text, subject_token_type=ACCESS)) == (400, "unauthorized_client")


@lived
async def test_an_imported_key_is_exchanged_too(h: House):
    key = await imported(h)
    token = await stored(h, (await ask(h, FOREIGN)).json()["access_token"])
    assert token.ancestors == (API_KEY_CLIENT + key.key_id,)


@lived
async def test_a_token_does_not_escape_the_terms_of_its_key(h: House):
    terms = Terms(WEATHER, ("forecast:read",), ("127.0.0.0/8",), ("https://app.example",), rate=60)
    _, text = await add(h, terms)
    assert error(await ask(h, text)) == REFUSED  # no origin
    assert error(await ask(h, text, {"origin": "https://evil.example"})) == REFUSED
    response = await ask(h, text, {"origin": "https://app.example"})
    found = await facts(h, response.json()["access_token"])
    direct = await resolver(h).resolve_api_key(text)
    assert found.key == direct.key
    assert (found.is_api_key, direct.is_api_key) == (False, True)
    _, elsewhere = await add(h, Terms(WEATHER, ("forecast:read",), ("192.0.2.0/24",)))
    assert error(await ask(h, elsewhere)) == REFUSED


@lived
async def test_what_a_key_became_is_exchanged_further_only_by_a_rule_and_stays_of_its_tier(h: House):
    ruled(h, ExchangeRule("backend", WEATHER, BANK, ("accounts:read",)))
    service = await backend(h)
    key, text = await add(h)
    first = (await ask(h, text)).json()["access_token"]
    token = await stored(h, (await exchange(service, first, audience=BANK)).json()["access_token"])
    name = API_KEY_CLIENT + key.key_id
    assert (token.credential, token.subject_client) == ("api_key", name)
    assert name in token.ancestors
    await h.issuer.store.revoke_api_key(key.key_id, h.clock.time())
    assert (await h.issuer.store.access_token(token.token_id)).revoked


@lived
async def test_guessing_at_imported_keys_is_slowed_down_before_anybody_looks(h: House):
    """They may be short. Who has a key of ours never waits, and who is right has guessed nothing."""
    await imported(h, "12345678")
    _, ours = await add(h)
    for _ in range(25):
        assert (await ask(h, "12345678")).status_code == 200
    for guess in range(20):
        assert error(await ask(h, f"guess {guess}")) == REFUSED
    assert (await ask(h, "12345678")).status_code == 429
    assert (await ask(h, ours)).status_code == 200
    h.clock.advance(10)
    assert (await ask(h, "12345678")).status_code == 200


@lived
async def test_what_a_key_gave_ends_when_its_rotation_ends_it(h: House):
    key, text = await add(h)
    token = (await ask(h, text)).json()["access_token"]
    await rotate_key(desk(h), key.key_id, overlap=60)
    assert await facts(h, token)
    h.clock.advance(60)
    assert await facts(h, token) is None
