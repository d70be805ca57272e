"""OpenID Connect Core §3.1.3.7 and §3.3.2.11: an ID token is the answer to one sign-in, or nothing."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokens.minting import ABSENT, JWKS, NOW, changed, mint
from tokenward import InvalidToken, VerifiedClaims
from tokenward.base.clock import ManualClock
from tokenward.tokens import IdTokenValidator, SignIn, base64url
from tokenward.tokens.id_token import left_half_hash
from tokenward.tokens.keys import SigningKey

ISSUER = "https://op.example"
CLIENT = "s6BhdRkqt3"
ACCESS_TOKEN = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"  # tokenward:allow reason=OpenID Connect Core
CODE = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"
GOOD = {
    "iss": ISSUER,
    "aud": CLIENT,
    "sub": "248289761001",
    "iat": NOW,
    "exp": NOW + 600,
    "nonce": "n-0S6_WzA2Mj",
}
SIGN_IN: dict[str, Any] = {
    "nonce": "n-0S6_WzA2Mj",
    "access_token": None,
    "code": None,
    "max_age": None,
    "acr_values": (),
}


def validator(**changes: Any) -> IdTokenValidator:
    settings = {
        "issuer": ISSUER,
        "client_id": CLIENT,
        "keys": JWKS,
        "algorithms": ["ES256"],
        "clock": ManualClock(NOW),
    }
    return IdTokenValidator(**(settings | changes))


STRICT = validator()


def outcome(claims: dict[str, Any], **sign_in: Any) -> str:
    token, wanted = mint(changed(GOOD, claims), typ="JWT"), SignIn(**(SIGN_IN | sign_in))
    results = []
    for call in (STRICT.validate, lambda *each: asyncio.run(STRICT.validate_async(*each))):
        try:
            results.append("good" if isinstance(call(token, wanted), VerifiedClaims) else "")
        except InvalidToken as error:
            results.append(error.code)
    assert results[0] == results[1]
    return results[0]


AT_HASH, C_HASH = "77QmUPtjPfzWtF2AnpK9RQ", "LDktKdoQak3Pk0cnXxCltA"
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    # claims, sign-in, outcome
    "as it is": ({}, {}, "good"),
    # §3.1.3.7, numbers 2 and 3
    "another issuer": ({"iss": "https://op.example/"}, {}, "wrong_issuer"),
    "for another client": ({"aud": "another"}, {}, "wrong_audience"),
    # numbers 4 and 5
    "for several, and nobody says for whom": ({"aud": [CLIENT, "another"]}, {}, "wrong_party"),
    "for several, and for us": ({"aud": [CLIENT, "another"], "azp": CLIENT}, {}, "good"),
    "for several, and for another": ({"aud": [CLIENT, "another"], "azp": "another"}, {}, "wrong_party"),
    "for us, and used by another": ({"azp": "another"}, {}, "wrong_party"),
    "for us in an array": ({"aud": [CLIENT]}, {}, "good"),
    # numbers 9 and 10
    "expired": ({"iat": NOW - 90, "exp": NOW - 30}, {}, "expired"),
    "issued ahead": ({"iat": NOW + 31}, {}, "issued_in_future"),
    # number 11
    "another nonce": ({"nonce": "n-0S6_WzA2Mk"}, {}, "nonce_mismatch"),
    "no nonce": ({"nonce": ABSENT}, {}, "nonce_mismatch"),
    "a nonce that was not asked for": ({}, {"nonce": None}, "nonce_mismatch"),
    "none asked for, none there": ({"nonce": ABSENT}, {"nonce": None}, "good"),
    "a nonce that is no Unicode": ({"nonce": "?"}, {"nonce": "\ud800"}, "nonce_mismatch"),
    # number 12
    "one of the acr values": ({"acr": "b"}, {"acr_values": ("a", "b")}, "good"),
    "none of the acr values": ({"acr": "c"}, {"acr_values": ("a", "b")}, "sign_in_too_weak"),
    "no acr": ({}, {"acr_values": ["a"]}, "sign_in_too_weak"),
    "an acr that nobody asked for": ({"acr": "c"}, {}, "good"),
    # number 13
    "just signed in": ({"auth_time": NOW}, {"max_age": 0}, "good"),
    "within max_age and leeway": ({"auth_time": NOW - 330}, {"max_age": 300}, "good"),
    "before that": ({"auth_time": NOW - 331}, {"max_age": 300}, "sign_in_too_old"),
    "nobody knows when": ({}, {"max_age": 300}, "sign_in_too_old"),
    "signed in tomorrow": ({"auth_time": NOW + 86_400}, {"max_age": 300}, "issued_in_future"),
    # §3.1.3.8, with the examples of appendices A.3 and A.4
    "the access token that came with it": ({"at_hash": AT_HASH}, {"access_token": ACCESS_TOKEN}, "good"),
    "another access token": ({"at_hash": AT_HASH}, {"access_token": "another"}, "hash_mismatch"),
    "an access token from the token endpoint": ({}, {"access_token": ACCESS_TOKEN}, "good"),
    "a hash and no access token": ({"at_hash": AT_HASH}, {}, "hash_mismatch"),
    "an access token that is no Unicode": ({"at_hash": AT_HASH}, {"access_token": "\ud800"}, "hash_mismatch"),
    # §3.3.2.9 to 3.3.2.11
    "the code that came with it": ({"c_hash": C_HASH}, {"code": CODE}, "good"),
    "another code": ({"c_hash": C_HASH}, {"code": "another"}, "hash_mismatch"),
    "a code without its hash": ({}, {"code": CODE}, "hash_mismatch"),
    "a hash and no code": ({"c_hash": C_HASH}, {}, "hash_mismatch"),
    "code and token": (
        {"c_hash": C_HASH, "at_hash": AT_HASH},
        {"code": CODE, "access_token": ACCESS_TOKEN},
        "good",
    ),
    "beside a code, a token without its hash": (
        {"c_hash": C_HASH},
        {"code": CODE, "access_token": ACCESS_TOKEN},
        "hash_mismatch",
    ),
    # What is no ID token: `test_kinds` has all of it.
    "an access token": ({"scope": "openid"}, {}, "claim_forbidden"),
    "bound to a key": ({"cnf": {"jkt": "x"}}, {}, "binding_required"),
}


@pytest.mark.parametrize(("claims", "sign_in", "expected"), CASES.values(), ids=CASES)
def test_an_id_token_is_held_against_its_sign_in(
    claims: dict[str, Any], sign_in: dict[str, Any], expected: str
):
    assert outcome(claims, **sign_in) == expected


def test_every_fact_of_the_request_is_given():
    for name in SIGN_IN:
        with pytest.raises(TypeError, match=name):
            SignIn(**{key: value for key, value in SIGN_IN.items() if key != name})


@pytest.mark.parametrize(
    "odd", [{"acr_values": "urn:mfa"}, {"max_age": -1}, {"max_age": True}, {"max_age": 1.5}, {"max_age": "1"}]
)
def test_a_request_that_cannot_have_been_is_refused(odd: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(odd))):
        SignIn(**(SIGN_IN | odd))


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("ES256", hashlib.sha256),
        ("PS384", hashlib.sha384),
        ("HS512", hashlib.sha512),
        ("EdDSA", hashlib.sha512),  # RFC 8032 §5.1
        ("Ed25519", hashlib.sha512),
    ],
)
def test_the_hash_is_that_of_the_signature(algorithm: str, digest: Callable[[bytes], Any]):
    whole = digest(ACCESS_TOKEN.encode()).digest()
    assert base64url.decode(left_half_hash(ACCESS_TOKEN, algorithm)) + whole[len(whole) // 2 :] == whole


def test_the_hash_follows_the_algorithm_of_this_token():
    key = SigningKey.generate("ES384")
    strict = validator(keys={"keys": [*JWKS["keys"], key.public_jwk()]}, algorithms=["ES256", "ES384"])
    sign_in = SignIn(**(SIGN_IN | {"access_token": ACCESS_TOKEN}))
    good = GOOD | {"at_hash": left_half_hash(ACCESS_TOKEN, "ES384")}
    assert strict.validate(mint(good, key), sign_in).subject == "248289761001"
    with pytest.raises(InvalidToken) as caught:
        strict.validate(mint(GOOD | {"at_hash": AT_HASH}, key), sign_in)
    assert caught.value.code == "hash_mismatch"


def test_a_client_secret_as_the_key_only_by_name():
    # §3.1.3.7 (8): the key is the octets of the client secret; weak ones do not load.
    # tokenward:allow reason=RFC 7515 prints it
    secret = {"kty": "oct", "k": "GawgguFyGrWKav7AX4VKUgKx1bMcWTd0nQ6n2bW8QzY"}
    assert validator(keys={"keys": [secret]}, algorithms=["HS256"])
    with pytest.raises(ValueError, match="symmetric"):
        validator(keys={"keys": [secret]})


json_values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.text())
)


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "azp", "acr", "amr", "auth_time", "at_hash", "c_hash"]),
        json_values,
        max_size=3,
    ),
    st.fixed_dictionaries({"code": st.none() | st.text(), "access_token": st.none() | st.characters()}),
)
def test_nothing_but_invalid_token_is_raised(claims: dict[str, Any], sign_in: dict[str, Any]):
    outcome(claims, **sign_in, max_age=10, acr_values=("a",))
