"""RFC 9449 at the issuer: what is bound, to which key, and who gets nothing."""

import json
from typing import Any

import pytest

from issuer.house import CALLBACK, URL, Caller, House, error, lived
from tokens.dpop_forgery import FORGERIES, forged
from tokenward.base.entropy import random_bytes
from tokenward.flows.dpop import DpopProver
from tokenward.tokens import base64url, opaque
from tokenward.tokens.dpop import ALGORITHMS_OF_PROOFS, ReplaysUnavailable
from tokenward.tokens.dpop_nonces import DpopNonces
from tokenward.tokens.keys import SigningKey

SCOPES = ("openid", "offline_access", "accounts:read")


async def service(h: House, **policy: Any) -> Caller:
    return proving(await h.client("service", "accounts:read", **policy))


async def app(h: House, **policy: Any) -> Caller:
    return proving(await h.client("native", *SCOPES, **policy))


def proving(caller: Caller) -> Caller:
    """The caller with a key of its own, which knows the nonce already."""
    caller.prover = DpopProver(clock=caller.house.clock)
    caller.prover.must_repeat(URL, 200, {"dpop-nonce": caller.house.issuer.dpop.nonce()}, b"")
    return caller


def thief(caller: Caller) -> Caller:
    """Somebody with all that the caller has but its key."""
    return proving(Caller(caller.house, caller.client, caller.secret, caller.verifier))


def without_proof(caller: Caller) -> Caller:
    return Caller(caller.house, caller.client, caller.secret, caller.verifier)


async def confirmation(caller: Caller, token: str) -> object:
    """The `cnf` of an access token, as the gateway will find it."""
    state = await caller.house.issuer.store.access_token(opaque.parse(token).token_id)
    return None if state.token.cnf is None else state.token.cnf.claim()


@lived
async def test_a_token_is_bound_to_the_key_of_the_proof(h: House):
    caller = await service(h)
    answer = await caller.token(grant_type="client_credentials")
    assert answer.json()["token_type"] == "DPoP"
    told = await without_proof(caller).introspect(answer.json()["access_token"])
    assert told["cnf"] == {"jkt": caller.prover.thumbprint}
    assert told["token_type"] == "DPoP"


@lived
async def test_a_request_without_a_proof_gives_a_bearer_token(h: House):
    caller = without_proof(await service(h))
    answer = await caller.token(grant_type="client_credentials")
    assert answer.json()["token_type"] == "Bearer"
    assert "dpop-nonce" not in answer.headers
    assert await confirmation(caller, answer.json()["access_token"]) is None


@lived
async def test_a_client_of_bound_tokens_gets_no_others(h: House):
    caller = await service(h, bound_tokens="dpop")
    bare = await without_proof(caller).token(grant_type="client_credentials")
    assert error(bare) == (400, "invalid_dpop_proof")
    assert bare.headers["dpop-nonce"] == h.issuer.dpop.nonce()
    assert (await caller.token(grant_type="client_credentials")).json()["token_type"] == "DPoP"


@lived
async def test_a_proof_needs_the_servers_nonce(h: House):
    caller = await service(h)
    caller.prover = None
    fresh, foreign = h.issuer.dpop.nonce(), DpopNonces(random_bytes(32), clock=h.clock).current()
    prover = DpopProver(clock=h.clock)
    for nonce, status in ((None, 400), (foreign, 400), (fresh, 200)):
        prover.must_repeat(URL, 200, {"dpop-nonce": nonce} if nonce else {}, b"")
        proof = prover.proof("POST", f"{URL}/token")
        answer = await caller.post("/token", {"dpop": proof}, grant_type="client_credentials")
        assert answer.status_code == status
        assert answer.headers["dpop-nonce"] == fresh
        if status == 400:
            assert error(answer) == (400, "use_dpop_nonce")


