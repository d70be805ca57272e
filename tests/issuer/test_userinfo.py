"""Userinfo: who is told what of a person, and by which token."""

import functools
import json
from dataclasses import replace

import pytest

from certificates import certificate
from issuer.house import BANK, URL, House, error, lived
from issuer.test_claims import ada, read
from issuer.test_dpop import proving as with_key
from issuer.test_dpop import thief
from tokenward.base.secret import Secret
from tokenward.issuer.client_auth.registration import Proving
from tokenward.store.records import RelyingParty
from tokenward.tokens.subjects import subject

POLICY = RelyingParty(userinfo_claims=("email", "name", "team", "preferred_username"))
SCOPES = ("openid", "profile", "email")


async def signed_in(h: House, *scopes: str, openid=POLICY, kind="web", **policy):
    """An app to which Ada has signed in, and its token response."""
    await ada(h)
    app = await h.client(kind, *(scopes or SCOPES), openid=openid, **policy)
    return app, (await app.redeem(await app.code())).json()


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", **more}


def told_why(response) -> str:
    return ", ".join(response.headers.get_list("www-authenticate"))


@lived
async def test_userinfo_tells_what_the_policy_names_and_the_scopes_cover(h: House):
    app, body = await signed_in(h)
    response = await h.http.get("/userinfo", headers=bearer(body["access_token"]))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "sub": "user-1",
        "email": "ada@example.com",
        "name": "Ada",
        "team": ["red"],
        "preferred_username": "ada",
    }
    other = (await app.redeem(await app.code(scope="openid", prompt="consent"))).json()["access_token"]
    less = (await h.http.get("/userinfo", headers=bearer(other))).json()
    assert less == {"sub": "user-1", "team": ["red"]}, "no standard claim without its scope"


@lived
async def test_each_standard_scope_brings_its_claims_and_no_others(h: House):
    said = {
        "profile": {"name": "Ada"},
        "email": {"email": "ada@example.com"},
        "address": {"address": {"formatted": "Here 1"}},
        "phone": {"phone_number": "+3212345678"},
    }
    everything = {name: value for claims in said.values() for name, value in claims.items()}
    await ada(h, **everything)
    app = await h.client("web", "openid", *said, openid=RelyingParty(userinfo_claims=tuple(everything)))
    for scope, claims in {**said, " ".join(said): everything}.items():
        tokens = (await app.redeem(await app.code(scope=f"openid {scope}", prompt="consent"))).json()
        told = (await h.http.get("/userinfo", headers=bearer(tokens["access_token"]))).json()
        assert told == {"sub": "user-1", **claims}, scope


@lived
async def test_without_a_policy_userinfo_tells_the_subject_alone(h: House):
    _, body = await signed_in(h, openid=RelyingParty(), id_token_claims=["email"])
    told = (await h.http.get("/userinfo", headers=bearer(body["access_token"]))).json()
    assert told == {"sub": "user-1"}, "what the ID token may tell is another policy"


@lived
async def test_post_takes_the_token_in_the_header_or_the_form_but_not_in_both(h: House):
    _, body = await signed_in(h)
    token = body["access_token"]
    by_get = (await h.http.get("/userinfo", headers=bearer(token))).json()
    assert (await h.http.post("/userinfo", headers=bearer(token))).json() == by_get
    assert (await h.http.post("/userinfo", data={"access_token": token})).json() == by_get
    twice = await h.http.post("/userinfo", data={"access_token": token}, headers=bearer(token))
    assert error(twice) == (400, "invalid_request")
    in_url = await h.http.get(f"/userinfo?access_token={token}")
    assert error(in_url) == (400, "invalid_request")


