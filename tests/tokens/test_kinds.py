"""Each kind of JWT that a specification defines: what it must have, and that no other passes for it."""

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
from tokenward.tokens.kinds import KINDS, Kind
from tokenward.tokens.profiles import PROFILES
from tokenward.tokens.validator import find_kind

ISSUER = "https://issuer.example"
CLIENT = "client-1"
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
BASE = {"iss": ISSUER, "aud": "https://api.example", "iat": NOW, "exp": NOW + 60, "sub": "user-1"}


@dataclass(frozen=True)
class Table:
    """A good token of a kind, other good ones, and what must not pass."""

    kind: Kind
    typ: str
    good: dict[str, Any]
    bad: Cases
    also_good: list[dict[str, Any]] = field(default_factory=list)
    typ_optional: bool = False


TABLES = [
    Table(
        KINDS["at+jwt"],
        "at+jwt",
        BASE | {"client_id": CLIENT, "scope": "read write", "jti": "j"},
        COMMON
        | {
            "client_id a number": ({"client_id": 1}, "claim_type"),
            "scope an array": ({"scope": ["read"]}, "claim_type"),
            "scope with two spaces": ({"scope": "read  write"}, "claim_type"),
            "an hour and a second": ({"exp": NOW + 3601}, "lifetime_too_long"),
        },
        also_good=[{"client_id": ABSENT, "scope": ABSENT, "jti": ABSENT}, {"aud": ["x", BASE["aud"]]}],
    ),
    Table(
        KINDS["id_token"],
        "JWT",
        BASE | {"aud": CLIENT, "nonce": "n", "auth_time": NOW - 5, "acr": "1", "amr": ["pwd"]},
        COMMON
        | NOT_OF_ANOTHER_KIND
        | {name: ({name: 1}, "claim_type") for name in ("nonce", "azp", "at_hash", "c_hash", "acr")}
        | {name: ({name: "x"}, "claim_forbidden") for name in ("scope", "scp", "cid", "azpacr", "appidacr")}
        | {
            "auth_time a text": ({"auth_time": "1"}, "claim_type"),
            "auth_time ahead": ({"auth_time": NOW + 31}, "issued_in_future"),
            "amr a text": ({"amr": "pwd"}, "claim_type"),
            "amr with an empty text": ({"amr": [""]}, "claim_type"),
            "a Cognito access token": ({"token_use": "access"}, "wrong_kind"),
            "a Keycloak access token": ({"typ": "Bearer"}, "wrong_kind"),
            "longer than a day": ({"exp": NOW + 86_401}, "lifetime_too_long"),
        },
        also_good=[{"nonce": ABSENT, "auth_time": ABSENT}, {"typ": "ID"}, {"token_use": "id"}],
        typ_optional=True,
    ),
    Table(
        KINDS["logout+jwt"],
        "logout+jwt",
        BASE | {"aud": CLIENT, "jti": "j", "sid": "s", "events": {LOGOUT: {}}},
        without(COMMON, "sub missing")
        | {
            "neither sub nor sid": ({"sub": ABSENT, "sid": ABSENT}, "claim_missing"),
            "sid a number": ({"sid": 1}, "claim_type"),
            "jti missing": ({"jti": ABSENT}, "claim_missing"),
            "events missing": ({"events": ABSENT}, "claim_missing"),
            "events a text": ({"events": LOGOUT}, "wrong_kind"),
            "another event": ({"events": {"https://x.example/event": {}}}, "wrong_kind"),
            "the event no object": ({"events": {LOGOUT: None}}, "wrong_kind"),
            "a nonce": ({"nonce": "n"}, "claim_forbidden"),
            "longer than ten minutes": ({"exp": NOW + 601}, "lifetime_too_long"),
        },
        also_good=[
            {"sub": ABSENT},
            {"sid": ABSENT},
            {"events": {LOGOUT: {}, "revoke_offline_access": True}},  # Keycloak
        ],
    ),
    Table(
        KINDS["client-authentication+jwt"],
        "client-authentication+jwt",
        BASE | {"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "j"},
        without(COMMON, "iat missing", "iss of another")
        | NOT_OF_ANOTHER_KIND
        | NOT_OF_AN_ID_TOKEN
        | {
            "iss of another": ({"iss": "client-2", "sub": "client-2"}, "wrong_issuer"),
            "about another": ({"sub": "client-2"}, "wrong_subject"),
            "jti missing": ({"jti": ABSENT}, "claim_missing"),
            # draft-ietf-oauth-rfc7523bis: one audience, and not in an array.
            "aud an array": ({"aud": [ISSUER]}, "claim_type"),
            "aud the token endpoint": ({"aud": f"{ISSUER}/token"}, "wrong_audience"),
            "an hour without iat": ({"iat": ABSENT, "exp": NOW + 3601}, "lifetime_too_long"),
        },
        also_good=[{"iat": ABSENT}],
        typ_optional=True,
    ),
    Table(
        KINDS["token-introspection+jwt"],
        "token-introspection+jwt",
        {"iss": ISSUER, "aud": "api", "iat": NOW, "token_introspection": {"active": True, "sub": "u"}},
        without(COMMON, "exp missing", "expired", "exp a text", "sub missing", "sub empty", "exp before iat")
        | {
            "exp": ({"exp": NOW + 60}, "claim_forbidden"),
            "sub": ({"sub": "user-1"}, "claim_forbidden"),
            "old": ({"iat": NOW - 330}, "expired"),
            "no answer": ({"token_introspection": ABSENT}, "claim_missing"),
            "the answer a text": ({"token_introspection": "active"}, "claim_type"),
            "active a text": ({"token_introspection": {"active": "false"}}, "claim_type"),
        },
        also_good=[{"token_introspection": {"active": False}}, {"iat": NOW - 329}],
    ),
    Table(
        KINDS["oauth-authz-req+jwt"],
        "oauth-authz-req+jwt",
        {"iss": CLIENT, "aud": ISSUER, "exp": NOW + 60, "client_id": CLIENT, "response_type": "code"},
        without(COMMON, "iat missing", "sub missing", "iss of another")
        | {
            "iss of another": ({"iss": "client-2", "client_id": "client-2"}, "wrong_issuer"),
            "client_id of another": ({"client_id": "client-2"}, "wrong_subject"),
            "client_id missing": ({"client_id": ABSENT}, "claim_missing"),
            "client_id a number": ({"client_id": 1}, "claim_type"),
            "response_type missing": ({"response_type": ABSENT}, "claim_missing"),
            "response_type an array": ({"response_type": ["code"]}, "claim_type"),
            "about the client": ({"sub": CLIENT}, "claim_forbidden"),  # RFC 9101 §10.8
            "request": ({"request": "x"}, "claim_forbidden"),
            "request_uri": ({"request_uri": "x"}, "claim_forbidden"),
        },
        also_good=[{"iat": NOW, "sub": "user-1"}],
        typ_optional=True,
    ),
]
BY_KIND = pytest.mark.parametrize("table", TABLES, ids=[table.kind.name for table in TABLES])


def test_every_kind_has_its_table():
    assert [table.kind.name for table in TABLES] == list(KINDS)


@BY_KIND
def test_a_good_one_is_accepted(table: Table):
    for changes in [{}, *table.also_good]:
        assert judge(table.kind, table.good, changed(table.good, changes), typ=table.typ) == "good", changes


BAD = [
    pytest.param(table, changes, code, id=f"{table.kind.name} {name}")
    for table in TABLES
    for name, (changes, code) in table.bad.items()
]


@pytest.mark.parametrize(("table", "changes", "code"), BAD)
def test_what_a_rule_forbids_is_refused(table: Table, changes: dict[str, Any], code: str):
    assert judge(table.kind, table.good, changed(table.good, changes), typ=table.typ) == code


@BY_KIND
def test_no_rule_of_a_kind_could_be_taken_out_unnoticed(table: Table):
    assert unnoticed(table.kind, table.good, table.bad, typ=table.typ) == []


@BY_KIND
def test_the_type_is_explicit_or_none(table: Table):
    name = table.typ.upper()
    for typ, good in (
        (f"application/{name}", True),
        (ABSENT, table.typ_optional),
        ("JWT", table.typ_optional),
        ("application/at+jwt+x", False),
        ("text/jwt", False),
        ("dpop+jwt", False),
        ("secevent+jwt", False),
    ):
        expected = "good" if good else "typ_mismatch"
        assert judge(table.kind, table.good, table.good, typ=typ) == expected, typ


# By kind, as what else it passes where one issuer has one audience for everything, as at its worst.
PASSES = {
    # What RFC 9068 asks for is more than what these profiles can.
    "at+jwt": {"jwt", "auth0"},
    # Only if whoever validates trusts a client as if it were an issuer; it signs nothing but assertions.
    "client-authentication+jwt": {"id_token", "jwt"},
}


@BY_KIND
def test_no_kind_passes_for_another(table: Table):
    passes = {
        other.name
        for other in [*KINDS.values(), *PROFILES.values()]
        for typ in (ABSENT, "JWT", table.typ)
        if judge(other, table.good, table.good, typ=typ) == "good"
    }
    assert passes - {table.kind.name} == PASSES.get(table.kind.name, set())


def test_a_kind_that_does_not_exist_is_a_value_error():
    for name in ("at", "", None, 1, ["at+jwt"]):
        with pytest.raises(ValueError, match="kind must be one of"):
            find_kind(name)


def test_an_id_token_is_never_validated_without_its_sign_in():
    with pytest.raises(ValueError, match="IdTokenValidator"):
        JwtValidator(issuer=ISSUER, audience=CLIENT, keys=JWKS, algorithms=["ES256"], kind="id_token")


def test_a_nested_jwt_is_none_of_these():
    table = TABLES[0]
    assert judge(table.kind, table.good, table.good, typ=table.typ, cty="JWT") == "header_refused"


def test_what_was_introspected_is_told():
    table = TABLES[4]
    validator = JwtValidator(
        issuer=ISSUER,
        audience="api",
        keys=JWKS,
        algorithms=["ES256"],
        kind="token-introspection+jwt",
        clock=ManualClock(NOW),
    )
    claims = validator.validate(mint(table.good, typ=table.typ))
    assert claims["token_introspection"]["active"] is True
    assert claims.subject == ""
    assert claims.expires_at == float("inf")
