import asyncio

import pytest

from issuer.house import BANK, WEATHER, Caller, House, error, lived
from tokenward.base.entropy import random_bytes
from tokenward.issuer.client_auth.method import AuthenticatedClient
from tokenward.issuer.grants.refresh_token import _context, _sealer
from tokenward.tokens import opaque
from tokenward.tokens.sealing import SealBroken

INVALID_GRANT = (400, "invalid_grant")
DAY = 86_400


async def signed_in(h: House, client_type="web", *scopes: str) -> tuple[Caller, dict[str, str]]:
    app = await h.client(client_type, *(scopes or ("accounts:read", "transfers:write", "offline_access")))
    return app, (await app.redeem(await app.code())).json()


@pytest.mark.parametrize("client_type", ["web", "spa"])
def test_a_refresh_gives_new_tokens_and_consumes_the_old_one(tmp_path, client_type):
    @lived
    async def story(h: House):
        app, first = await signed_in(h, client_type)
        second = (await app.refresh(first["refresh_token"])).json()
        assert set(second) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
        assert second["refresh_token"] != first["refresh_token"]
        assert await app.live(second["access_token"])
        assert (await app.refresh(second["refresh_token"])).status_code == 200

    story(tmp_path)


@lived
async def test_reuse_after_the_window_kills_the_family(h: House):
    app, first = await signed_in(h)
    second = (await app.refresh(first["refresh_token"])).json()
    h.clock.advance(11)
    assert error(await app.refresh(first["refresh_token"])) == INVALID_GRANT
    assert error(await app.refresh(second["refresh_token"])) == INVALID_GRANT
    assert not await app.live(first["access_token"])
    assert not await app.live(second["access_token"])


@lived
async def test_a_lost_response_can_be_had_again_within_the_window(h: House):
    app, first = await signed_in(h)
    lost = (await app.refresh(first["refresh_token"])).json()
    h.clock.advance(9)
    again = (await app.refresh(first["refresh_token"])).json()
    assert again == {**lost, "expires_in": lost["expires_in"] - 9}
    assert (await app.refresh(again["refresh_token"])).status_code == 200


@lived
async def test_a_lost_response_is_gone_once_its_successor_is_used(h: House):
    app, first = await signed_in(h)
    second = (await app.refresh(first["refresh_token"])).json()
    third = (await app.refresh(second["refresh_token"])).json()
    assert error(await app.refresh(first["refresh_token"])) == INVALID_GRANT
    assert error(await app.refresh(third["refresh_token"])) == INVALID_GRANT, "the family is dead"


@pytest.mark.parametrize("changed", [{"scope": "accounts:read"}, {"resource": BANK}])
def test_a_lost_response_with_other_parameters_is_reuse(tmp_path, changed):
    @lived
    async def story(h: House):
        app, first = await signed_in(h)
        second = (await app.refresh(first["refresh_token"])).json()
        assert error(await app.refresh(first["refresh_token"], **changed)) == INVALID_GRANT
        assert not await app.live(second["access_token"])

    story(tmp_path)


@lived
async def test_the_sealed_response_opens_only_with_the_presented_token(h: House):
    """Whoever has the database and the pepper still lacks the token that is the key."""
    app, first = await signed_in(h)
    second = (await app.refresh(first["refresh_token"])).json()
    token_id = opaque.parse(first["refresh_token"]).token_id
    sealed = await h.issuer.store.lost_response(token_id, consumed_after=0)
    context = _context(AuthenticatedClient(app.client, "client_secret"), {})
    for wrong in (second["refresh_token"], token_id, ""):
        with pytest.raises(SealBroken):
            _sealer(h.issuer.peppers[0], wrong).open(sealed, context=context)
    opened = _sealer(h.issuer.peppers[0], first["refresh_token"]).open(sealed, context=context)
    assert second["refresh_token"].encode() in opened


