"""RFC 9101: requests that a client signed, in the address and pushed, and ways to confuse us by one."""

import asyncio
import json
from dataclasses import replace
from itertools import count

import pytest

from issuer.house import BANK, CALLBACK, URL, Caller, House, Person, answer, error, house, lived
from issuer.test_authorize import sign_in_target
from issuer.test_dpop import proving
from issuer.test_private_key_jwt import JWKS_URI, KEY, OTHER, jwks
from issuer.test_private_key_jwt import claims as assertion_claims
from issuer.test_pushed_requests import page
from tokens.minting import ABSENT, changed, mint
from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.flows import pkce
from tokenward.issuer.authorization_request import QUERY_LIMIT
from tokenward.issuer.client_auth.private_key_jwt import ASSERTION_TYPE
from tokenward.issuer.client_auth.registration import Proving
from tokenward.issuer.client_keys import REQUEST_SECONDS
from tokenward.tokens.algorithms import ALGORITHMS
from tokenward.tokens.keys import SigningKey

TYPE = "oauth-authz-req+jwt"
_numbers = count()


async def signer(h: House, **policy) -> Caller:
    """A client that has keys, by default `KEY`, and a person before it."""
    proof = Proving("private_key_jwt", jwks=jwks(KEY))
    return await h.client("web", "accounts:read", "openid", **{"proving": proof, **policy})


def signed(h: House, app: Caller, key: SigningKey = KEY, *, header=None, **changes: object) -> str:
    """The client's request as an object, with these changes."""
    now = int(h.clock.time())
    whose = {"iss": app.id, "aud": URL, "jti": f"r-{next(_numbers)}"}
    of_jwt = {**whose, "iat": now, "nbf": now, "exp": now + 60}
    return mint(changed(app.request() | of_jwt, changes), key, **{"typ": TYPE, **(header or {})})


async def by_address(h: House, app: Caller, request: str, **beside: str):
    """What a browser comes to with it: one step of ours further."""
    response = await h.authorize(client_id=app.id, request=request, **beside)
    location = response.headers.get("location", "")
    return await h.http.get(location) if location.startswith("/authorize?") else response


async def by_push(h: House, app: Caller, request: str, **beside: str):
    return await h.http.post("/par", data={"request": request, **asserted(h, app), **beside})


def asserted(h: House, app: Caller) -> dict[str, str]:
    """How it proves itself in a form."""
    return {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": mint(assertion_claims(h, app), KEY),
    }


async def assert_refused(h: House, app: Caller, request: str, code: str = "invalid_request_object") -> None:
    """In the address a page, or an error at the registered address that stands beside it; pushed as JSON."""
    assert page(await by_address(h, app, request)) == (400, code)
    told = await by_address(h, app, request, redirect_uri=CALLBACK, state="outer")
    assert (answer(told)["error"], answer(told)["state"], answer(told)["iss"]) == (code, "outer", URL)
    assert error(await by_push(h, app, request)) == (400, code)


@lived
async def test_a_signed_request_becomes_a_code_by_both_ways(h: House):
    app = await signer(h)
    assert page(await by_address(h, app, signed(h, app, state="signed"))) == (200, "consent")
    assert answer(await app.decide("allow"))["state"] == "signed"
    response = await by_push(h, app, signed(h, app, state="pushed", prompt="consent"))
    assert response.status_code == 201, response.text
    assert page(await app.open(response.json()["request_uri"])) == (200, "consent")
    assert answer(await app.decide("allow"))["state"] == "pushed"


