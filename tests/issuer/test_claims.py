"""What the issuer tells of a person, to whom, and under which subject."""

import json
from dataclasses import replace

import pytest

from issuer.house import BANK, CALLBACK, KEYS, URL, WEATHER, House, Person, error, lived
from tokenward.base.problems import CREDENTIAL_IN_CLAIM, Refusal
from tokenward.issuer.access_jwt import access_jwt, exposure
from tokenward.store.people_records import User
from tokenward.store.records import AccessToken
from tokenward.tokens import base64url
from tokenward.tokens.jws import verify_jws
from tokenward.tokens.release import MINIMUM
from tokenward.tokens.subjects import subject
from tokenward.tokens.validator import JwtValidator

CLAIMS = {"email": "ada@example.com", "email_verified": True, "name": "Ada", "team": ["red"], "iban": "DE1"}
JWKS = {"keys": [key.public_jwk() for key in KEYS]}
CARD = "4111111111111111"


async def ada(h: House, **claims) -> None:
    await h.issuer.store.add_user(User("user-1", "ada", "$hash", 0))
    await h.issuer.store.change_user_claims("user-1", {**CLAIMS, **claims}, 0)


def resources(h: House, audience: str, **policy) -> None:
    """The same issuer with another release policy for one audience."""
    known = h.issuer.settings.resources
    settings = replace(h.issuer.settings, resources={**known, audience: replace(known[audience], **policy)})
    object.__setattr__(h.issuer, "settings", settings)


def read(jwt: str, algorithm: str) -> dict[str, object]:
    return json.loads(verify_jws(jwt, JWKS, algorithms=[algorithm]))


async def id_token(app, **changes) -> dict[str, object]:
    return read((await app.redeem(await app.code(**changes))).json()["id_token"], "RS256")


@lived
async def test_by_default_everybody_gets_the_minimum(h: House):
    await ada(h)
    app = await h.client("web", "accounts:read", "openid", "profile", "email")
    server = await h.client("service", f"introspect:{BANK}")
    body = (await app.redeem(await app.code(nonce="n-1"))).json()
    assert set(read(body["id_token"], "RS256")) == set(MINIMUM["id_token"])
    assert set(await server.introspect(body["access_token"])) == set(MINIMUM["introspection"])
    assert set(await app.introspect(body["access_token"])) == set(MINIMUM["introspection"])


@lived
async def test_an_id_token_tells_what_its_policy_names_and_its_scope_covers(h: House):
    await ada(h)
    policy = ["email", "phone_number", "team", "preferred_username"]
    app = await h.client("spa", "accounts:read", "openid", "profile", "email", id_token_claims=policy)
    told = await id_token(app)
    more = {name: told[name] for name in told if name not in MINIMUM["id_token"]}
    assert more == {"email": "ada@example.com", "team": ["red"], "preferred_username": "ada"}
    told = await id_token(app, scope="accounts:read openid")
    assert set(told) - set(MINIMUM["id_token"]) == {"team"}, "no standard claim without its scope"
    other = await h.client("web", "openid", "email", id_token_claims=["email"])
    assert set(await id_token(other)) - set(MINIMUM["id_token"]) == {"email"}


@lived
async def test_consent_says_what_is_seen(h: House):
    app = await h.client("web", "openid", "email", "phone")
    await h.authorize(**app.request())
    assert h.pages.view.scopes["email"] == "See your e-mail address"
    assert h.pages.view.scopes["phone"] == "See your telephone number"


@lived
async def test_introspection_tells_its_audience_and_nobody_else(h: House):
    await ada(h)
    resources(h, BANK, introspection=("email", "auth_time", "amr", "absent"))
    app = await h.client("web", "accounts:read", "forecast:read")
    bank, weather = [await h.client("service", f"introspect:{each}") for each in (BANK, WEATHER)]
    token = (await app.redeem(await app.code(scope="accounts:read"))).json()["access_token"]
    told = await bank.introspect(token)
    assert {name: told[name] for name in set(told) - set(MINIMUM["introspection"])} == {
        "email": "ada@example.com",
        "auth_time": int(h.browser.person.auth_time),
        "amr": ["pwd"],
    }
    assert set(await app.introspect(token)) == set(MINIMUM["introspection"]), "the claims are for the API"
    forecast = (await app.redeem(await app.code(scope="forecast:read"))).json()["access_token"]
    assert set(await weather.introspect(forecast)) == set(MINIMUM["introspection"])
    own = (await (await h.client("service", "accounts:read")).token(grant_type="client_credentials")).json()
    assert set(await bank.introspect(own["access_token"])) == set(MINIMUM["introspection"])


