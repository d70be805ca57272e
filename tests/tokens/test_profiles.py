"""Access tokens as issuers document them pass; what else they sign for the same audience does not."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tokens.minting import (
    ABSENT,
    COMMON,
    JWKS,
    NOT_OF_AN_ID_TOKEN,
    NOT_OF_ANOTHER_KIND,
    NOW,
    Cases,
    changed,
    judge,
    mint,
    unnoticed,
    without,
)
from tokenward import JwtValidator
from tokenward.base.clock import ManualClock
from tokenward.tokens.kinds import KINDS
from tokenward.tokens.profiles import PROFILES

TIMES = {"iat": NOW - 10, "exp": NOW + 3590}
LOGOUT = {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}, "jti": "l", "sid": "s"}
OWN = COMMON | NOT_OF_ANOTHER_KIND | NOT_OF_AN_ID_TOKEN


@dataclass(frozen=True)
class Issuer:
    """What an issuer documents.

    Attributes:
        profile: the name of its profile.
        good: claims of an access token.
        client: whom it was issued to.
        scopes: what it allows.
        also_good: changes that give other access tokens of the issuer.
        others: what else it signs, for the same audience.
        bad: what a rule of the profile forbids.
        typ: of the header.
    """

    profile: str
    good: dict[str, Any]
    client: str
    scopes: frozenset[str]
    others: dict[str, dict[str, Any]]
    bad: Cases
    also_good: list[dict[str, Any]] = field(default_factory=list)
    typ: object = "JWT"


TENANT = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
API = "11112222-bbbb-3333-cccc-4444dddd5555"
ENTRA = TIMES | {
    "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "aud": API,
    "nbf": NOW - 10,
    "aio": "AXQAi/8IAAAA",
    "azp": "00001111-aaaa-2222-bbbb-3333cccc4444",
    "azpacr": "0",
    "name": "Abe Lincoln",
    "oid": "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb",
    "preferred_username": "abe@example.com",
    "rh": "I",
    "scp": "access_as_user files.read",
    "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
    "tid": TENANT,
    "uti": "fqiBqXLPj0eQa82S-IYFAA",
    "ver": "2.0",
}
ENTRA_ID = changed(ENTRA, {"azp": ABSENT, "azpacr": ABSENT, "scp": ABSENT, "nonce": "12345"})

KEYCLOAK = TIMES | {
    "iss": "https://sso.example/realms/shop",
    "aud": "account",
    "jti": "onrtac:3b1f",
    "sub": "7f1ba2a2-c6b5-4b0f-a4c2-6c6f2ea9f9d2",
    "typ": "Bearer",
    "azp": "web-shop",
    "sid": "a86d8a5a",
    "acr": "1",
    "allowed-origins": ["https://shop.example"],
    "realm_access": {"roles": ["offline_access"]},
    "scope": "openid profile email",
    "email_verified": True,
}
COGNITO = TIMES | {
    "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example",
    "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
    "client_id": "xxxxxxxxxxxxexample",
    "cognito:groups": ["admin"],
    "origin_jti": "o",
    "event_id": "e",
    "token_use": "access",
    "scope": "phone openid profile",
    "auth_time": NOW - 10,
    "jti": "j",
    "username": "my-test-user",
}
COGNITO_ID = changed(
    COGNITO, {"aud": COGNITO["client_id"], "client_id": ABSENT, "token_use": "id", "scope": ABSENT}
)

ISSUERS = [
    Issuer(
        "jwt",
        TIMES | {"iss": "https://idp.example", "aud": "api", "sub": "u", "client_id": "c", "scope": "a b"},
        client="c",
        scopes=frozenset({"a", "b"}),
        others={
            "ID token": {"nonce": "n"},
            "ID token without a nonce": {"at_hash": "x", "azp": "c"},
            "logout token": LOGOUT,
            "Keycloak's refresh token": {"typ": "Refresh"},
            "Cognito's ID token": {"token_use": "id"},
        },
        bad=OWN
        | {
            "client_id a number": ({"client_id": 1}, "claim_type"),
            "azp a number": ({"azp": 1}, "claim_type"),
            "scope an array": ({"scope": ["a"]}, "claim_type"),
        },
        also_good=[{"client_id": ABSENT, "azp": "c"}, {"token_use": "access"}],
    ),
    Issuer(
        "entra",
        ENTRA,
        client=ENTRA["azp"],
        scopes=frozenset({"access_as_user", "files.read"}),
        others={
            "ID token": {"azp": ABSENT, "azpacr": ABSENT, "scp": ABSENT, "nonce": "12345"},
            "ID token without a nonce": {"azp": ABSENT, "azpacr": ABSENT, "scp": ABSENT},
            "ID token with roles": {"azp": ABSENT, "azpacr": ABSENT, "scp": ABSENT, "roles": ["Admin"]},
        },
        bad=OWN
        | {
            "tid missing": ({"tid": ABSENT}, "claim_missing"),
            "tid a number": ({"tid": 1}, "claim_type"),
            "tid of another tenant": ({"tid": "99999999-0000-cccc-1111-dddd2222eeee"}, "wrong_issuer"),
            "a part of the tid": ({"tid": TENANT[:8]}, "wrong_issuer"),
            "ver missing": ({"ver": ABSENT}, "claim_missing"),
            "ver of the future": ({"ver": "3.0"}, "wrong_kind"),
            "ver a number": ({"ver": 2.0}, "wrong_kind"),
            "azp missing": ({"azp": ABSENT}, "claim_missing"),
            "azp a number": ({"azp": 1}, "claim_type"),
            "appid a number": ({"appid": 1}, "claim_type"),
            "idtyp a number": ({"idtyp": 1}, "claim_type"),
            "scp an array": ({"scp": ["a"]}, "claim_type"),
            "roles a text": ({"roles": "Admin"}, "claim_type"),
            "an application without any permission": ({"scp": ABSENT}, "claim_missing"),
            "a person without any permission": ({"scp": ABSENT, "idtyp": "user"}, "claim_missing"),
        },
        also_good=[
            {"scp": ABSENT, "roles": ["Tasks.Read.All"]},
            {"scp": ABSENT, "idtyp": "app"},
            {"azp": ABSENT, "appid": "a", "appidacr": "1", "ver": "1.0"},
            {"exp": NOW - 10 + 28 * 3600},
        ],
    ),
    Issuer(
        "auth0",
        TIMES
        | {
            "iss": "https://my-domain.auth0.com/",
            "sub": "auth0|123456",
            "aud": ["https://example.com/health-api", "https://my-domain.auth0.com/userinfo"],
            "azp": "my_client_id",
            "scope": "openid profile read:patients",
        },
        client="my_client_id",
        scopes=frozenset({"openid", "profile", "read:patients"}),
        others={
            "ID token": {"azp": ABSENT, "scope": ABSENT, "nonce": "n", "sid": "s"},
            "ID token without a nonce": {"azp": ABSENT, "scope": ABSENT, "sid": "s"},
            "logout token": LOGOUT,
        },
        bad=OWN
        | {
            "no client": ({"azp": ABSENT}, "claim_missing"),
            "azp a number": ({"azp": 1}, "claim_type"),
            "client_id a number": ({"client_id": 1}, "claim_type"),
            "scope an array": ({"scope": ["a"]}, "claim_type"),
            "permissions a text": ({"permissions": "read"}, "claim_type"),
        },
        also_good=[
            {"azp": ABSENT, "client_id": "my_client_id", "jti": "j"},
            {"sub": "my_client_id@clients", "gty": "client-credentials", "scope": ABSENT},
            {"permissions": ["read:patients"], "exp": NOW - 10 + 30 * 86_400},
        ],
    ),
    Issuer(
        "okta",
        TIMES
        | {
            "ver": 1,
            "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
            "iss": "https://example.okta.com/oauth2/default",
            "aud": "api://default",
            "sub": "user@example.com",
            "cid": "0oabv6kx4qq6h1U5l0h7",
            "uid": "00ujmkLgagxeRrAg20g3",
            "scp": ["openid", "email"],
            "auth_time": NOW - 60,
        },
        client="0oabv6kx4qq6h1U5l0h7",
        scopes=frozenset({"openid", "email"}),
        others={
            "ID token": {"cid": ABSENT, "uid": ABSENT, "scp": ABSENT, "jti": "ID.x", "at_hash": "x"},
            "ID token without hashes": {"cid": ABSENT, "uid": ABSENT, "scp": ABSENT, "jti": "ID.x"},
        },
        bad=OWN
        | {
            "cid missing": ({"cid": ABSENT}, "claim_missing"),
            "cid a number": ({"cid": 1}, "claim_type"),
            "uid a number": ({"uid": 1}, "claim_type"),
            "scp a text": ({"scp": "openid"}, "claim_type"),
            "scp with two names in one": ({"scp": ["openid email"]}, "claim_type"),
        },
        also_good=[{"uid": ABSENT, "sub": "0oabv6kx4qq6h1U5l0h7"}],
        typ=ABSENT,
    ),
    Issuer(
        "keycloak",
        KEYCLOAK,
        client="web-shop",
        scopes=frozenset({"openid", "profile", "email"}),
        others={
            "ID token": {"typ": "ID", "at_hash": "x", "nonce": "n"},
            "ID token without hashes": {"typ": "ID"},
            "refresh token": {"typ": "Refresh"},
            "offline token": {"typ": "Offline"},
            "logout token": {"typ": "Logout"} | LOGOUT,
        },
        bad=without(OWN, "nonce")
        | {
            "typ missing": ({"typ": ABSENT}, "claim_missing"),
            "typ an array": ({"typ": ["Bearer"]}, "wrong_kind"),
            "nonce a number": ({"nonce": 1}, "claim_type"),
            "azp missing": ({"azp": ABSENT}, "claim_missing"),
            "azp a number": ({"azp": 1}, "claim_type"),
            "scope an array": ({"scope": ["a"]}, "claim_type"),
        },
        also_good=[{"nonce": "before version 25"}, {"typ": "DPoP"}, {"aud": ["account", "broker"]}],
    ),
    Issuer(
        "cognito",
        COGNITO,
        client="xxxxxxxxxxxxexample",
        scopes=frozenset({"phone", "openid", "profile"}),
        others={"ID token": {**COGNITO_ID, "client_id": ABSENT, "scope": ABSENT}},
        bad=without(OWN, "aud missing", "jti a number")
        | {
            "jti a number": ({"jti": 1}, "claim_type"),
            "client of another": ({"client_id": "another"}, "wrong_audience"),
            "client_id missing": ({"client_id": ABSENT}, "claim_missing"),
            "client_id a number": ({"client_id": 1}, "claim_type"),
            "token_use missing": ({"token_use": ABSENT}, "claim_missing"),
            "scope an array": ({"scope": ["a"]}, "claim_type"),
        },
        also_good=[{"aud": COGNITO["client_id"]}],
        typ=ABSENT,
    ),
    Issuer(
        "google-service-account",
        TIMES
        | {
            "iss": "https://accounts.google.com",
            "aud": "https://service.example.run.app",
            "azp": "113774264463038321964",
            "email": "robot@project.iam.gserviceaccount.com",
            "email_verified": True,
            "sub": "113774264463038321964",
        },
        client="113774264463038321964",
        scopes=frozenset(),
        others={
            "a person's sign-in": {"azp": "32555940559.apps.googleusercontent.com", "at_hash": "x"},
            "a person's sign-in without hashes": {"azp": "32555940559.apps.googleusercontent.com"},
        },
        bad=OWN
        | {
            "azp missing": ({"azp": ABSENT}, "claim_missing"),
            "azp a number": ({"azp": 1}, "claim_type"),
            "email a number": ({"email": 1, "azp": "113774264463038321964"}, "claim_type"),
            "an address that nobody verified": ({"email_verified": False}, "wrong_kind"),
            "azp an OAuth client": ({"azp": "1.apps.googleusercontent.com"}, "wrong_kind"),
        },
        also_good=[
            {"email": ABSENT, "email_verified": ABSENT},
            {"azp": "robot@project.iam.gserviceaccount.com"},
        ],
    ),
]
BY_ISSUER = pytest.mark.parametrize("issuer", ISSUERS, ids=[issuer.profile for issuer in ISSUERS])


def test_every_profile_has_its_issuer():
    assert [issuer.profile for issuer in ISSUERS] == list(PROFILES)
    assert not PROFILES.keys() & KINDS.keys()


@BY_ISSUER
def test_an_access_token_as_its_issuer_documents_it_passes(issuer: Issuer):
    kind = PROFILES[issuer.profile]
    for changes in [{}, *issuer.also_good]:
        assert judge(kind, issuer.good, changed(issuer.good, changes), typ=issuer.typ) == "good", changes
    for typ in kind.typ:
        assert judge(kind, issuer.good, issuer.good, typ=ABSENT if typ is None else typ) == "good"


@BY_ISSUER
def test_client_and_scopes_are_found_under_their_names(issuer: Issuer):
    audience = issuer.good.get("aud", issuer.client)
    validator = JwtValidator(
        issuer=issuer.good["iss"],
        audience=audience[0] if isinstance(audience, list) else audience,
        keys=JWKS,
        algorithms=["ES256"],
        kind=issuer.profile,
        clock=ManualClock(NOW),
    )
    claims = validator.validate(mint(issuer.good, typ=issuer.typ))
    assert (claims.client_id, claims.scopes) == (issuer.client, issuer.scopes)


OTHERS = [
    pytest.param(issuer, changes, id=f"{issuer.profile} {name}")
    for issuer in ISSUERS
    for name, changes in issuer.others.items()
]


@pytest.mark.parametrize(("issuer", "changes"), OTHERS)
def test_what_else_the_issuer_signs_does_not_pass(issuer: Issuer, changes: dict[str, Any]):
    claims = changed(issuer.good, changes)
    assert judge(PROFILES[issuer.profile], issuer.good, claims, typ=issuer.typ) != "good"


@BY_ISSUER
def test_nor_does_what_names_another_type(issuer: Issuer):
    for typ in ("logout+jwt", "dpop+jwt", "client-authentication+jwt", "application/okta-internal-at+jwt"):
        assert judge(PROFILES[issuer.profile], issuer.good, issuer.good, typ=typ) == "typ_mismatch"


BAD = [
    pytest.param(issuer, changes, code, id=f"{issuer.profile} {name}")
    for issuer in ISSUERS
    for name, (changes, code) in issuer.bad.items()
]


@pytest.mark.parametrize(("issuer", "changes", "code"), BAD)
def test_what_a_rule_forbids_is_refused(issuer: Issuer, changes: dict[str, Any], code: str):
    claims = changed(issuer.good, changes)
    assert judge(PROFILES[issuer.profile], issuer.good, claims, typ=issuer.typ) == code


@BY_ISSUER
def test_no_rule_of_a_profile_could_be_taken_out_unnoticed(issuer: Issuer):
    cases = issuer.bad | {f"also good {at}": (changes, "good") for at, changes in enumerate(issuer.also_good)}
    assert unnoticed(PROFILES[issuer.profile], issuer.good, cases, typ=issuer.typ) == []


@BY_ISSUER
def test_an_access_token_is_no_sign_in_even_for_its_own_client(issuer: Issuer):
    if issuer.profile in ("jwt", "google-service-account"):  # the second is an ID token indeed
        return
    claims = issuer.good | {"aud": issuer.client}
    assert judge(KINDS["id_token"], issuer.good | {"aud": issuer.client}, claims, typ=issuer.typ) != "good"


def test_entra_id_tokens_and_cognito_id_tokens_are_sign_ins():
    assert judge(KINDS["id_token"], ENTRA_ID, ENTRA_ID, typ="JWT") == "good"
    assert judge(KINDS["id_token"], COGNITO_ID, COGNITO_ID) == "good"


def test_a_cognito_token_for_a_resource_is_for_that_resource_alone():
    good = COGNITO | {"aud": "https://api.example"}
    assert judge(PROFILES["cognito"], good, good) == "good"
    assert judge(PROFILES["cognito"], COGNITO, good) == "wrong_audience"