HOSTILE_CLAIMS = {
    "of another client": {"iss": "somebody", "client_id": "somebody"},
    "issued by another": {"iss": "somebody"},
    "by nobody": {"iss": ABSENT},
    "for another client": {"client_id": "somebody"},
    "for no client": {"client_id": ABSENT},
    "for another server": {"aud": "https://other.example"},
    "for the endpoint": {"aud": f"{URL}/authorize"},
    "for nobody": {"aud": ABSENT},
    "over": {"iat": 1_799_999_000, "nbf": 1_799_999_000, "exp": 1_799_999_300},
    "without an end": {"exp": ABSENT},
    "without a beginning": {"nbf": ABSENT},
    "not yet good": {"nbf": 1_800_000_061},
    "signed in the future": {"iat": 1_800_000_061},
    "that ends far ahead": {"exp": 1_800_000_000 + REQUEST_SECONDS + 1},
    "that ends far ahead and tells no age": {"iat": ABSENT, "exp": 1_800_000_000 + REQUEST_SECONDS + 1},
    "about the client": {"sub": "the client"},
    "with a request inside": {"request": "a.b.c"},
    "with a request_uri inside": {"request_uri": "https://evil.example/"},
    "without response_type": {"response_type": ABSENT},
    "with a parameter that is true": {"state": True},
    "with a parameter that is null": {"state": None},
    "with a parameter that is a fraction": {"max_age": 1.5},
    "with a control character": {"state": "a\u0000b"},
    "with a lone surrogate": {"state": "\ud800"},
}


@pytest.mark.parametrize("name", HOSTILE_CLAIMS)
def test_a_bad_request_object_is_refused(name, tmp_path):
    async def story(h: House):
        app = await signer(h, client_id="the client".replace(" ", "-"))
        changes = {name: app.id if it == "the client" else it for name, it in HOSTILE_CLAIMS[name].items()}
        await assert_refused(h, app, signed(h, app, **changes))
        assert page(await by_address(h, app, signed(h, app))) == (200, "consent")

    lived(story)(tmp_path)


HOSTILE_HEADERS = {
    "of no type": {"typ": ABSENT},
    "called JWT": {"typ": "JWT"},
    "called an assertion": {"typ": "client-authentication+jwt"},
    "called an access token": {"typ": "at+jwt"},
    "unsigned": {"alg": "none"},
    "unsigned, in capitals": {"alg": "NONE"},
    "symmetric": {"alg": "HS256"},
    "with a key of its own": {"jwk": KEY.public_jwk()},
    "with the address of a key": {"jku": "https://evil.example/jwks.json"},
    "with a certificate": {"x5c": ["AAAA"]},
    "with critical extensions": {"crit": ["exp"]},
    "of another key": {"kid": "other"},
    "of a nested JWT": {"cty": "JWT"},
}


@pytest.mark.parametrize("name", HOSTILE_HEADERS)
def test_a_bad_header_is_refused(name, tmp_path):
    async def story(h: House):
        app = await signer(h)
        await assert_refused(h, app, signed(h, app, header=HOSTILE_HEADERS[name]))

    lived(story)(tmp_path)


@lived
async def test_what_is_no_object_is_refused(h: House):
    app = await signer(h)
    good = signed(h, app)
    head, body, signature = good.split(".")
    for text in ("x", "a.b.c", f"{head}.{body}.", f"{head}.{body}.{signature[:-4]}AAAA", f"{good}.x"):
        await assert_refused(h, app, text)
    await assert_refused(h, app, signed(h, app, OTHER, header={"kid": ABSENT}))


@lived
async def test_nothing_that_another_kind_of_statement_says_is_a_request(h: House):
    app = await signer(h)
    assertion = mint(assertion_claims(h, app), KEY)
    await assert_refused(h, app, assertion)
    response = await by_push(h, app, signed(h, app), client_assertion=signed(h, app))
    assert error(response) == (401, "invalid_client")


@lived
async def test_a_request_object_of_another_client_is_refused_wherever_it_is_named(h: House):
    app, other = await signer(h), await signer(h)
    request = signed(h, app)
    assert page(await by_address(h, other, request)) == (400, "invalid_request_object")
    assert error(await by_push(h, other, request)) == (400, "invalid_request_object")
    assert page(await h.authorize(request=request)) == (400, "unknown_client")
    assert page(await by_address(h, app, request)) == (200, "consent")