@lived
async def test_a_changed_claim_is_told_at_once(h: House):
    await ada(h)
    resources(h, BANK, introspection=("email",))
    app = await h.client("web", "accounts:read")
    bank = await h.client("service", f"introspect:{BANK}")
    token = (await app.redeem(await app.code())).json()["access_token"]
    await h.issuer.store.change_user_claims("user-1", {"email": "new@example.com"}, 0)
    assert (await bank.introspect(token))["email"] == "new@example.com"
    await h.issuer.store.change_user_claims("user-1", {"email": None}, 0)
    assert "email" not in await bank.introspect(token)


@lived
async def test_a_credential_in_a_claim_is_an_error_and_consumes_nothing(h: House):
    await ada(h, note=CARD)
    resources(h, BANK, introspection=("note",))
    app = await h.client("web", "accounts:read", "openid", id_token_claims=["note"])
    bank = await h.client("service", f"introspect:{BANK}")
    code = await app.code()
    refused = await app.redeem(code)
    assert error(refused) == (500, "server_error")
    assert CARD not in refused.text
    await h.issuer.store.change_user_claims("user-1", {"note": "4111111111111112"}, 0)
    body = (await app.redeem(code)).json()
    assert read(body["id_token"], "RS256")["note"] == "4111111111111112"
    await h.issuer.store.change_user_claims("user-1", {"note": CARD}, 0)
    response = await bank.post("/introspect", token=body["access_token"])
    assert error(response) == (500, "server_error")
    assert CARD not in response.text


@lived
async def test_a_nonce_may_look_like_anything(h: House):
    app = await h.client("web", "openid")
    assert (await id_token(app, nonce=CARD))["nonce"] == CARD


@lived
async def test_pairwise_clients_know_one_person_by_different_subjects(h: House):
    await ada(h)
    pairwise = {"subject_type": "pairwise"}
    one = await h.client("web", "accounts:read", "openid", **pairwise)
    twin = await h.client("web", "accounts:read", "openid", **pairwise)
    other = await h.client(
        "web", "accounts:read", "openid", redirect_uris=("https://other.example/cb",), **pairwise
    )
    public = await h.client("web", "accounts:read", "openid")
    subjects = {}
    for name, app in {"one": one, "twin": twin, "public": public}.items():
        body = (await app.redeem(await app.code())).json()
        subjects[name] = read(body["id_token"], "RS256")["sub"]
        assert (await app.introspect(body["access_token"]))["sub"] == subjects[name]
    code = await other.code()
    body = (await other.redeem(code, redirect_uri="https://other.example/cb")).json()
    subjects["other"] = read(body["id_token"], "RS256")["sub"]
    assert subjects["one"] == subjects["twin"] == subject(h.issuer.pairwise_key, "user-1", "app.example")
    assert subjects["public"] == "user-1"
    assert len(set(subjects.values())) == 3
    h.browser.person = Person(user_id="user-2", username="bob")
    assert (await id_token(one))["sub"] != subjects["one"]


@lived
async def test_a_pairwise_audience_sees_a_subject_of_its_own(h: House):
    resources(h, BANK, sector=BANK)
    app = await h.client("web", "accounts:read", "openid", subject_type="pairwise")
    bank = await h.client("service", f"introspect:{BANK}")
    body = (await app.redeem(await app.code())).json()
    seen = {
        "user-1",
        read(body["id_token"], "RS256")["sub"],
        (await bank.introspect(body["access_token"]))["sub"],
    }
    assert len(seen) == 3
    own = (await (await h.client("service", "accounts:read")).token(grant_type="client_credentials")).json()
    told = await bank.introspect(own["access_token"])
    assert told["sub"] == told["client_id"], "a client that acts for itself is no person"


