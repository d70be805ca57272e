import asyncio
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokens.attacks import ABSENT, AUDIENCE, ISSUER, NOW, Kit, b64
from tokenward import InvalidToken, JwtValidator, VerifiedClaims
from tokenward.base.clock import ManualClock
from tokenward.tokens.keys import SigningKey

KIT = Kit()


def validator(**changes: Any) -> JwtValidator:
    settings = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "keys": KIT.jwks,
        "algorithms": ["ES256", "RS256"],
        "clock": ManualClock(NOW),
    }
    return JwtValidator(**(settings | changes))


STRICT = validator()


def refusal(token: object, strict: JwtValidator = STRICT) -> str:
    with pytest.raises(InvalidToken) as caught:
        strict.validate(token)
    assert str(caught.value) == "the token is not valid"
    return caught.value.code


GOOD = {
    "as it is": ({}, {}),
    "typ with its full media type": ({"typ": "application/at+jwt"}, {}),
    "typ in capitals": ({"typ": "AT+JWT"}, {}),
    "several audiences": ({}, {"aud": ["other", AUDIENCE]}),
    "times with fractions": ({}, {"iat": NOW - 0.5, "exp": NOW + 59.5}),
    "no optional claim": ({}, {"nbf": ABSENT, "scope": ABSENT, "jti": ABSENT, "client_id": ABSENT}),
    "empty scope": ({}, {"scope": ""}),
    "unknown claim": ({}, {"tenant": {"id": [1, 2]}}),
    "just not expired": ({}, {"iat": NOW - 60, "nbf": NOW - 60, "exp": NOW - 29}),
    "clock ahead within the leeway": ({}, {"iat": NOW + 30, "nbf": NOW + 30}),
    "the longest life": ({}, {"exp": NOW + 3600}),
    "certificate thumbprint": ({"x5t": "AAAA"}, {}),
    "a surrogate pair": ({}, {"name": "\U0001f511"}),
}


@pytest.mark.parametrize(("header", "claims"), GOOD.values(), ids=GOOD)
def test_a_good_token_is_accepted(header: dict[str, Any], claims: dict[str, Any]):
    token = KIT.token(KIT.header(**header), KIT.claims(**claims))
    assert STRICT.validate(token).subject == "user-1"
    assert asyncio.run(STRICT.validate_async(token)).subject == "user-1"


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "PS256", "RS256"])
def test_each_algorithm_validates_its_own_and_nothing_altered(algorithm: str):
    key = SigningKey.generate(algorithm)
    strict = validator(keys={"keys": [key.public_jwk()]}, algorithms=[algorithm])
    token = KIT.token(KIT.header(alg=algorithm, kid=key.kid), key=key)
    assert strict.validate(token).issuer == ISSUER
    signature = bytearray(key.sign(token.rpartition(".")[0].encode()))
    signature[5] ^= 1
    assert refusal(f"{token.rpartition('.')[0]}.{b64(bytes(signature))}", strict) == "bad_signature"
    assert refusal(f"{token.rpartition('.')[0]}.{b64(bytes(signature[:-1]))}", strict) == "bad_signature"


def test_without_a_kid_the_one_eligible_key_is_taken():
    assert STRICT.validate(KIT.token(KIT.header(kid=ABSENT))).subject == "user-1"


def test_without_a_kid_two_eligible_keys_are_one_too_many():
    second = SigningKey.generate("ES256")
    strict = validator(keys={"keys": [KIT.key.public_jwk(), second.public_jwk()]})
    assert refusal(KIT.token(KIT.header(kid=ABSENT)), strict) == "no_kid"


def test_a_key_without_a_kid_is_no_answer_to_a_token_with_one():
    jwk = KIT.key.public_jwk()
    del jwk["kid"]
    strict = validator(keys={"keys": [jwk]})
    assert refusal(KIT.token(), strict) == "unknown_key"
    assert strict.validate(KIT.token(KIT.header(kid=ABSENT))).subject == "user-1"


