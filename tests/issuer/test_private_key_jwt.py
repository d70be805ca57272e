"""Clients that prove themselves by what they sign, and whoever would like to pass for one of them."""

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import count

import httpx
import pytest

from issuer.house import URL, Caller, House, error, house, lived
from tokens.minting import ABSENT, changed, mint
from tokenward.base.problems import INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.issuer.client_auth.private_key_jwt import ASSERTION_TYPE
from tokenward.issuer.client_auth.registration import Proving, checked
from tokenward.issuer.client_keys import ClientKeys
from tokenward.issuer.client_secrets import rotate_secret
from tokenward.issuer.clients import set_keys
from tokenward.store.records import Client
from tokenward.store.sql.replays import USED_KEPT
from tokenward.tokens import base64url
from tokenward.tokens.algorithms import ALGORITHMS
from tokenward.tokens.keys import SigningKey

KEY = SigningKey.generate("ES256")
OTHER = SigningKey.generate("ES256")
GRANT = {"grant_type": "client_credentials"}
_numbers = count()
JWKS_URI = "https://app.example/jwks.json"


def jwks(*keys: SigningKey) -> str:
    return json.dumps({"keys": [key.public_jwk() for key in keys]})


async def signer(h: House, *keys: SigningKey, **policy) -> Caller:
    """A service client that has keys, by default `KEY`."""
    proving = Proving("private_key_jwt", jwks=jwks(*(keys or (KEY,))))
    return await h.client("service", "forecast:read", **{"proving": proving, **policy})


def claims(h: House, app: Caller, **changes: object) -> dict[str, object]:
    now = int(h.clock.time())
    unique = {"iat": now, "exp": now + 60, "jti": f"j-{next(_numbers)}"}
    return changed({"iss": app.id, "sub": app.id, "aud": URL, **unique}, changes)


async def present(h: House, assertion: str, headers=None, path="/token", **form: str) -> httpx.Response:
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    body = {name: value for name, value in {**GRANT, **proof, **form}.items() if value is not ABSENT}
    return await h.http.post(path, data=body, headers=headers)


@lived
async def test_a_client_gets_a_token_by_what_it_signed_and_the_token_says_so(h: House):
    app = await signer(h)
    assert app.secret is None
    for header, form in (
        ({}, {}),
        ({"typ": "client-authentication+jwt"}, {"client_id": app.id}),
        ({"kid": ABSENT}, {}),
    ):
        response = await present(h, mint(claims(h, app), KEY, **header), **form)
        assert response.status_code == 200, response.text
        state = await h.issuer.store.access_token(response.json()["access_token"].split("_")[2][:11])
        assert state.token.credential == "private_key_jwt"
    token = response.json()["access_token"]
    told = await present(h, mint(claims(h, app), KEY), path="/introspect", token=token)
    assert told.json()["active"]
    assert (await present(h, mint(claims(h, app), KEY), path="/revoke", token=token)).status_code == 200
    assert not await app.live(token)


HOSTILE_CLAIMS = {
    "expired": {"iat": ABSENT, "exp": 1_799_999_960},
    "without an end": {"exp": ABSENT},
    "that ends far ahead": {"exp": 1_800_000_000 + 3601},
    "that ends far ahead and tells no beginning": {"iat": ABSENT, "exp": 1_800_000_000 + 3601},
    "for the token endpoint": {"aud": f"{URL}/token"},
    "for the issuer with a slash": {"aud": f"{URL}/"},
    "for the issuer in an array": {"aud": [URL]},
    "for this server and another": {"aud": [URL, "https://other.example"]},
    "for another server": {"aud": "https://other.example"},
    "for nobody": {"aud": ABSENT},
    "without jti": {"jti": ABSENT},
    "with an empty jti": {"jti": ""},
    "about somebody else": {"sub": "somebody"},
    "about nobody": {"sub": ABSENT},
    "of an unknown client": {"iss": "nobody", "sub": "nobody"},
    "of no client": {"iss": ABSENT},
    "that holds good only later": {"nbf": 1_800_000_000 + 60},
    "from the future": {"iat": 1_800_000_000 + 60, "exp": 1_800_000_000 + 90},
    "that is an ID token": {"nonce": "n-1"},
    "that is a proof": {"htm": "POST", "htu": f"{URL}/token"},
}


