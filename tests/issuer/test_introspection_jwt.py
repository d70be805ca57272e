"""Signed introspection responses (RFC 9701)."""

import json

import pytest

from issuer.house import BANK, KEYS, URL, WEATHER, House, error, lived
from issuer.test_introspect_and_revoke import GRANT
from tokenward import InvalidToken, JwtValidator
from tokenward.base.problems import Refusal
from tokenward.tokens import base64url

SIGNED = {"accept": "application/token-introspection+jwt"}


def told(h: House, caller, text: str) -> dict[str, object]:
    """What the signed answer says, to a resource server that validates it as it should."""
    validator = JwtValidator(
        issuer=URL,
        audience=caller.id,
        keys={"keys": [key.public_jwk() for key in KEYS]},
        algorithms=["RS256", "ES256"],
        kind="token-introspection+jwt",
        clock=h.clock,
    )
    return validator.validate(text)["token_introspection"]


@lived
async def test_who_asks_for_a_signed_answer_gets_the_same_as_json_signed_for_itself(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    server = await h.client("service", f"introspect:{BANK}")
    token = (await app.redeem(await app.code())).json()["access_token"]
    response = await server.post("/introspect", SIGNED, token=token)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/token-introspection+jwt"
    assert response.headers["cache-control"] == "no-store"
    header, claims = (json.loads(base64url.decode(part)) for part in response.text.split(".")[:2])
    assert header == {
        "alg": "RS256",
        "typ": "token-introspection+jwt",
        "kid": KEYS[1].kid,
    }
    what = claims.pop("token_introspection")
    assert claims == {"iss": URL, "aud": server.id, "iat": int(h.clock.time())}
    h.remembers = True
    assert told(h, server, response.text) == what == await server.introspect(token)
    again = await server.post("/introspect", SIGNED, token=token)
    assert told(h, server, again.text) == what, "also where JSON was answered before"


@lived
async def test_a_signed_answer_about_what_is_dead_or_not_ones_business_says_nothing_more(h: House):
    app = await h.client("service", "accounts:read")
    stranger = await h.client("service", f"introspect:{WEATHER}")
    token = (await app.token(**GRANT)).json()["access_token"]
    for caller, text in ((stranger, token), (app, "x"), (app, token + "x")):
        response = await caller.post("/introspect", SIGNED, token=text)
        assert told(h, caller, response.text) == {"active": False}
    await app.post("/revoke", token=token)
    assert told(h, app, (await app.post("/introspect", SIGNED, token=token)).text) == {"active": False}


@lived
async def test_a_signed_answer_is_worth_nothing_to_another_nor_as_a_token(h: House):
    app = await h.client("web", "accounts:read", "openid", "offline_access")
    server = await h.client("service", f"introspect:{BANK}")
    other = await h.client("service", f"introspect:{BANK}")
    token = (await app.redeem(await app.code())).json()["access_token"]
    answer = (await server.post("/introspect", SIGNED, token=token)).text
    with pytest.raises(InvalidToken) as refused:
        told(h, other, answer)
    assert refused.value.code == "wrong_audience"
    assert (await server.introspect(answer)) == {"active": False}
    assert (await app.post("/revoke", token=answer)).status_code == 200
    assert (await server.introspect(token))["active"]


@lived
async def test_a_refusal_stays_json_and_no_answer_is_signed_by_a_key_that_may_be_gone(h: House):
    app = await h.client("service", "accounts:read")
    token = (await app.token(**GRANT)).json()["access_token"]
    assert error(await app.post("/introspect", SIGNED, x="y")) == (400, "invalid_request")
    h.issuer.signing_keys.fresh = False
    assert error(await app.post("/introspect", SIGNED, token=token)) == (503, "temporarily_unavailable")


@lived
async def test_a_client_that_only_takes_anything_gets_json(h: House):
    app = await h.client("service", "accounts:read")
    for accept in ("*/*", "text/html", "application/json, application/token-introspection+jwt;q=0.5"):
        response = await app.post("/introspect", {"accept": accept}, token="x")
        assert response.headers["content-type"] == "application/json"
        assert response.json() == {"active": False}


@lived
async def test_a_client_gets_answers_signed_with_the_algorithm_that_it_registered(h: House):
    usual = await h.client("service", "accounts:read")
    other = await h.client("service", "accounts:read", introspection_signed_response_alg="ES256")
    for caller, key in ((usual, KEYS[1]), (other, KEYS[0])):
        token = (await caller.token(**GRANT)).json()["access_token"]
        text = (await caller.post("/introspect", SIGNED, token=token)).text
        assert told(h, caller, text)["active"]
        header = json.loads(base64url.decode(text.split(".")[0]))
        assert (header["alg"], header["kid"]) == (key.algorithm, key.kid)
    for wrong in ("none", "HS256", "ES384", ""):
        with pytest.raises(Refusal):
            await h.client("service", introspection_signed_response_alg=wrong)
