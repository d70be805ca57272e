"""The FAPI 2.0 Security Profile as a setting of a client; docs/reference/fapi2.md names each line's test."""

import json
from typing import Any

import pytest

from certificates import certificate
from issuer.house import CALLBACK, URL, Caller, House, answer, error, lived
from issuer.test_dpop import proving
from issuer.test_private_key_jwt import JWKS_URI, jwks
from issuer.test_private_key_jwt import claims as assertion_claims
from issuer.test_pushed_requests import page
from issuer.test_request_objects import signed
from tokens.minting import mint
from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.flows.dpop import DpopProver
from tokenward.issuer.client_auth.private_key_jwt import ASSERTION_TYPE
from tokenward.issuer.client_auth.registration import Proving
from tokenward.issuer.client_keys import FAPI_ALGORITHMS
from tokenward.issuer.clients import set_keys
from tokenward.tokens import base64url, opaque
from tokenward.tokens.algorithms import ALGORITHMS
from tokenward.tokens.keys import SigningKey

KEY = SigningKey.generate("ES256")
OTHERS = [name for name, it in ALGORITHMS.items() if not it.symmetric and name not in FAPI_ALGORITHMS]
SCOPES = ("openid", "offline_access", "accounts:read")
REFUSED = (400, "invalid_request")


class Bank:
    """A client by the profile, and what it sends."""

    def __init__(self, caller: Caller, key: SigningKey = KEY) -> None:
        self.caller = proving(caller)
        self.h = caller.house
        self.key = key

    @property
    def id(self) -> str:
        return self.caller.id

    def asserted(self, **changes: object) -> dict[str, str]:
        claims = assertion_claims(self.h, self.caller, **changes)
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": mint(claims, self.key)}

    async def post(self, path: str, prover: DpopProver | None = None, asserted=None, **form: str):
        prover = prover or self.caller.prover
        if prover:  # nonces change while a test lets time pass
            prover.must_repeat(URL, 200, {"dpop-nonce": self.h.issuer.dpop.nonce()}, b"")
        headers = {"dpop": prover.proof("POST", URL + path)} if prover else {}
        data = {**form, **(self.asserted() if asserted is None else asserted)}
        return await self.h.http.post(path, data=data, headers=headers)

    async def push(self, **changes: str):
        return await self.post("/par", **self.caller.request(**changes))

    async def code(self, **changes: str) -> str:
        response = await self.push(prompt="consent", **changes)
        assert response.status_code == 201, response.text
        assert page(await self.caller.open(response.json()["request_uri"])) == (200, "consent")
        return answer(await self.caller.decide("allow"))["code"]

    def redemption(self, code: str) -> dict[str, str]:
        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.caller.verifier,
        }

    async def tokens(self) -> dict[str, Any]:
        response = await self.post("/token", **self.redemption(await self.code()))
        assert response.status_code == 200, response.text
        return response.json()

    async def refresh(self, token: str, **more: Any):
        return await self.post("/token", grant_type="refresh_token", refresh_token=token, **more)


async def bank(h: House, key: SigningKey = KEY, **policy: Any) -> Bank:
    proof = Proving("private_key_jwt", jwks=jwks(key))
    settings = {"proving": proof, "profile": "fapi2", **policy}
    return Bank(await h.client("web", *SCOPES, **settings), key)


async def not_registered(h: House, kind: str = "web", **policy: Any) -> str:
    settings = {"proving": Proving("private_key_jwt", jwks=jwks(KEY)), "profile": "fapi2", **policy}
    with pytest.raises(Refusal) as refused:
        await h.client(kind, "accounts:read", **settings)
    assert refused.value.problem is INVALID_INPUT
    return refused.value.detail


@lived
async def test_the_whole_flow_of_a_client_by_the_profile(h: House):
    app = await bank(h)
    given = await app.tokens()
    assert given["token_type"] == "DPoP"
    assert (await app.refresh(given["refresh_token"])).json()["token_type"] == "DPoP"


@lived
async def test_only_clients_that_can_keep_a_credential_are_registered(h: House):
    for kind in ("spa", "native", "device"):
        policy = {"proving": Proving()} if kind != "device" else {}
        assert "FAPI 2.0" in await not_registered(h, kind, **policy)
    assert (
        await h.client(
            "service", "accounts:read", profile="fapi2", proving=Proving("private_key_jwt", jwks=jwks(KEY))
        )
    ).client.profile == "fapi2"


@lived
async def test_a_secret_or_a_platform_is_no_proof(h: House):
    assert "private_key_jwt" in await not_registered(h, proving=Proving())
    assert "private_key_jwt" in await not_registered(h, "service", proving=Proving("workload"))