@pytest.mark.parametrize("hostile", HOSTILE_CLAIMS.values(), ids=HOSTILE_CLAIMS.keys())
def test_an_assertion_is_refused(tmp_path, hostile):
    @lived
    async def story(h: House):
        app = await signer(h)
        assert h.clock.time() == 1_800_000_000
        assert error(await present(h, mint(claims(h, app, **hostile), KEY))) == (401, "invalid_client")
        assert (await present(h, mint(claims(h, app), KEY))).status_code == 200

    story(tmp_path)


def _hmac(key: bytes, body: dict[str, object]) -> str:
    parts = ({"alg": "HS256", "kid": KEY.kid}, body)
    text = ".".join(base64url.encode(json.dumps(part).encode()) for part in parts)
    return f"{text}.{base64url.encode(ALGORITHMS['HS256'].sign(key, text.encode()))}"


@lived
async def test_a_signature_by_anything_but_the_clients_own_key_is_refused(h: House):
    app, other = await signer(h), await signer(h, OTHER)
    body = claims(h, app)
    head, payload, _ = mint(body, KEY, alg="none").split(".")
    forged = {
        "none": f"{head}.{payload}.",
        "none with a signature": mint(body, KEY, alg="none"),
        "the public key as a secret": _hmac(jwks(KEY).encode(), body),
        "the public JWK as a secret": _hmac(json.dumps(KEY.public_jwk()).encode(), body),
        "another client's key": mint(body, OTHER),
        "another client's key under this one's name": mint(body, OTHER, kid=KEY.kid),
        "a key that comes along": mint(body, OTHER, jwk=OTHER.public_jwk(), kid=ABSENT),
        "a key that is elsewhere": mint(body, OTHER, jku="https://evil.example/jwks.json"),
        "another algorithm": mint(body, KEY, alg="ES384"),
        "an access token": mint(body, KEY, typ="at+jwt"),
        "a proof": mint(body, KEY, typ="dpop+jwt"),
        "an authorization request": mint(body, KEY, typ="oauth-authz-req+jwt"),
        "no JWT": "letmein",
    }
    for what, assertion in forged.items():
        assert error(await present(h, assertion)) == (401, "invalid_client"), what
    stolen = claims(h, app, iss=other.id, sub=other.id)
    assert error(await present(h, mint(stolen, KEY))) == (401, "invalid_client")
    assert (await present(h, mint(body, KEY))).status_code == 200


@lived
async def test_what_the_issuer_itself_signed_is_no_assertion(h: House):
    web = await h.client("web", "openid", proving=Proving("private_key_jwt", jwks(KEY)))
    now = int(h.clock.time())
    for typ in (ABSENT, "at+jwt", "client-authentication+jwt"):
        body = {"iss": URL, "sub": "user-1", "aud": web.id, "iat": now, "exp": now + 60, "jti": "j-1"}
        signed = mint(body, KEY, typ=typ)
        assert error(await present(h, signed, client_id=web.id)) == (401, "invalid_client")


@lived
async def test_the_form_must_name_the_same_client_and_the_exact_type(h: House):
    app, other = await signer(h), await signer(h, OTHER)
    wrong = (
        {"client_id": other.id},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion_type": ASSERTION_TYPE + " "},
        {"client_assertion_type": ABSENT},
    )
    for form in wrong:
        assert error(await present(h, mint(claims(h, app), KEY), **form)) == (401, "invalid_client"), form


@lived
async def test_an_assertion_is_used_once(h: House):
    app = await signer(h)
    assertion = mint(claims(h, app, jti="1"), KEY)
    assert (await present(h, assertion)).status_code == 200
    h.clock.advance(89)  # within the leeway it would still be good
    assert error(await present(h, assertion)) == (401, "invalid_client")
    again = mint(claims(h, app, jti="1"), KEY)
    assert error(await present(h, again)) == (401, "invalid_client")
    h.clock.advance(1 + USED_KEPT)
    assert (await present(h, mint(claims(h, app, jti="1"), KEY))).status_code == 200


@lived
async def test_two_clients_may_use_the_same_jti(h: House):
    for app in (await signer(h), await signer(h)):
        assert (await present(h, mint(claims(h, app, jti="1"), KEY))).status_code == 200


