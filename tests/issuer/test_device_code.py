"""Polling: what a device is told while nobody answers, and what it gets when somebody does."""

import json
from zlib import crc32

import pytest

from issuer.devices import answered, asking, decide, enter, tv
from issuer.house import BANK, House, Person, error, lived
from tokenward.base.entropy import base62
from tokenward.flows.dpop import DpopProver
from tokenward.tokens import base64url, opaque
from tokenward.tokens.acr import ACR

PENDING, SLOW_DOWN = (400, "authorization_pending"), (400, "slow_down")
DENIED, EXPIRED, INVALID_GRANT = (400, "access_denied"), (400, "expired_token"), (400, "invalid_grant")


@lived
async def test_a_device_gets_its_tokens_once_a_person_said_yes(h: House):
    device = await asking(await tv(h), "accounts:read offline_access")
    assert error(await device.poll()) == PENDING
    await answered(h, device)
    response = await device.poll()
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    state = await h.issuer.store.access_token(opaque.parse(body["access_token"]).token_id)
    assert (state.token.user_id, state.token.audience, state.token.credential) == ("user-1", BANK, "none")
    assert (await device.caller.refresh(body["refresh_token"])).status_code == 200


@lived
async def test_the_id_token_tells_truly_how_the_person_signed_in(h: House):
    h.browser.person = Person(amr=("pwd", "otp", "mfa"), auth_time=h.clock.time() - 30)
    device = await asking(await tv(h), "openid accounts:read")
    await answered(h, device)
    told = (await device.poll()).json()["id_token"].split(".")[1]
    claims = json.loads(base64url.decode(told))
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert claims["auth_time"] == int(h.clock.time() - 30)
    assert claims["acr"] == ACR["two-factor"]
    assert (claims["sub"], claims["aud"]) == ("user-1", device.caller.id)
    assert "nonce" not in claims


@lived
async def test_no_id_token_without_openid_and_no_refresh_token_without_offline_access(h: House):
    device = await asking(await tv(h))
    await answered(h, device)
    assert not {"id_token", "refresh_token"} & set((await device.poll()).json())


@lived
async def test_who_polls_too_often_has_to_wait_longer_from_then_on(h: House):
    device = await asking(await tv(h))
    assert error(await device.poll()) == PENDING
    for wait, answer in ((4, SLOW_DOWN), (9, SLOW_DOWN), (14, SLOW_DOWN), (20, PENDING), (19, SLOW_DOWN)):
        h.clock.advance(wait)
        assert error(await device.poll()) == answer, wait
    await answered(h, device)
    assert (await device.poll()).status_code == 200, "an answer waits for no interval"


@lived
async def test_a_no_is_told_as_often_as_it_is_asked_for(h: House):
    device = await asking(await tv(h))
    await answered(h, device, "deny")
    for _ in range(2):
        assert error(await device.poll()) == DENIED
    assert await h.issuer.store.grants_of("user-1", h.clock.time()) == []


@lived
async def test_after_ten_minutes_it_is_too_late(h: House):
    device, approved = await asking(await tv(h)), await asking(await tv(h))
    await answered(h, approved)
    h.clock.advance(599)
    assert error(await device.poll()) == PENDING
    h.clock.advance(1)
    for each in (device, approved):
        assert error(await each.poll()) == EXPIRED
    await h.issuer.store.sweep(at=h.clock.time(), limit=100)
    for each in (device, approved):
        assert error(await each.poll()) == EXPIRED
    assert await h.issuer.store.grants_of("user-1", h.clock.time()) == []


@lived
async def test_tokens_are_given_once_and_who_asks_again_ends_them(h: House):
    device = await asking(await tv(h), "accounts:read offline_access")
    await answered(h, device)
    first = (await device.poll()).json()
    assert await device.caller.live(first["access_token"])
    assert error(await device.poll()) == INVALID_GRANT
    assert not await device.caller.live(first["access_token"])
    assert error(await device.caller.refresh(first["refresh_token"])) == INVALID_GRANT


@lived
async def test_a_used_code_is_invalid_after_its_end_and_after_the_end_of_its_grant(h: House):
    device = await asking(await tv(h))
    await answered(h, device)
    assert (await device.poll()).status_code == 200
    h.clock.advance(601)
    assert error(await device.poll()) == INVALID_GRANT
    h.clock.advance(1200)
    await h.issuer.store.sweep(at=h.clock.time(), limit=100)
    assert error(await device.poll()) == EXPIRED