@lived
async def test_an_assertion_is_for_the_issuer_as_one_text(h: House):
    app = await bank(h)
    for aud in (f"{URL}/par", f"{URL}/token", [URL], [URL, "https://other.example"], f"{URL}/"):
        response = await app.post("/par", asserted=app.asserted(aud=aud), **app.caller.request())
        assert error(response) == (401, "invalid_client"), aud
    assert (await app.push()).status_code == 201


@lived
async def test_tokens_are_bound_and_no_request_gets_others(h: House):
    app = await bank(h)
    assert app.caller.client.bound_tokens == "dpop"
    code = await app.code()
    app.caller.prover, prover = None, app.caller.prover
    assert error(await app.post("/token", **app.redemption(code))) == (400, "invalid_dpop_proof")
    app.caller.prover = prover
    given = (await app.post("/token", **app.redemption(code))).json()
    state = await h.issuer.store.access_token(opaque.parse(given["access_token"]).token_id)
    assert state.token.cnf.claim() == {"jkt": prover.thumbprint}


async def by_certificate(h: House) -> None:
    own = certificate("CN=bank", at=h.clock.time())
    proof = Proving("self_signed_tls_client_auth", certificates=(own.der,))
    app = await h.client("service", "accounts:read", profile="fapi2", proving=proof)
    assert app.client.bound_tokens == "mtls"
    form = {"grant_type": "client_credentials", "client_id": app.id}
    assert (await h.http.post("/token", data=form)).status_code == 401
    h.show(own.der)
    token = (await h.http.post("/token", data=form)).json()["access_token"]
    state = await h.issuer.store.access_token(opaque.parse(token).token_id)
    assert state.token.cnf.member == "x5t#S256"


def test_certificates_prove_and_bind_as_well(tmp_path):
    lived(by_certificate, takes_certificates=True)(tmp_path)


@lived
async def test_an_authorization_request_is_pushed_or_refused(h: House):
    app = await bank(h)
    assert app.caller.client.require_pushed_authorization_requests
    assert answer(await h.authorize(**app.caller.request()))["error"] == "invalid_request"
    by_object = await h.authorize(client_id=app.id, request=signed(h, app.caller, app.key))
    assert answer(by_object)["error"] == "invalid_request"


@lived
async def test_a_push_without_client_authentication_is_refused(h: House):
    app = await bank(h)
    response = await h.http.post("/par", data=app.caller.request())
    assert error(response) == (401, "invalid_client")


@lived
async def test_pkce_redirect_uri_and_code_are_required_of_what_is_pushed(h: House):
    app = await bank(h)
    for changes in (
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"redirect_uri": ""},
        {"response_type": "code id_token"},
    ):
        response = await app.push(**changes)
        assert response.status_code == 400, changes
        assert response.json()["error"] in ("invalid_request", "unsupported_response_type")


@lived
async def test_the_answer_names_the_issuer_and_comes_by_303(h: House):
    app = await bank(h)
    response = await app.push(prompt="consent")
    opened = await h.authorize(client_id=app.id, request_uri=response.json()["request_uri"])
    assert opened.status_code == 303
    await h.http.get(opened.headers["location"])
    told = await app.caller.decide("allow")
    assert (told.status_code, answer(told)["iss"]) == (303, URL)
    assert response.json()["expires_in"] < 600


@lived
async def test_addresses_are_https(h: House):
    for uri in ("http://127.0.0.1/cb", "http://localhost/cb"):
        assert "https" in await not_registered(h, redirect_uris=(uri,))


@lived
async def test_a_code_lives_a_minute_and_is_used_once(h: House):
    app = await bank(h)
    assert h.issuer.settings.code_lifetime <= 60
    late, used = await app.code(), await app.code()
    assert (await app.post("/token", **app.redemption(used))).status_code == 200
    assert error(await app.post("/token", **app.redemption(used))) == (400, "invalid_grant")
    h.clock.advance(61)
    assert error(await app.post("/token", **app.redemption(late))) == (400, "invalid_grant")


@lived
async def test_a_code_is_bound_to_the_key_that_pushed_its_request(h: House):
    app = await bank(h)
    code = await app.code()
    other = proving(Caller(h, app.caller.client, None)).prover
    assert error(await app.post("/token", other, **app.redemption(code))) == (400, "invalid_grant")
    assert (await app.post("/token", **app.redemption(code))).status_code == 200


@lived
async def test_a_refresh_token_stays_the_same_and_still_dies_with_its_grant(h: House):
    app = await bank(h)
    given = await app.tokens()
    token, seen = given["refresh_token"], {given["access_token"]}
    for _ in range(3):
        h.clock.advance(13 * 86_400)  # each use puts off the idle end
        again = (await app.refresh(token)).json()
        assert "refresh_token" not in again
        seen.add(again["access_token"])
    assert len(seen) == 4
    assert error(await app.refresh(token, scope="transfers:write")) == (400, "invalid_scope")
    grant_id = (await h.issuer.store.refresh_token(opaque.parse(token).token_id)).grant.grant_id
    await h.issuer.store.revoke_grant(grant_id, h.clock.time())
    assert error(await app.refresh(token)) == (400, "invalid_grant")