def test_the_claims_are_read_and_cannot_be_changed():
    claims = STRICT.validate(KIT.token(claims=KIT.claims(aud=[AUDIENCE], scope="a b", act={"sub": ["x"]})))
    assert isinstance(claims, VerifiedClaims)
    assert claims.audience == (AUDIENCE,)
    assert (claims.scope, claims.scopes) == ("a b", {"a", "b"})
    assert (claims.issued_at, claims.expires_at) == (NOW, NOW + 60)
    assert claims["jti"] == "j-1"
    assert claims.get("nothing") is None
    assert set(claims) == {*KIT.claims(), "act"}
    assert claims["act"]["sub"] == ("x",)
    with pytest.raises(TypeError):
        claims["sub"] = "admin"  # type: ignore[index]
    with pytest.raises(TypeError):
        claims["act"]["sub"] = "admin"
    with pytest.raises(AttributeError):
        claims._claims = {}  # type: ignore[misc]


def test_time_is_read_at_each_validation():
    clock = ManualClock(NOW)
    strict = validator(clock=clock)
    token = KIT.token()
    strict.validate(token)
    clock.advance(60 + 29.9)
    strict.validate(token)
    clock.advance(0.2)
    assert refusal(token, strict) == "expired"


def test_a_proof_is_refused_rather_than_ignored():
    with pytest.raises(InvalidToken) as caught:
        STRICT.validate(KIT.token(), proof="anything")  # type: ignore[arg-type]
    assert caught.value.code == "proof_refused"


def test_an_invalid_token_survives_pickling_and_says_nothing_more():
    error = pickle.loads(pickle.dumps(InvalidToken("expired")))
    assert error.code == "expired"
    assert "expired" not in repr(error)


BAD_SETTINGS = {
    "empty issuer": {"issuer": ""},
    "issuer no text": {"issuer": None},
    "empty audience": {"audience": ""},
    "audience a list": {"audience": ["a"]},
    "empty kind": {"kind": ""},
    "no algorithm": {"algorithms": []},
    "algorithms a text": {"algorithms": "ES256"},
    "algorithm none": {"algorithms": ["none"]},
    "symmetric algorithm": {"algorithms": ["ES256", "HS256"]},
    "algorithm no text": {"algorithms": [["ES256"]]},
    "negative leeway": {"leeway": -1},
    "leeway beyond sense": {"leeway": 301},
    "leeway no number": {"leeway": True},
    "no lifetime": {"max_lifetime": 0},
    "endless lifetime": {"max_lifetime": float("inf")},
    "keys None": {"keys": None},
    "keys a list": {"keys": []},
    "keys empty": {"keys": {"keys": []}},
    "keys for other algorithms": {"algorithms": ["ES384"]},
}


@pytest.mark.parametrize("changes", BAD_SETTINGS.values(), ids=BAD_SETTINGS)
def test_bad_settings_do_not_construct(changes: dict[str, Any]):
    with pytest.raises(ValueError, match=r"."):
        validator(**changes)


def outcome(token: object) -> VerifiedClaims | None:
    try:
        return STRICT.validate(token)
    except InvalidToken:
        return None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
claim_names = st.sampled_from(sorted(KIT.claims())) | st.text(max_size=5)


@given(st.none() | st.integers() | st.binary() | st.text() | st.lists(st.text()) | st.builds(object))
def test_nothing_but_invalid_token_is_raised_for_any_object(token: object):
    refusal(token)


@given(st.text("eyJhbGciOiJ.-_=", max_size=60) | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True))
def test_nothing_but_invalid_token_is_raised_for_any_text(token: str):
    refusal(token)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "cty", "crit"]), json_values))
def test_nothing_but_invalid_token_is_raised_for_any_header(changes: dict[str, Any]):
    outcome(KIT.token(KIT.header(**changes)))


@settings(max_examples=100)
@given(st.dictionaries(claim_names, json_values, max_size=4))
def test_nothing_but_invalid_token_is_raised_for_any_claims(changes: dict[str, Any]):
    claims = outcome(KIT.token(claims=KIT.claims(**changes)))
    if claims is not None:
        assert AUDIENCE in claims.audience
        assert isinstance(claims.scopes, frozenset)
        assert claims.expires_at > NOW - 30


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_nothing_but_invalid_token_is_raised_for_any_signed_bytes(payload: bytes):
    assert refusal(KIT.token(claims=payload or b"x")) in {"bad_json", "claim_missing"}


@settings(max_examples=60)
@given(st.integers(min_value=0), st.integers(1, 127))
def test_a_token_with_any_character_changed_is_refused(position: int, change: int):
    token = KIT.token()
    at = position % len(token)
    refusal(token[:at] + chr(ord(token[at]) ^ change) + token[at + 1 :])