@lived
async def test_what_stands_beside_an_object_in_the_address_counts_for_nothing(h: House):
    app = await signer(h)
    beside = app.request(
        scope="accounts:read openid",
        state="beside",
        nonce="beside",
        redirect_uri="https://evil.example/cb",
        response_type="token",
        code_challenge=pkce.challenge("x" * 43),
        prompt="none",
        max_age="0",
        resource="https://nowhere.example/",
        dpop_jkt="y" * 43,
    )
    del beside["client_id"]
    request = signed(h, app, scope="openid", state=ABSENT)
    assert page(await by_address(h, app, request, **beside)) == (200, "consent")
    assert h.pages.view.scopes.keys() == {"openid"}
    response = await app.decide("allow")
    assert response.headers["location"].startswith(CALLBACK + "?")
    assert set(answer(response)) == {"code", "iss"}
    assert (await app_redeems(h, app, answer(response)["code"])).status_code == 200


async def app_redeems(h: House, app: Caller, code: str):
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": app.verifier,
    }
    return await h.http.post("/token", data={**form, **asserted(h, app)})


@lived
async def test_what_is_missing_in_the_object_is_missing(h: House):
    app = await signer(h)
    beside = app.request()
    del beside["client_id"]
    for name in ("redirect_uri", "scope", "code_challenge"):
        response = await by_address(h, app, signed(h, app, **{name: ABSENT}), **beside)
        if name == "redirect_uri":
            assert page(response) == (400, "unregistered_redirect")
        else:
            assert answer(response)["error"] in ("invalid_scope", "invalid_request")


@lived
async def test_nothing_stands_beside_an_object_that_is_pushed(h: House):
    app = await signer(h)
    for beside in ({"scope": "openid"}, {"state": "s"}, {"redirect_uri": CALLBACK}, {"dpop_jkt": "x" * 43}):
        assert error(await by_push(h, app, signed(h, app), **beside)) == (400, "invalid_request")
    assert (await by_push(h, app, signed(h, app), client_id=app.id)).status_code == 201


@lived
async def test_an_object_with_an_id_is_pushed_once(h: House):
    app = await signer(h)
    refused = signed(h, app, jti="one", scope="transfers:write")
    assert error(await by_push(h, app, refused)) == (400, "invalid_scope")  # and the id is not used up
    request = signed(h, app, jti="one")
    assert (await by_push(h, app, request)).status_code == 201
    assert error(await by_push(h, app, request)) == (400, "invalid_request_object")
    assert (await by_push(h, app, signed(h, app, jti="two"))).status_code == 201
    assert (await by_push(h, app, signed(h, app, jti=ABSENT))).status_code == 201


@lived
async def test_a_redirect_address_in_an_object_is_a_registered_one(h: House):
    app = await signer(h)
    request = signed(h, app, redirect_uri="https://evil.example/cb")
    assert page(await by_address(h, app, request)) == (400, "unregistered_redirect")
    assert error(await by_push(h, app, request)) == (400, "invalid_request")


@lived
async def test_numbers_and_json_read_as_in_a_form(h: House):
    payment = {
        "type": "payment",
        "amount": "1.00",
        "currency": "EUR",
        "payee": "Änn",
        "iban": "DE" + "1" * 20,
    }
    app = await signer(h, authorization_details_types=["payment"])
    request = signed(h, app, authorization_details=[payment], max_age=3600, resource=BANK)
    assert page(await by_address(h, app, request)) == (200, "consent")
    (told,) = h.pages.view.details
    assert "Änn" in told.text
    code = answer(await app.decide("allow"))["code"]
    assert (await app_redeems(h, app, code)).json()["authorization_details"] == [payment]


@lived
async def test_claims_asked_for_one_by_one_are_an_object_in_the_object(h: House):
    app = await signer(h, id_token_claims=["email"])
    asked = {"id_token": {"email": None, "acr": {"values": ["a", "b"]}}}
    assert page(await by_address(h, app, signed(h, app, claims=asked))) == (200, "consent")
    by_object = h.pages.view
    assert page(await h.authorize(**app.request(claims=json.dumps(asked)))) == (200, "consent")
    assert replace(h.pages.view, sealed_request="") == replace(by_object, sealed_request="")
    assert error(await by_push(h, app, signed(h, app, claims=["email"]))) == (400, "invalid_request")


@lived
async def test_the_way_through_sign_in_takes_longer_than_the_object_lives(h: House):
    h.browser.person = None
    app = await signer(h)
    back = sign_in_target(await by_address(h, app, signed(h, app)))
    h.clock.advance(9 * 60)
    h.browser.person = Person(auth_time=h.clock.time())
    assert page(await h.http.get(back)) == (200, "consent")
    assert "code" in answer(await app.decide("allow"))