@lived
async def test_a_refresh_token_that_nobody_uses_ends(h: House):
    app = await bank(h)
    given = await app.tokens()
    h.clock.advance(14 * 86_400 + 1)
    assert error(await app.refresh(given["refresh_token"])) == (400, "invalid_grant")


@lived
async def test_a_refresh_token_is_of_use_to_its_client_only(h: House):
    app, other = await bank(h), await bank(h)
    given = await app.tokens()
    assert error(await other.refresh(given["refresh_token"])) == (400, "invalid_grant")
    assert (await app.refresh(given["refresh_token"])).status_code == 200


@pytest.mark.parametrize("algorithm", OTHERS)
def test_no_other_algorithm_is_registered_asserted_signed_or_proved(algorithm, tmp_path):
    key = SigningKey.generate(algorithm)

    async def story(h: House):
        weak = Proving("private_key_jwt", jwks=jwks(key))
        assert "PS256" in await not_registered(h, proving=weak)
        app = await bank(h)
        with pytest.raises(Refusal):
            await set_keys(h.desk, app.id, weak)
        assert (await app.push()).status_code == 201
        if algorithm not in h.issuer.dpop.algorithms:
            return
        prover = DpopProver(key=key, clock=h.clock)
        response = await app.post("/par", prover, **app.caller.request())
        assert error(response) == (400, "invalid_dpop_proof")

    lived(story)(tmp_path)


@pytest.mark.parametrize("algorithm", FAPI_ALGORITHMS)
def test_each_of_its_algorithms_works(algorithm, tmp_path):
    key = SigningKey.generate(algorithm)

    async def story(h: House):
        app = await bank(h, key)
        assert (await app.push()).status_code == 201

    lived(story)(tmp_path)


def test_keys_behind_a_url_are_held_to_the_algorithms_too(tmp_path):
    key = SigningKey.generate("ES384")

    async def fetch(_url: str) -> bytes:
        return json.dumps({"keys": [key.public_jwk(), KEY.public_jwk()]}).encode()

    async def story(h: House):
        for own, status in ((key, 401), (KEY, 201)):
            app = await bank(h, own, proving=Proving("private_key_jwt", jwks_uri=JWKS_URI))
            assert (await app.push()).status_code == status

    lived(story, fetch=fetch)(tmp_path)


@lived
async def test_what_it_is_told_is_signed_by_such_an_algorithm(h: House):
    app = await bank(h)
    given = await app.tokens()
    header = json.loads(base64url.decode(given["id_token"].split(".")[0]))
    assert header["alg"] == "ES256"
    assert app.caller.client.introspection_signed_response_alg == "ES256"


@lived
async def test_clocks_may_be_ten_seconds_ahead_and_not_more_than_sixty(h: House):
    app, now = await bank(h), int(h.clock.time())
    for ahead, good in ((10, True), (61, False)):
        moments = {"iat": now + ahead, "nbf": now + ahead, "exp": now + ahead + 60}
        asserted = app.asserted(**moments)
        response = await app.post("/par", asserted=asserted, **app.caller.request())
        assert (response.status_code == 201) is good, ahead
        request = signed(h, app.caller, app.key, **moments)
        response = await app.post("/par", request=request)
        assert (response.status_code == 201) is good, ahead
        fast = type(h.clock)(h.clock.time() + ahead)
        prover = DpopProver(clock=fast)
        response = await app.post("/par", prover, **app.caller.request())
        assert (response.status_code == 201) is good, ahead


@lived
async def test_a_nonce_of_64_characters_is_taken(h: House):
    app = await bank(h)
    assert (await app.push(nonce="n" * 64, state="s" * 1024)).status_code == 201


@lived
async def test_keys_of_a_client_stay_within_the_profile(h: House):
    app = await bank(h)
    with pytest.raises(Refusal):
        await set_keys(h.desk, app.id, Proving("client_secret"))
    other = SigningKey.generate("PS256")
    await set_keys(h.desk, app.id, Proving("private_key_jwt", jwks=jwks(other)))
    assert (await app.push()).status_code == 401
    app.key = other
    assert (await app.push()).status_code == 201


@lived
async def test_no_other_profile_is_known(h: House):
    await not_registered(h, profile="fapi1")


@lived
async def test_password_and_implicit_grants_are_not_there(h: House):
    app = await bank(h)
    response = await app.post("/token", grant_type="password", username="a", password="b")
    assert error(response) == (400, "unsupported_grant_type")