def test_of_all_processes_exactly_one_accepts_an_assertion(tmp_path):
    async def story() -> None:
        async with AsyncExitStack() as stack:
            houses = [await stack.enter_async_context(house(tmp_path)) for _ in range(2)]
            app = await signer(houses[0])
            for _ in range(5):
                assertion = mint(claims(houses[0], app), KEY)
                answers = await asyncio.gather(*(present(houses[at % 2], assertion) for at in range(6)))
                assert Counter(each.status_code for each in answers) == {200: 1, 401: 5}
            for each in houses:
                each.clock.advance(20)  # the bucket of wrong ones is full again

    asyncio.run(story())


def test_an_assertion_is_still_used_after_a_restart(tmp_path):
    async def story() -> None:
        async with house(tmp_path) as before:
            app = await signer(before)
            assertion = mint(claims(before, app), KEY)
            assert (await present(before, assertion)).status_code == 200
        async with house(tmp_path) as after:
            assert error(await present(after, assertion)) == (401, "invalid_client")

    asyncio.run(story())


@lived
async def test_one_method_a_request_and_no_other_than_the_registered_one(h: House):
    keyed, secret = await signer(h), await h.client("service", "forecast:read")
    both = await present(h, mint(claims(h, keyed), KEY), headers=secret.basic())
    assert error(both) == (400, "invalid_request")
    both = await present(h, mint(claims(h, keyed), KEY), client_id=secret.id, client_secret=secret.secret)
    assert error(both) == (400, "invalid_request")
    # A client of secrets whose record has keys all the same, and one of keys that shows none.
    record = replace(secret.client, client_id="both", jwks=jwks(KEY))
    await h.issuer.store.add_client(record, None)
    assertion = mint(claims(h, Caller(h, record, None)), KEY)
    assert error(await present(h, assertion)) == (401, "invalid_client")
    assert error(await present(h, mint(claims(h, secret), KEY))) == (401, "invalid_client")
    assert error(await keyed.token(**GRANT)) == (401, "invalid_client")


@lived
async def test_wrong_assertions_are_slowed_down_by_peer_and_right_ones_never(h: House):
    app = await signer(h)
    wrong = [await present(h, mint(claims(h, app), OTHER, kid=KEY.kid)) for _ in range(21)]
    assert [each.status_code for each in wrong] == [401] * 20 + [429]
    assert (await present(h, mint(claims(h, app), KEY))).status_code == 200


def fetching(answers: dict[str, bytes | Exception]):
    """A way to fetch that answers so, and counts."""
    asked: Counter[str] = Counter()

    async def fetch(url: str) -> bytes:
        asked[url] += 1
        answer = answers[url]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return fetch, asked


def test_keys_behind_a_url_are_fetched_once_and_followed_when_they_change(tmp_path):
    answers: dict[str, bytes | Exception] = {JWKS_URI: jwks(KEY).encode()}
    fetch, asked = fetching(answers)

    async def story() -> None:
        async with house(tmp_path, fetch) as h:
            app = await signer(h, proving=Proving("private_key_jwt", jwks_uri=JWKS_URI))
            for _ in range(3):
                assert (await present(h, mint(claims(h, app), KEY))).status_code == 200
            assert asked == {JWKS_URI: 1}
            answers[JWKS_URI] = jwks(OTHER).encode()
            h.clock.advance(10)
            assert (await present(h, mint(claims(h, app), OTHER))).status_code == 200
            assert error(await present(h, mint(claims(h, app), KEY))) == (401, "invalid_client")

    asyncio.run(story())


def test_a_flood_of_invented_key_names_causes_one_fetch(tmp_path):
    fetch, asked = fetching({JWKS_URI: jwks(KEY).encode()})

    async def story() -> None:
        async with house(tmp_path, fetch) as h:
            app = await signer(h, proving=Proving("private_key_jwt", jwks_uri=JWKS_URI))
            assert (await present(h, mint(claims(h, app), KEY))).status_code == 200
            h.clock.advance(10)
            flood = [present(h, mint(claims(h, app), OTHER, kid=f"k-{number}")) for number in range(40)]
            answers = await asyncio.gather(*flood)
            assert not [each for each in answers if each.status_code == 200]
            assert asked == {JWKS_URI: 2}
            assert (await present(h, mint(claims(h, app), KEY))).status_code == 200

    asyncio.run(story())


def test_the_memory_of_clients_with_keys_is_bounded(monkeypatch):
    monkeypatch.setattr("tokenward.issuer.client_keys._KEPT", 2)
    fetch, _ = fetching({})
    keys = ClientKeys(URL, fetch)
    clients = [
        Client(str(number), "A", "service", (), (), 0.0, auth_method="private_key_jwt", jwks_uri=JWKS_URI)
        for number in range(3)
    ]
    first, second = (keys.validator(client) for client in clients[:2])
    assert keys.validator(clients[0]) is first
    keys.validator(clients[2])
    assert keys.validator(clients[0]) is first, "it was asked for last"
    assert keys.validator(clients[1]) is not second