@lived
async def test_the_subject_is_the_one_of_the_id_token(h: House):
    _, body = await signed_in(h, subject_type="pairwise", sector="shop.example")
    told = (await h.http.get("/userinfo", headers=bearer(body["access_token"]))).json()
    assert told["sub"] == read(body["id_token"], "RS256")["sub"]
    assert told["sub"] == subject(h.issuer.pairwise_key, "user-1", "shop.example") != "user-1"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_userinfo_is_signed_for_who_is_registered_for_it(algorithm, tmp_path):
    @lived
    async def signed(h: House):
        app, body = await signed_in(h, openid=replace(POLICY, userinfo_signed_response_alg=algorithm))
        response = await h.http.get("/userinfo", headers=bearer(body["access_token"]))
        assert response.headers["content-type"] == "application/jwt"
        told = read(response.text, algorithm)
        assert (told["iss"], told["aud"], told["sub"], told["email"]) == (
            URL,
            app.id,
            "user-1",
            "ada@example.com",
        )
        assert not {"exp", "iat", "nonce", "auth_time"} & set(told), "nothing that an ID token needs"

    signed(tmp_path)


@lived
async def test_a_token_for_an_api_tells_the_api_nothing(h: House):
    app, body = await signed_in(h, *SCOPES, "offline_access", "accounts:read")
    refused = await h.http.get("/userinfo", headers=bearer(body["access_token"]))
    assert error(refused) == (401, "invalid_token")
    here = (await app.refresh(body["refresh_token"], resource=URL)).json()
    assert here["scope"] == " ".join((*SCOPES, "offline_access")), "nothing of the API"
    assert (await h.http.get("/userinfo", headers=bearer(here["access_token"]))).json()["sub"] == "user-1"
    back = (await app.refresh(here["refresh_token"])).json()
    assert "accounts:read" in back["scope"], "the grant is as it was"


@lived
async def test_a_token_for_here_can_be_had_for_the_code(h: House):
    await ada(h)
    app = await h.client("web", "openid", "accounts:read", openid=POLICY)
    body = (await app.redeem(await app.code(), resource=URL)).json()
    server = await h.client("service", f"introspect:{BANK}")
    assert await server.introspect(body["access_token"]) == {"active": False}
    assert (await h.http.get("/userinfo", headers=bearer(body["access_token"]))).status_code == 200