@lived
async def test_what_stands_for_a_pairwise_subject_is_revoked_by_its_person(h: House):
    app = await h.client("web", "accounts:read", "openid", subject_type="pairwise")
    token = (await app.redeem(await app.code())).json()["access_token"]
    now = h.clock.time()
    await h.issuer.store.revoke_issued_for_user("user-1", before=now, at=now)
    assert (await app.post("/introspect", token=token)).json() == {"active": False}


@lived
async def test_an_access_token_is_opaque_unless_its_client_is_configured_for_jwt(h: House):
    for client_type in ("web", "spa", "native"):
        app = await h.client(client_type, "accounts:read")
        assert "." not in (await app.redeem(await app.code())).json()["access_token"]


@lived
async def test_a_jwt_access_token_is_the_minimum_and_lives_like_an_opaque_one(h: House):
    await ada(h)
    resources(h, BANK, introspection=("email",))
    app = await h.client("web", "accounts:read", "offline_access", access_token_format="jwt")
    bank = await h.client("service", f"introspect:{BANK}")
    body = (await app.redeem(await app.code())).json()
    validator = JwtValidator(
        issuer=URL, audience=BANK, keys=JWKS, algorithms=["ES256"], clock=h.clock, max_lifetime=600
    )
    claims = validator.validate(body["access_token"])
    assert set(claims) == set(MINIMUM["outside"])
    assert (claims["sub"], claims["client_id"], claims["scope"]) == (
        "user-1",
        app.id,
        "accounts:read offline_access",
    )
    state = await h.issuer.store.access_token(claims["jti"])
    assert (state.token.user_id, int(state.token.expires_at)) == ("user-1", claims["exp"])
    assert (await bank.introspect(body["access_token"]))["email"] == "ada@example.com"
    renewed = (await app.refresh(body["refresh_token"])).json()["access_token"]
    assert validator.validate(renewed)["jti"] != claims["jti"]
    assert (await app.post("/revoke", token=body["access_token"])).json() == {}
    assert (await bank.introspect(body["access_token"])) == {"active": False}
    assert (await bank.introspect(renewed))["active"]


@lived
async def test_a_service_s_jwt_is_in_its_own_name(h: House):
    app = await h.client("service", "accounts:read", access_token_format="jwt")
    token = (await app.token(grant_type="client_credentials")).json()["access_token"]
    assert read(token, "ES256")["sub"] == app.id
    assert (await app.introspect(token))["active"]


@lived
async def test_a_jwt_hides_the_person_from_whoever_must_not_know(h: House):
    resources(h, BANK, sector=BANK)
    told = {}
    for name, policy in {"public": {}, "pairwise": {"subject_type": "pairwise"}}.items():
        app = await h.client("web", "accounts:read", access_token_format="jwt", **policy)
        token = (await app.redeem(await app.code())).json()["access_token"]
        told[name] = read(token, "ES256")["sub"]
        if name == "pairwise":
            assert (await app.introspect(token))["sub"] == told[name]
    key = h.issuer.pairwise_key
    assert told == {
        "public": subject(key, "user-1", BANK),
        "pairwise": subject(key, "user-1", "app.example"),
    }