UNUSABLE = {
    "private": (json.dumps({"keys": [{**KEY.public_jwk(), "d": "AA"}]}).encode(), "private"),
    "symmetric": (
        json.dumps({"keys": [{"kty": "oct", "k": base64url.encode(b"s" * 32), "kid": KEY.kid}]}).encode(),
        "symmetric",
    ),
    "too large": (json.dumps({"keys": [KEY.public_jwk()], "x": "x" * 300_000}).encode(), "too large"),
    "no JSON": (b"<html>", "no JSON object"),
    "no set": (b'{"keys": "letmein"}', "array"),
    "no key": (b'{"keys": []}', "no key"),
}


def asking(tmp_path, answers, story):
    """Run a story with a client whose keys are behind a URL."""
    fetch, _ = fetching(answers)

    async def run() -> None:
        async with house(tmp_path, fetch) as h:
            await story(h, await signer(h, proving=Proving("private_key_jwt", jwks_uri=JWKS_URI)))

    asyncio.run(run())


@pytest.mark.parametrize(("answer", "why"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_url_that_answers_with_no_good_keys_lets_nobody_in_and_the_log_says_why(
    tmp_path, answer, why, caplog
):
    answers: dict[str, bytes | Exception] = {JWKS_URI: answer}

    async def story(h: House, app: Caller) -> None:
        assert error(await present(h, mint(claims(h, app), KEY))) == (401, "invalid_client")
        told = [each.getMessage() for each in caplog.records if each.name.startswith("tokenward.issuer")]
        assert any(app.id in line and why in line for line in told), told
        assert "letmein" not in caplog.text
        answers[JWKS_URI] = jwks(KEY).encode()
        h.clock.advance(10)
        assert (await present(h, mint(claims(h, app), KEY))).status_code == 200
        # With good keys that were had, an unknown name asks again; what came last decides.
        answers[JWKS_URI] = answer
        h.clock.advance(10)
        stranger = mint(claims(h, app), OTHER, kid="another")
        assert error(await present(h, stranger)) == (401, "invalid_client")

    asking(tmp_path, answers, story)


@pytest.mark.parametrize("first", [b"<html>", None], ids=["after an unreadable one", "at first"])
@pytest.mark.parametrize("answer", [OSError("refused"), TimeoutError()], ids=["unreachable", "in time"])
def test_a_url_that_does_not_answer_is_a_fault_to_wait_for(tmp_path, answer, first):
    answers: dict[str, bytes | Exception] = {JWKS_URI: first or answer}

    async def story(h: House, app: Caller) -> None:
        if first:
            assert error(await present(h, mint(claims(h, app), KEY))) == (401, "invalid_client")
            answers[JWKS_URI] = answer
            h.clock.advance(10)
        response = await present(h, mint(claims(h, app), KEY))
        assert error(response) == (503, "temporarily_unavailable")

    asking(tmp_path, answers, story)


RSA = SigningKey.generate("PS256").public_jwk()


NO_PROOF = {
    "no keys": Proving("private_key_jwt"),
    "both": Proving("private_key_jwt", jwks(KEY), JWKS_URI),
    "keys for a secret": Proving("client_secret", jwks(KEY)),
    "a URL for a secret": Proving("client_secret", jwks_uri=JWKS_URI),
    "no JSON": Proving("private_key_jwt", "letmein"),
    "no key": Proving("private_key_jwt", '{"keys": []}'),
    "private": Proving("private_key_jwt", json.dumps({"keys": [{**KEY.public_jwk(), "d": "AA"}]})),
    "symmetric": Proving(
        "private_key_jwt", json.dumps({"keys": [{"kty": "oct", "k": base64url.encode(b"s" * 32)}]})
    ),
    "for encryption": Proving(
        "private_key_jwt", json.dumps({"keys": [KEY.public_jwk(), {**RSA, "alg": "RSA-OAEP"}]})
    ),
    "RSA without alg": Proving("private_key_jwt", json.dumps({"keys": [changed(RSA, {"alg": ABSENT})]})),
    "twice": Proving("private_key_jwt", json.dumps({"keys": [KEY.public_jwk(), KEY.public_jwk()]})),
    "too large": Proving("private_key_jwt", json.dumps({"keys": [KEY.public_jwk()], "x": "x" * 70_000})),
    "plain http": Proving("private_key_jwt", jwks_uri="http://app.example/jwks.json"),
    "password": Proving("private_key_jwt", jwks_uri="https://user@app.example/jwks.json"),
    "fragment": Proving("private_key_jwt", jwks_uri="https://app.example/jwks.json#1"),
    "file": Proving("private_key_jwt", jwks_uri="file:///etc/passwd"),
    "another scheme": Proving("private_key_jwt", jwks_uri="ftp://127.0.0.1/jwks.json"),
    "nowhere": Proving("private_key_jwt", jwks_uri="https:///jwks.json"),
    "endless": Proving("private_key_jwt", jwks_uri=f"https://app.example/{'x' * 2048}"),
    "no host": Proving("private_key_jwt", jwks_uri="https://[::1/jwks.json"),
    "none": Proving("none"),
    "an API key": Proving("api_key"),
}


@pytest.mark.parametrize("proving", NO_PROOF.values(), ids=NO_PROOF.keys())
def test_what_is_no_proof_is_not_registered(tmp_path, proving):
    @lived
    async def story(h: House):
        with pytest.raises(Refusal) as refused:
            await signer(h, proving=proving)
        assert refused.value.problem is INVALID_INPUT

    story(tmp_path)


@pytest.mark.parametrize("client_type", ["spa", "native"])
def test_what_runs_where_others_can_read_it_has_no_key_either(tmp_path, client_type):
    @lived
    async def story(h: House):
        with pytest.raises(Refusal) as refused:
            await h.client(client_type, proving=Proving("private_key_jwt", jwks(KEY)))
        assert refused.value.problem is INVALID_INPUT

    story(tmp_path)


@lived
async def test_plain_http_is_for_loopback_on_both_sides(h: House):
    local = Proving("private_key_jwt", jwks_uri="http://127.0.0.1:9/jwks.json")
    assert (await signer(h, proving=local)).client.jwks_uri == local.jwks_uri
    with pytest.raises(Refusal):
        checked(local, "service", replace(h.issuer.settings, url="https://login.example"))


@lived
async def test_what_came_into_the_store_otherwise_is_not_fetched_either(h: House):
    app = await signer(h)
    for number, uri in enumerate(("http://app.example/jwks.json", "ftp://127.0.0.1/jwks.json", "https:///")):
        record = replace(app.client, client_id=f"odd-{number}", jwks="", jwks_uri=uri)
        await h.issuer.store.add_client(record, None)
        response = await present(h, mint(claims(h, Caller(h, record, None)), KEY))
        assert error(response) == (401, "invalid_client"), uri


@lived
async def test_keys_can_be_replaced_and_take_the_place_of_a_secret(h: House):
    app, old = await signer(h), await h.client("service", "forecast:read")
    assert (await present(h, mint(claims(h, app), KEY))).status_code == 200
    await set_keys(h.desk, app.id, Proving("private_key_jwt", jwks(OTHER)))
    assert error(await present(h, mint(claims(h, app), KEY))) == (401, "invalid_client")
    assert (await present(h, mint(claims(h, app), OTHER))).status_code == 200
    await set_keys(h.desk, old.id, Proving("private_key_jwt", jwks(KEY)))
    assert error(await old.token(**GRANT)) == (401, "invalid_client")
    assert await h.issuer.store.client_secrets(old.id) == []
    assert (await present(h, mint(claims(h, old), KEY))).status_code == 200
    with pytest.raises(Refusal) as refused:
        await rotate_secret(h.desk, old.id)
    assert refused.value.problem is INVALID_INPUT
    with pytest.raises(Refusal) as refused:
        await set_keys(h.desk, "nobody", Proving("private_key_jwt", jwks(KEY)))
    assert refused.value.problem is NOT_FOUND


@lived
async def test_with_compromised_keys_goes_what_was_issued(h: House):
    app = await signer(h)
    token = (await present(h, mint(claims(h, app), KEY))).json()["access_token"]
    await set_keys(h.desk, app.id, Proving("private_key_jwt", jwks(OTHER)))
    assert await app.live(token)
    await set_keys(h.desk, app.id, Proving("private_key_jwt", jwks(KEY)), compromised=True)
    assert not await app.live(token)