@lived
async def test_a_lost_response_survives_a_new_pepper_in_front(h: House):
    app, first = await signed_in(h)
    lost = (await app.refresh(first["refresh_token"])).json()
    object.__setattr__(h.issuer, "peppers", (random_bytes(32), *h.issuer.peppers))
    assert (await app.refresh(first["refresh_token"])).json() == lost


@lived
async def test_a_token_of_another_client_is_refused_and_the_family_lives(h: House):
    app, first = await signed_in(h)
    thief = await h.client("web", "accounts:read", "offline_access")
    assert error(await thief.refresh(first["refresh_token"])) == INVALID_GRANT
    second = (await app.refresh(first["refresh_token"])).json()
    assert error(await thief.refresh(first["refresh_token"])) == INVALID_GRANT
    assert await app.live(second["access_token"])


@lived
async def test_reuse_is_reuse_whatever_scope_it_asks_for(h: House):
    app, first = await signed_in(h)
    second = (await app.refresh(first["refresh_token"])).json()
    assert error(await app.refresh(first["refresh_token"], scope="forecast:read")) == INVALID_GRANT
    assert not await app.live(second["access_token"])


@lived
async def test_scope_may_narrow_the_access_token_and_never_widen(h: House):
    app, first = await signed_in(h)
    second = (await app.refresh(first["refresh_token"], scope="accounts:read")).json()
    assert second["scope"] == "accounts:read"
    third = (await app.refresh(second["refresh_token"])).json()
    assert third["scope"] == "accounts:read transfers:write offline_access", "the grant keeps what it had"


@lived
async def test_more_than_was_granted_is_refused_and_consumes_nothing(h: House):
    app = await h.client("web", "accounts:read", "transfers:write", "offline_access")
    first = (await app.redeem(await app.code(scope="accounts:read offline_access"))).json()
    for scope in ("accounts:read transfers:write", "forecast:read", "openid", "a  b"):
        assert error(await app.refresh(first["refresh_token"], scope=scope)) == (400, "invalid_scope")
    assert error(await app.refresh(first["refresh_token"], resource=WEATHER)) == (400, "invalid_target")
    assert (await app.refresh(first["refresh_token"], resource=BANK)).status_code == 200


@lived
async def test_idle_for_fourteen_days_is_the_end(h: House):
    app, first = await signed_in(h)
    h.clock.advance(14 * DAY - 1)
    second = (await app.refresh(first["refresh_token"])).json()
    h.clock.advance(14 * DAY)
    assert error(await app.refresh(second["refresh_token"])) == INVALID_GRANT


@lived
async def test_ninety_days_are_the_end_however_often_it_was_refreshed(h: House):
    app, body = await signed_in(h)
    for _ in range(8):
        h.clock.advance(11 * DAY)
        body = (await app.refresh(body["refresh_token"])).json()
    h.clock.advance(2 * DAY - 100)
    body = (await app.refresh(body["refresh_token"])).json()
    assert body["expires_in"] == 100, "no access token outlives its grant"
    h.clock.advance(100)
    assert error(await app.refresh(body["refresh_token"])) == INVALID_GRANT


@lived
async def test_fifty_refreshes_at_once_give_one_family_member(h: House):
    app, first = await signed_in(h)
    answers = await asyncio.gather(*(app.refresh(first["refresh_token"]) for _ in range(50)))
    assert {each.status_code for each in answers} == {200}
    assert len({each.json()["refresh_token"] for each in answers}) == 1


@lived
async def test_unknown_malformed_and_other_tokens_are_refused(h: House):
    app, first = await signed_in(h)
    other = opaque.new("rt")
    text = other.secret.reveal().replace(other.token_id, opaque.parse(first["refresh_token"]).token_id)
    forged = text[:-6] + opaque._checksum(text[:-6])
    for token in (other.secret.reveal(), forged, first["access_token"], "x", "ü"):
        assert error(await app.refresh(token)) == INVALID_GRANT
    assert error(await app.token(grant_type="refresh_token")) == (400, "invalid_request")
    assert (await app.refresh(first["refresh_token"])).status_code == 200