@lived
async def test_an_old_nonce_is_refused_and_the_answer_brings_a_new_one(h: House):
    caller = await service(h)
    first = h.issuer.dpop.nonce()
    h.clock.advance(121)
    proof = caller.prover.proof("POST", f"{URL}/token")
    answer = await without_proof(caller).post("/token", {"dpop": proof}, grant_type="client_credentials")
    assert error(answer) == (400, "use_dpop_nonce")
    assert answer.headers["dpop-nonce"] == h.issuer.dpop.nonce() != first
    assert (await caller.token(grant_type="client_credentials")).status_code == 200  # its client goes on


@pytest.mark.parametrize("name", FORGERIES)
def test_a_bad_proof_gives_nothing(name, tmp_path):
    @lived
    async def refused(h: House) -> None:
        caller = without_proof(await service(h))
        good = {"htm": "POST", "htu": f"{URL}/token", "nonce": h.issuer.dpop.nonce()}
        headers = [("dpop", each) for each in forged(name, good, h.clock.time())]
        answer = await h.http.post(
            "/token",
            data={"grant_type": "client_credentials"},
            headers=[*caller.basic().items(), *headers],
        )
        assert error(answer) == (400, "invalid_dpop_proof")

    refused(tmp_path)


@lived
async def test_a_proof_for_another_address_of_ours_is_refused(h: House):
    """What Host the request names does not matter: the configured address counts."""
    caller = without_proof(await service(h))
    for url in (
        f"{URL}/introspect",
        "http://evil.example/token",
        f"{URL}/token/",
        URL.replace("8080", "8081"),
    ):
        prover = DpopProver(clock=h.clock)
        prover.must_repeat(url, 200, {"dpop-nonce": h.issuer.dpop.nonce()}, b"")
        headers = {"dpop": prover.proof("POST", url), "host": "evil.example"}
        assert error(await caller.post("/token", headers, grant_type="client_credentials")) == (
            400,
            "invalid_dpop_proof",
        )


@lived
async def test_a_proof_is_used_once(h: House):
    caller = await service(h)
    headers = {"dpop": caller.prover.proof("POST", f"{URL}/token")}
    bare = without_proof(caller)
    assert (await bare.post("/token", headers, grant_type="client_credentials")).status_code == 200
    replayed = await bare.post("/token", headers, grant_type="client_credentials")
    assert error(replayed) == (400, "invalid_dpop_proof")


@lived
async def test_a_public_clients_refresh_token_is_bound_to_its_key(h: House):
    caller = await app(h)
    first = (await caller.redeem(await caller.code())).json()
    for stranger in (thief(caller), without_proof(caller)):
        assert error(await stranger.refresh(first["refresh_token"])) == (400, "invalid_grant")
    second = await caller.refresh(first["refresh_token"])  # nothing was spoilt
    assert second.json()["token_type"] == "DPoP"
    for stranger in (thief(caller), without_proof(caller)):
        # Not even a token that was used: the reuse of a stolen one without its key ends nothing.
        assert error(await stranger.refresh(first["refresh_token"])) == (400, "invalid_grant")
        assert error(await stranger.refresh(second.json()["refresh_token"])) == (400, "invalid_grant")
    third = await caller.refresh(second.json()["refresh_token"])
    assert await confirmation(caller, third.json()["access_token"]) == {"jkt": caller.prover.thumbprint}


@lived
async def test_a_public_client_can_begin_to_bind_when_it_refreshes(h: House):
    caller = await app(h)
    first = (await without_proof(caller).redeem(await caller.code())).json()
    second = (await caller.refresh(first["refresh_token"])).json()
    assert error(await without_proof(caller).refresh(second["refresh_token"])) == (400, "invalid_grant")
    assert (await caller.refresh(second["refresh_token"])).status_code == 200


@lived
async def test_a_confidential_client_may_change_its_key(h: House):
    """Its refresh tokens are bound to its authentication (RFC 9449 §5)."""
    caller = proving(await h.client("web", *SCOPES))
    first = (await caller.redeem(await caller.code())).json()
    assert first["token_type"] == "DPoP"
    other = thief(caller)
    second = (await other.refresh(first["refresh_token"])).json()
    assert await confirmation(caller, second["access_token"]) == {"jkt": other.prover.thumbprint}