@lived
async def test_a_revoked_grant_gives_nothing(h: House):
    device = await asking(await tv(h))
    await answered(h, device)
    (grant,) = await h.issuer.store.grants_of("user-1", h.clock.time())
    await h.issuer.store.revoke_grant(grant.grant_id, h.clock.time())
    assert error(await device.poll()) == INVALID_GRANT


@lived
async def test_the_person_who_is_withdrawn_from_ends_what_the_device_has(h: House):
    device = await asking(await tv(h), "accounts:read offline_access")
    await answered(h, device)
    tokens = (await device.poll()).json()
    await h.issuer.store.withdraw_consent("user-1", device.caller.id, h.clock.time())
    assert not await device.caller.live(tokens["access_token"])
    assert error(await device.caller.refresh(tokens["refresh_token"])) == INVALID_GRANT


@lived
async def test_the_resource_of_a_poll_is_that_of_the_grant(h: House):
    device = await asking(await tv(h))
    await answered(h, device)
    assert error(await device.poll(resource=f"{BANK}2")) == (400, "invalid_target")
    assert (await device.poll(resource=BANK)).status_code == 200, "a refusal spoils nothing"


@lived
async def test_tokens_are_bound_to_the_key_of_the_polls(h: House):
    caller = await tv(h)
    caller.prover = DpopProver(clock=h.clock)
    device = await asking(caller, "accounts:read offline_access")
    assert error(await device.poll()) == PENDING
    await answered(h, device)
    body = (await device.poll()).json()
    assert body["token_type"] == "DPoP"
    state = await h.issuer.store.access_token(opaque.parse(body["access_token"]).token_id)
    assert state.token.cnf.thumbprint == caller.prover.thumbprint
    own, caller.prover = caller.prover, DpopProver(clock=h.clock)
    assert error(await caller.refresh(body["refresh_token"])) == INVALID_GRANT
    caller.prover = own
    assert (await caller.refresh(body["refresh_token"])).status_code == 200


@pytest.mark.parametrize("first", ["with a key", "without"])
def test_the_key_of_the_first_poll_is_that_of_all(tmp_path, first):
    async def poll(h: House):
        caller = await tv(h)
        own, others = (
            (DpopProver(clock=h.clock), None) if first == "with a key" else (None, DpopProver(clock=h.clock))
        )
        caller.prover = own
        device = await asking(caller)
        assert error(await device.poll()) == PENDING
        caller.prover = others
        h.clock.advance(1)
        assert error(await device.poll()) == INVALID_GRANT
        await answered(h, device)
        assert error(await device.poll()) == INVALID_GRANT
        caller.prover = own
        assert (await device.poll()).status_code == 200, "the other key spoilt nothing"

    lived(poll)(tmp_path)


@lived
async def test_a_client_that_is_registered_for_bound_tokens_polls_with_a_proof(h: House):
    caller = await tv(h, bound_tokens="dpop")
    device = await asking(caller)
    assert error(await device.poll()) == (400, "invalid_dpop_proof")
    caller.prover = DpopProver(clock=h.clock)
    assert error(await device.poll()) == PENDING


@pytest.mark.parametrize("kind", ["at", "rt", "ac", "cs"])
def test_what_is_no_device_code_is_refused(tmp_path, kind):
    async def poll(h: House):
        device = await asking(await tv(h))
        for text in (opaque.new(kind).secret.reveal(), opaque.new("dc").secret.reveal(), device.code[:-1]):
            device.told["device_code"] = text
            assert error(await device.poll()) == INVALID_GRANT

    lived(poll)(tmp_path)


@lived
async def test_a_device_code_whose_secret_part_is_another_is_refused(h: House):
    device = await asking(await tv(h))
    real, fake = device.code, opaque.new("dc").secret.reveal()
    text = real[:18] + fake[18:61]
    device.told["device_code"] = text + base62(crc32(text.encode()), 6)
    assert opaque.parse(device.code, kind="dc").token_id == opaque.parse(real).token_id
    assert error(await device.poll()) == INVALID_GRANT


@lived
async def test_groups_narrow_what_a_device_gets(h: House):
    h.browser.person = Person(scopes=frozenset({"accounts:read"}))
    device = await asking(await tv(h, "accounts:read", "transfers:write"), "accounts:read transfers:write")
    await enter(h, device.user_code)
    assert set(h.pages.view.scopes) == {"accounts:read"}
    assert (await decide(h, "allow")).text == "allowed"
    assert (await device.poll()).json()["scope"] == "accounts:read"
