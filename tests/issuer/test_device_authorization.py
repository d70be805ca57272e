"""The device authorization endpoint: who may ask, what for, and what they are told."""

import re

import pytest

from issuer.devices import DEVICE_GRANT, Device, answered, asking, tv
from issuer.house import BANK, URL, House, error, lived
from issuer.test_private_key_jwt import KEY, claims, jwks, present
from tokens.minting import mint
from tokenward.base.problems import Refusal
from tokenward.issuer.client_auth.registration import Proving
from tokenward.issuer.clients import register
from tokenward.tokens import opaque, user_code


@lived
async def test_a_device_is_told_all_that_it_needs(h: House):
    response = await (await tv(h)).post("/device_authorization", scope="accounts:read openid", resource=BANK)
    assert response.headers["cache-control"] == "no-store"
    told = response.json()
    assert set(told) == {
        *("device_code", "user_code", "verification_uri", "verification_uri_complete"),
        *("expires_in", "interval"),
    }
    assert opaque.parse(told["device_code"], kind="dc")
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", told["user_code"])
    assert told["verification_uri"] == f"{URL}/device"
    assert told["verification_uri_complete"] == f"{URL}/device?user_code={told['user_code']}"
    assert (told["expires_in"], told["interval"]) == (600, 5)


@lived
async def test_neither_code_is_kept_in_a_form_that_opens_anything(h: House):
    device = await asking(await tv(h))
    code = (await h.issuer.store.device_code(device.token_id)).code
    kept = repr(code).encode() + code.keyed_hash + code.user_code_hash
    assert device.code.encode() not in kept
    for pepper in h.issuer.peppers:
        assert code.user_code_hash == user_code.keyed_hash(pepper, user_code.typed(device.user_code))
    assert user_code.typed(device.user_code).encode() not in kept
    assert code.address == "127.0.0.1"


@pytest.mark.parametrize("client_type", ["web", "spa", "native", "service"])
def test_only_devices_ask_and_poll_as_devices(tmp_path, client_type):
    async def ask(h: House):
        app = await h.client(client_type, "accounts:read")
        answer = await app.post("/device_authorization", scope="accounts:read")
        assert error(answer) == (400, "unauthorized_client")
        device = await asking(await tv(h))
        answer = await app.token(grant_type=DEVICE_GRANT, device_code=device.code)
        assert error(answer) == (400, "unauthorized_client")

    lived(ask)(tmp_path)


@lived
async def test_a_device_does_nothing_that_needs_a_browser_or_a_secret(h: House):
    caller = await tv(h)
    assert (await h.authorize(**caller.request())).text == "unregistered_redirect"
    for grant in ("authorization_code", "client_credentials"):
        refused = await caller.token(grant_type=grant, code="x", redirect_uri="x", code_verifier="x" * 43)
        assert error(refused) == (400, "unauthorized_client")


@lived
async def test_a_device_has_no_secret_and_no_redirect_address(h: House):
    assert (await tv(h)).secret is None
    for method in ("client_secret", "workload"):
        with pytest.raises(Refusal, match="cannot prove itself"):
            await tv(h, proving=Proving(method))
    with pytest.raises(Refusal, match="no redirect addresses"):
        await register(
            h.desk, name="TV", client_type="device", scopes=[], redirect_uris=["https://tv.example/cb"]
        )


@lived
async def test_a_device_with_a_key_of_its_own_has_to_use_it(h: House):
    caller = await tv(h, proving=Proving("private_key_jwt", jwks(KEY)))
    for path, form in (
        ("/device_authorization", {"scope": "accounts:read"}),
        ("/token", {"grant_type": DEVICE_GRANT, "device_code": "x"}),
    ):
        assert error(await caller.post(path, **form)) == (401, "invalid_client")
    told = await present(h, mint(claims(h, caller), KEY), path="/device_authorization", scope="accounts:read")
    device = Device(caller, told.json())
    await answered(h, device)
    fetch = {"grant_type": DEVICE_GRANT, "device_code": device.code}
    tokens = (await present(h, mint(claims(h, caller), KEY), **fetch)).json()
    state = await h.issuer.store.access_token(opaque.parse(tokens["access_token"]).token_id)
    assert state.token.credential == "private_key_jwt"


@lived
async def test_what_is_asked_for_must_be_the_devices_to_ask(h: House):
    caller = await tv(h, "accounts:read")
    for asked, problem in (
        ({}, "invalid_scope"),
        ({"scope": "transfers:write"}, "invalid_scope"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"scope": "accounts:read", "resource": "https://weather.example/"}, "invalid_scope"),
        ({"scope": "accounts:read", "resource": "https://nowhere.example/"}, "invalid_target"),
    ):
        assert error(await caller.post("/device_authorization", **asked)) == (400, problem)


@lived
async def test_the_request_is_read_strictly(h: House):
    caller = await tv(h)
    form = {"client_id": caller.id, "scope": "accounts:read"}
    assert error(await h.http.post("/device_authorization?client_id=x", data=form)) == (
        400,
        "invalid_request",
    )
    twice = f"client_id={caller.id}&scope=accounts:read&scope=openid"
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert error(await h.http.post("/device_authorization", content=twice, headers=kind)) == (
        400,
        "invalid_request",
    )
    assert error(await h.http.post("/device_authorization", data={**form, "x": "y" * 20_000})) == (
        413,
        "invalid_request",
    )
    assert error(await h.http.post("/device_authorization", data={"scope": "accounts:read"})) == (
        401,
        "invalid_client",
    )
    assert (await h.http.get("/device_authorization")).status_code == 405
    for age in ("-1", "soon", "٣", "9" * 10):
        refused = await h.http.post("/device_authorization", data={**form, "max_age": age})
        assert error(refused) == (400, "invalid_request"), age


@lived
async def test_nobody_fills_the_store_with_devices_that_ask(h: House):
    caller = await tv(h)
    for _ in range(30):
        await asking(caller)
    refused = await caller.post("/device_authorization", scope="accounts:read")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    h.clock.advance(10)
    await asking(caller)