@lived
async def test_a_lost_response_comes_again_only_for_the_same_key(h: House):
    caller = proving(await h.client("web", *SCOPES))
    first = (await caller.redeem(await caller.code())).json()
    lost = await caller.refresh(first["refresh_token"])
    assert (await caller.refresh(first["refresh_token"])).json() == lost.json()
    assert error(await thief(caller).refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert not await caller.live(lost.json()["access_token"])  # that was reuse


@lived
async def test_a_code_is_redeemed_with_the_key_that_it_was_asked_for_with(h: House):
    caller = await app(h)
    code = await caller.code(dpop_jkt=caller.prover.thumbprint)
    for stranger in (thief(caller), without_proof(caller)):
        assert error(await stranger.redeem(code)) == (400, "invalid_grant")
    answer = await caller.redeem(code)  # the attempts have not used it up
    assert await confirmation(caller, answer.json()["access_token"]) == {"jkt": caller.prover.thumbprint}


@pytest.mark.parametrize("jkt", ["x", "A" * 42, "A" * 44, "!" * 43])
def test_a_thumbprint_that_is_none_is_refused(jkt, tmp_path):
    @lived
    async def refused(h: House) -> None:
        caller = await app(h)
        answer = await h.authorize(**caller.request(dpop_jkt=jkt))
        assert "error=invalid_request" in answer.headers["location"]

    refused(tmp_path)


@lived
async def test_a_failed_proof_consumes_nothing(h: House):
    caller = await app(h)
    code = await caller.code()
    bad = {"dpop": "no proof"}
    assert error(await without_proof(caller).post("/token", bad, **_redemption(caller, code))) == (
        400,
        "invalid_dpop_proof",
    )
    assert (await caller.redeem(code)).status_code == 200


def _redemption(caller: Caller, code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": caller.verifier,
    }


@lived
async def test_a_jwt_names_its_key(h: House):
    caller = await service(h, access_token_format="jwt")
    token = (await caller.token(grant_type="client_credentials")).json()["access_token"]
    body = json.loads(base64url.decode(token.split(".")[1]))
    assert body["cnf"] == {"jkt": caller.prover.thumbprint}


@lived
async def test_the_metadata_names_the_algorithms_of_proofs(h: House):
    metadata = (await h.http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["dpop_signing_alg_values_supported"] == list(ALGORITHMS_OF_PROOFS)


@pytest.mark.parametrize("algorithm", ALGORITHMS_OF_PROOFS)
def test_proofs_of_each_algorithm_that_it_names(algorithm, tmp_path):
    @lived
    async def bound(h: House) -> None:
        caller = await service(h)
        caller.prover = DpopProver(SigningKey.generate(algorithm), clock=h.clock)
        assert (await caller.token(grant_type="client_credentials")).json()["token_type"] == "DPoP"

    bound(tmp_path)


@lived
async def test_a_browser_app_may_send_proofs_and_read_nonces(h: House):
    asked = {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "dpop",
    }
    for path in ("/token", "/revoke"):
        preflight = await h.http.options(path, headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert preflight.headers["access-control-allow-methods"] == "POST"
        assert "dpop" in preflight.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in preflight.headers
    assert (await h.http.options("/introspect", headers=asked)).status_code == 405
    caller = proving(await h.client("spa", *SCOPES))
    answer = await caller.redeem(await caller.code())
    assert "dpop-nonce" in answer.headers["access-control-expose-headers"]


@lived
async def test_where_nobody_can_know_whether_a_proof_is_new_the_client_comes_again(h: House):
    class Down:
        async def first_use_async(self, _key: bytes, _until: float) -> bool:
            raise ReplaysUnavailable

    caller = await service(h)
    h.issuer.dpop._replays = Down()
    answer = await caller.token(grant_type="client_credentials")
    assert error(answer) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "1"