@lived
async def test_an_object_that_fits_into_no_address_is_pushed(h: House):
    app = await signer(h)
    request = signed(h, app, state="s" * 1000, nonce="n" * 255, ui_locales="x" * 2000)
    assert page(await by_address(h, app, request)) == (413, "too_large")
    assert (await by_push(h, app, request)).status_code == 201
    longer_when_sealed = signed(h, app, state='"' * 1000)
    assert len(longer_when_sealed) < QUERY_LIMIT - 100
    assert page(await by_address(h, app, longer_when_sealed)) == (413, "too_large")


@lived
async def test_a_client_that_has_to_sign_is_heard_no_other_way(h: House):
    app = await signer(h, require_signed_request_object=True)
    assert answer(await h.authorize(**app.request()))["error"] == "invalid_request"
    plain = {name: value for name, value in app.request().items() if name != "client_id"}
    assert error(await h.http.post("/par", data={**plain, **asserted(h, app)})) == (400, "invalid_request")
    assert page(await by_address(h, app, signed(h, app))) == (200, "consent")
    assert (await by_push(h, app, signed(h, app))).status_code == 201


@lived
async def test_who_has_to_push_does_not_sign_in_the_address(h: House):
    app = await signer(h, require_pushed_authorization_requests=True)
    response = await by_address(h, app, signed(h, app))
    assert answer(response)["error"] == "invalid_request"
    assert (await by_push(h, app, signed(h, app))).status_code == 201


@lived
async def test_a_client_without_keys_signs_nothing(h: House):
    app = await h.client("web", "accounts:read")
    request = signed(h, app)
    assert page(await by_address(h, app, request)) == (400, "request_not_supported")
    response = await app.post("/par", request=request)
    assert error(response) == (400, "request_not_supported")
    with pytest.raises(Refusal) as refused:
        await h.client("web", "accounts:read", require_signed_request_object=True)
    assert refused.value.problem is INVALID_INPUT


@lived
async def test_the_key_in_an_object_has_to_redeem_the_code_and_to_be_the_proved_one(h: House):
    app = proving(await signer(h))

    async def pushed(request: str):
        form = {"request": request, **asserted(h, app)}
        return await h.http.post("/par", data=form, headers={"dpop": app.prover.proof("POST", f"{URL}/par")})

    assert error(await pushed(signed(h, app, dpop_jkt="x" * 43))) == (400, "invalid_dpop_proof")
    response = await pushed(signed(h, app, dpop_jkt=app.prover.thumbprint))
    await app.open(response.json()["request_uri"])
    code = answer(await app.decide("allow"))["code"]
    assert error(await app_redeems(h, app, code)) == (400, "invalid_grant")


@pytest.mark.parametrize("algorithm", [name for name, it in ALGORITHMS.items() if not it.symmetric])
def test_every_algorithm_that_assertions_have_signs_requests(algorithm, tmp_path):
    key = SigningKey.generate(algorithm)

    async def story(h: House):
        app = await signer(h, proving=Proving("private_key_jwt", jwks=jwks(key)))
        assert page(await by_address(h, app, signed(h, app, key))) == (200, "consent")

    lived(story)(tmp_path)


def test_keys_behind_a_url_sign_requests_and_their_failure_is_ours(tmp_path):
    answers = [json.dumps({"keys": [KEY.public_jwk()]}).encode()]

    async def fetch(url: str) -> bytes:
        assert url == JWKS_URI
        if not answers:
            raise OSError("down")
        return answers.pop()

    async def story(h: House):
        app = await signer(h, proving=Proving("private_key_jwt", jwks_uri=JWKS_URI))
        assert page(await by_address(h, app, signed(h, app))) == (200, "consent")
        other = await signer(h, proving=Proving("private_key_jwt", jwks_uri=JWKS_URI))
        assert page(await by_address(h, other, signed(h, other))) == (503, "unavailable")

    async def main():
        async with house(tmp_path, fetch) as h:
            await story(h)

    asyncio.run(main())