@lived
async def test_a_jwt_that_was_not_issued_is_unknown_whoever_signed_it(h: House):
    app = await h.client("service", "accounts:read", access_token_format="jwt")
    token = (await app.token(grant_type="client_credentials")).json()["access_token"]
    header, payload, signature = token.split(".")
    # ECDSA: of one signature anybody makes another that verifies; it is not the text that was issued.
    raw = base64url.decode(signature)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    twin = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    malleated = f"{header}.{payload}.{base64url.encode(twin)}"
    assert verify_jws(malleated, JWKS, algorithms=["ES256"])
    claims = json.loads(base64url.decode(payload))
    others = [
        malleated,
        f"{header}.{base64url.encode(json.dumps({**claims, 'scope': 'all'}).encode())}.{signature}",
        f"{header}.{base64url.encode(b'{}')}.{signature}",
        f"{header}.{base64url.encode(json.dumps({'jti': 7}).encode())}.{signature}",
        f"{header}.{base64url.encode(json.dumps({'jti': '../../etc'}).encode())}.{signature}",
        "a.b.c",
        "..",
        f"{header}.%.{signature}",
    ]
    for other in others:
        assert (await app.post("/introspect", token=other)).json() == {"active": False}, other
        await app.post("/revoke", token=other)
    assert (await app.introspect(token))["active"], "nothing of that revoked it"


@lived
async def test_with_a_removed_key_goes_the_jwt_that_it_signed(h: House):
    app = await h.client("service", "accounts:read", access_token_format="jwt")
    opaque = await h.client("service", "accounts:read")
    token = (await app.token(grant_type="client_credentials")).json()["access_token"]
    other = (await opaque.token(grant_type="client_credentials")).json()["access_token"]
    ring = h.issuer.signing_keys
    ring.keys = [key for key in ring.keys if key.algorithm != "ES256"]
    assert await app.introspect(token) == {"active": False}
    assert (await opaque.introspect(other))["active"]


@lived
async def test_a_stranger_can_neither_look_at_a_jwt_nor_revoke_it(h: House):
    app = await h.client("service", "accounts:read", access_token_format="jwt")
    stranger = await h.client("service", "accounts:read")
    token = (await app.token(grant_type="client_credentials")).json()["access_token"]
    assert (await stranger.post("/introspect", token=token)).json() == {"active": False}
    assert error(await stranger.post("/revoke", token=token)) == (400, "invalid_grant")
    assert (await app.introspect(token))["active"]


@pytest.mark.parametrize(
    ("client_type", "policy", "why"),
    [
        ("web", {"id_token_claims": ["*"]}, "wildcard"),
        ("web", {"id_token_claims": ["sub"]}, "protocol"),
        ("web", {"id_token_claims": ["client_secret"]}, "a secret"),
        ("service", {"id_token_claims": ["email"]}, "no ID tokens"),
        ("service", {"subject_type": "pairwise"}, "acts for itself"),
        ("web", {"sector": "app.example"}, "pairwise"),
        ("native", {"subject_type": "pairwise", "redirect_uris": ("http://127.0.0.1/cb",)}, "sector"),
        ("web", {"subject_type": "pairwise", "redirect_uris": (CALLBACK, "https://b.example/")}, "sector"),
        ("web", {"client_id": CARD}, "payment card"),
    ],
)
def test_what_no_client_can_be_configured_for(tmp_path, client_type, policy, why):
    @lived
    async def check(h: House):
        with pytest.raises(Refusal) as refused:
            await h.client(client_type, **policy)
        assert refused.value.problem.code == "invalid_input"
        assert why in refused.value.detail

    check(tmp_path)


@lived
async def test_the_lint_tells_every_claim_that_a_jwt_exposes(h: House):
    opaque = await h.client("web", "accounts:read")
    assert exposure(opaque.client) == ()
    app = await h.client("web", "accounts:read", access_token_format="jwt")
    token = (await app.redeem(await app.code())).json()["access_token"]
    lines = exposure(app.client)
    assert [line.partition(":")[0] for line in lines[:8]] == list(read(token, "ES256"))
    assert "cannot be unsaid" in " ".join(lines)


@lived
async def test_a_credential_in_a_readable_access_token_is_refused_and_not_repeated(h: House):
    app = await h.client("service", "accounts:read", access_token_format="jwt")
    record = AccessToken(
        "t1", b"", None, app.id, None, ("accounts:read", CARD), BANK, "client_secret", 0.0, 600.0
    )
    with pytest.raises(Refusal) as refused:
        access_jwt(h.issuer, app.client, record)
    assert refused.value.problem is CREDENTIAL_IN_CLAIM
    assert CARD not in refused.value.detail