@lived
async def test_a_grant_without_a_sign_in_gives_no_token_for_here(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    body = (await app.redeem(await app.code())).json()
    assert error(await app.refresh(body["refresh_token"], resource=URL)) == (400, "invalid_target")
    both = await h.client("web", "openid", "accounts:read", "offline_access")
    body = (await both.redeem(await both.code())).json()
    narrow = await both.refresh(body["refresh_token"], resource=URL, scope="accounts:read")
    assert error(narrow) == (400, "invalid_target")


@lived
async def test_a_token_without_openid_lacks_a_scope(h: House):
    app, body = await signed_in(h, *SCOPES, "offline_access")
    less = (await app.refresh(body["refresh_token"], scope="profile email")).json()
    refused = await h.http.get("/userinfo", headers=bearer(less["access_token"]))
    assert error(refused) == (403, "insufficient_scope")
    assert 'Bearer realm="tokenward", error="insufficient_scope"' in told_why(refused)
    assert 'scope="openid"' in told_why(refused)


@lived
async def test_no_token_of_a_client_itself_or_of_another_kind_tells_anything(h: House):
    app, body = await signed_in(h, *SCOPES, "offline_access")
    service = await h.client("service", "accounts:read")
    own = (await service.token(grant_type="client_credentials")).json()["access_token"]
    code = await app.code(prompt="consent")
    for token in (own, code, body["refresh_token"], body["id_token"], "x", "tkw_at_" + "0" * 60):
        assert error(await h.http.get("/userinfo", headers=bearer(token))) == (401, "invalid_token"), token[
            :7
        ]


@lived
async def test_a_token_for_here_that_is_no_persons_own_is_refused(h: House):
    """No grant gives one; whatever else writes rows must not open this door."""
    _, body = await signed_in(h)
    state = await h.issuer.store.access_token(body["access_token"].split("_")[2][:11])
    for change in ({"user_id": None}, {"grant_id": None}, {"act": '{"sub": "x"}'}):
        made = replace(state.token, **change)

        async def found(_token_id, made=made):
            return replace(state, token=made)

        store = h.issuer.store
        original, store.access_token = store.access_token, found
        try:
            refused = await h.http.get("/userinfo", headers=bearer(body["access_token"]))
        finally:
            store.access_token = original
        assert error(refused) == (401, "invalid_token"), change


@lived
async def test_a_request_without_a_token_learns_how_to_bring_one(h: House):
    refused = await h.http.get("/userinfo")
    assert refused.status_code == 401
    schemes = refused.headers.get_list("www-authenticate")
    assert schemes[0] == 'Bearer realm="tokenward"', "no error code (RFC 6750 §3.1)"
    assert schemes[1].startswith('DPoP realm="tokenward", algs="')
    wrong = await h.http.get("/userinfo", headers={"authorization": "Basic eDp5"})
    assert wrong.status_code == 401


@lived
async def test_what_was_revoked_or_expired_tells_nothing(h: House):
    app, body = await signed_in(h)
    headers = bearer(body["access_token"])
    assert (await h.http.get("/userinfo", headers=headers)).status_code == 200
    await app.post("/revoke", token=body["access_token"])
    assert error(await h.http.get("/userinfo", headers=headers)) == (401, "invalid_token")
    later = (await app.redeem(await app.code(prompt="consent"))).json()["access_token"]
    h.clock.advance(601)
    assert error(await h.http.get("/userinfo", headers=bearer(later))) == (401, "invalid_token")


@lived
async def test_a_disabled_person_is_told_of_to_nobody(h: House):
    _, body = await signed_in(h)
    await h.issuer.store.disable_user("user-1", h.clock.time())
    refused = await h.http.get("/userinfo", headers=bearer(body["access_token"]))
    assert error(refused) == (401, "invalid_token")


@lived
async def test_a_token_that_is_bound_by_dpop_needs_a_proof_for_this_very_request(h: House):
    await ada(h)
    app = with_key(await h.client("web", *SCOPES, openid=POLICY, bound_tokens="dpop"))
    token = (await app.redeem(await app.code())).json()["access_token"]
    url, own, other = f"{URL}/userinfo", Secret(token), Secret("other")

    async def asked(proof: str | None, scheme="DPoP"):
        headers = {"authorization": f"{scheme} {token}", **({"dpop": proof} if proof else {})}
        return await h.http.get("/userinfo", headers=headers)

    good = app.prover.proof("GET", url, access_token=own)
    assert (await asked(good)).json()["sub"] == "user-1"
    for what, proof, scheme in (
        ("no proof", None, "DPoP"),
        ("used before", good, "DPoP"),
        ("as a bearer token", None, "Bearer"),
        ("another method", app.prover.proof("POST", url, access_token=own), "DPoP"),
        ("another address", app.prover.proof("GET", f"{URL}/token", access_token=own), "DPoP"),
        ("another token", app.prover.proof("GET", url, access_token=other), "DPoP"),
        ("another key", thief(app).prover.proof("GET", url, access_token=own), "DPoP"),
        ("beside a bearer token", app.prover.proof("GET", url, access_token=own), "Bearer"),
    ):
        refused = await asked(proof, scheme)
        assert refused.status_code == 401, what
        assert "sub" not in refused.json(), what
    h.clock.advance(400)
    late = await asked(app.prover.proof("GET", url, access_token=own))
    assert error(late) == (401, "use_dpop_nonce")
    assert 'DPoP realm="tokenward", error="use_dpop_nonce"' in told_why(late)
    assert late.headers["dpop-nonce"] == h.issuer.dpop.nonce()


@lived
async def test_a_proof_cannot_be_used_with_a_token_that_is_not_bound(h: House):
    app, body = await signed_in(h)
    prover = with_key(app).prover
    proof = prover.proof("GET", f"{URL}/userinfo", access_token=Secret(body["access_token"]))
    for scheme in ("DPoP", "Bearer"):
        headers = {"authorization": f"{scheme} {body['access_token']}", "dpop": proof}
        assert error(await h.http.get("/userinfo", headers=headers)) == (401, "invalid_dpop_proof"), scheme


@lived
async def test_a_credential_in_a_claim_is_an_error(h: House):
    await ada(h, note="4111111111111111")
    app = await h.client("web", "openid", openid=RelyingParty(userinfo_claims=("note",)))
    token = (await app.redeem(await app.code())).json()["access_token"]
    refused = await h.http.get("/userinfo", headers=bearer(token))
    assert error(refused) == (500, "server_error")
    assert "4111" not in refused.text


@lived
async def test_pages_of_other_origins_may_ask_with_a_token_and_without_cookies(h: House):
    _, body = await signed_in(h)
    asked = await h.http.options("/userinfo", headers={"origin": "https://app.example"})
    assert asked.headers["access-control-allow-origin"] == "*"
    assert "authorization" in asked.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in asked.headers
    response = await h.http.get(
        "/userinfo", headers=bearer(body["access_token"], origin="https://app.example")
    )
    assert response.headers["access-control-allow-origin"] == "*"
    assert "www-authenticate" in response.headers["access-control-expose-headers"]


@lived
async def test_a_readable_access_token_works_like_an_opaque_one(h: House):
    _, body = await signed_in(h, access_token_format="jwt")
    assert (await h.http.get("/userinfo", headers=bearer(body["access_token"]))).json()["sub"] == "user-1"


@functools.partial(lived, takes_certificates=True)
async def test_a_token_that_is_bound_to_a_certificate_needs_it_at_the_connection(h: House):
    await ada(h)
    own, other = certificate(at=h.clock.time()), certificate(at=h.clock.time())
    proving = Proving("self_signed_tls_client_auth", certificates=(own.der,))
    app = await h.client("web", *SCOPES, openid=POLICY, proving=proving, bound_tokens="mtls")
    h.show(own.der)
    token = (await app.redeem(await app.code())).json()["access_token"]
    assert (await h.http.get("/userinfo", headers=bearer(token))).json()["sub"] == "user-1"
    for shown in (None, other.der):
        h.show(shown)
        assert error(await h.http.get("/userinfo", headers=bearer(token))) == (401, "invalid_token")


CLAIMS = json.dumps({"userinfo": {"email": {"essential": True}}, "id_token": {"email": None}})


@lived
async def test_a_claim_can_be_asked_for_without_its_scope_and_the_person_sees_it(h: House):
    await ada(h)
    app = await h.client("web", "openid", openid=POLICY, id_token_claims=["email"])
    body = (await app.redeem(await app.code(claims=CLAIMS))).json()
    assert h.pages.view.claims == ("e-mail address",)
    assert read(body["id_token"], "RS256")["email"] == "ada@example.com"
    told = (await h.http.get("/userinfo", headers=bearer(body["access_token"]))).json()
    assert told == {"sub": "user-1", "email": "ada@example.com", "team": ["red"]}
    usual = (await app.redeem(await app.code(prompt="consent"))).json()
    assert "email" not in read(usual["id_token"], "RS256"), "asked for once is not asked for always"


@lived
async def test_a_claim_goes_only_where_it_was_asked_for(h: House):
    await ada(h)
    app = await h.client("web", "openid", openid=POLICY, id_token_claims=["email"])
    body = (await app.redeem(await app.code(claims='{"userinfo": {"email": null}}'))).json()
    assert "email" not in read(body["id_token"], "RS256")
    told = (await h.http.get("/userinfo", headers=bearer(body["access_token"]))).json()
    assert told["email"] == "ada@example.com"


@lived
async def test_nothing_is_told_by_asking_that_the_policy_does_not_release(h: House):
    await ada(h)
    app = await h.client("web", "openid")
    asked = json.dumps(
        {"userinfo": {"email": {"essential": True}, "iban": None}, "id_token": {"email": None}}
    )
    body = (await app.redeem(await app.code(claims=asked))).json()
    assert h.pages.view.claims == ()
    assert not {"email", "iban"} & set(read(body["id_token"], "RS256"))
    assert (await h.http.get("/userinfo", headers=bearer(body["access_token"]))).json() == {"sub": "user-1"}


@lived
async def test_a_claim_beyond_the_scopes_is_never_given_without_being_asked(h: House):
    await ada(h)
    app = await h.client("web", "openid", "email", openid=POLICY)
    await app.code(scope="openid")
    silent = await h.authorize(**app.request(scope="openid", prompt="none", claims=CLAIMS))
    assert "error=consent_required" in silent.headers["location"]
    page = await h.authorize(**app.request(scope="openid", claims=CLAIMS))
    assert page.text == "consent"
    await app.code(scope="openid email", prompt="consent")
    covered = await h.authorize(**app.request(scope="openid email", prompt="none", claims=CLAIMS))
    assert "code=" in covered.headers["location"], "the scope covers it, and was allowed"


@pytest.mark.parametrize(
    "claims",
    [
        "x",
        "[]",
        '{"userinfo": []}',
        '{"userinfo": {"email": 1}}',
        '{"userinfo": {"email": {"essential": "yes"}}}',
        '{"id_token": {"sub": {"value": 7}}}',
        '{"id_token": {"sub": {"value": "a", "values": ["a"]}}}',
        '{"id_token": {"acr": {"values": []}, "acr": null}}',
        '{"id_token": {"sub": {"value": ""}}}',
        json.dumps({"userinfo": {f"c{number}": None for number in range(51)}}),
        json.dumps({"userinfo": {"email": {"value": "x" * 2000}}}),
        '{"userinfo": {"a": {"value": [[[[[[[[1]]]]]]]]}}}',
    ],
    ids=lambda text: text[:40],
)
def test_a_malformed_claims_request_is_refused(claims, tmp_path):
    @lived
    async def refused(h: House):
        app = await h.client("web", "openid")
        answer = await h.authorize(**app.request(claims=claims))
        assert "error=invalid_request" in answer.headers["location"]

    refused(tmp_path)


@lived
async def test_unknown_members_and_claims_are_ignored(h: House):
    await ada(h)
    app = await h.client("web", "openid")
    asked = json.dumps({"verified": 1, "userinfo": {"shoe_size": {"essential": True}, "name#de": None}})
    body = (
        await app.redeem(await app.code(claims=asked, ui_locales="de fr", display="popup", foo="1"))
    ).json()
    assert (await h.http.get("/userinfo", headers=bearer(body["access_token"]))).json() == {"sub": "user-1"}


@lived
async def test_an_essential_acr_must_be_reached(h: House):
    app = await h.client("web", "openid")
    asked = '{"id_token": {"acr": {"essential": true, "values": ["urn:x", "urn:tokenward:acr:two-factor"]}}}'
    sent = await h.authorize(**app.request(claims=asked))
    assert "level=two-factor" in sent.headers["location"]
    none = await h.authorize(**app.request(claims=asked, prompt="none"))
    assert "error=login_required" in none.headers["location"]
    h.browser.person = replace(h.browser.person, amr=("pwd", "otp", "mfa"))
    assert (await h.authorize(**app.request(claims=asked))).text == "consent"
    unknown = '{"id_token": {"acr": {"essential": true, "value": "urn:x"}}}'
    refused = await h.authorize(**app.request(claims=unknown))
    assert "error=unmet_authentication_requirements" in refused.headers["location"]
    wish = '{"id_token": {"acr": {"value": "urn:x"}, "auth_time": {"essential": true}}}'
    assert (await h.authorize(**app.request(claims=wish))).text == "consent"
