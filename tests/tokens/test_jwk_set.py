"""Which key of a set is good for which algorithm. `test_keys` has the public keys that do not load."""

import asyncio
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.minting import ABSENT, NOW, changed, mint
from tokenward import InvalidToken, JwksSource, JwtValidator
from tokenward.base.clock import ManualClock
from tokenward.tokens import base64url, verify_jws
from tokenward.tokens.algorithms import ALGORITHMS, ASYMMETRIC, known, only_choice
from tokenward.tokens.jwk_set import NoUsableKey, public_key, public_keys, secret_keys
from tokenward.tokens.keys import SigningKey, VerificationKey

KEYS = {name: SigningKey.generate(name) for name in ASYMMETRIC}
SECRET = bytes.fromhex(
    "8f14e45fceea167a5a36dedd4bea2543c9f0f895fb98ab9159f51fd0297e236d"
    "d3d9446802a44259755d38e6d163e820a5771bce93e200c36f7cd9dfd0e5deaa"
)
OCT = {"kty": "oct", "kid": "s", "k": base64url.encode(SECRET)}


def jwk(name: str, **changes: Any) -> dict[str, Any]:
    return changed(KEYS[name].public_jwk(), changes)


def bare(name: str) -> dict[str, Any]:
    return jwk(name, alg=ABSENT)


def names(keys: tuple[VerificationKey, ...]) -> list[str]:
    return [key.algorithm for key in keys]


CHOICES: list[tuple[str, list[str], list[str]]] = [
    # a key without `alg`, what is allowed, what it is used with
    ("RS256", ["RS256"], ["RS256"]),
    ("RS256", ["PS384"], ["PS384"]),
    ("RS256", ["RS256", "ES256"], ["RS256"]),
    ("RS256", ["RS256", "PS256"], []),
    ("RS256", ["RS256", "RS512"], []),
    ("ES256", ["ES256", "ES384"], ["ES256"]),
    ("ES384", ["ES256", "ES384"], ["ES384"]),
    ("ES384", ["ES256"], []),
    ("EdDSA", ["EdDSA", "Ed25519"], ["EdDSA"]),
    ("EdDSA", ["Ed25519", "EdDSA"], ["Ed25519"]),
    ("EdDSA", ["ES256"], []),
]


@pytest.mark.parametrize(("name", "allowed", "expected"), CHOICES)
def test_a_key_without_alg_has_one_use_or_none(name: str, allowed: list[str], expected: list[str]):
    if expected:
        assert names(public_keys({"keys": [bare(name)]}, algorithms=allowed)) == expected
    else:
        with pytest.raises(NoUsableKey):
            public_keys({"keys": [bare(name)]}, algorithms=allowed)


@pytest.mark.parametrize("name", ASYMMETRIC)
def test_a_key_with_alg_has_that_use_if_it_is_allowed(name: str):
    assert names(public_keys({"keys": [jwk(name)]})) == [name]
    assert names(public_keys({"keys": [jwk(name)]}, algorithms=[name])) == [name]
    others = [each for each in ASYMMETRIC if ALGORITHMS[each].scheme != ALGORITHMS[name].scheme]
    with pytest.raises(NoUsableKey):
        public_keys({"keys": [jwk(name)]}, algorithms=others)


@pytest.mark.parametrize("declared", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("said", ["EdDSA", "Ed25519"])
def test_eddsa_and_ed25519_are_two_names_of_one_algorithm(declared: str, said: str):
    key = KEYS["EdDSA"]
    sets = {"keys": [jwk("EdDSA", alg=declared)]}
    token = mint({"a": 1}, key, alg=said)
    assert verify_jws(token, sets, algorithms=["EdDSA", "Ed25519"])
    assert verify_jws(token, sets, algorithms=[said])
    with pytest.raises(InvalidToken) as caught:
        verify_jws(token, sets, algorithms=[{"EdDSA": "Ed25519", "Ed25519": "EdDSA"}[said]])
    assert caught.value.code == "algorithm_refused"


ENTRA_KEY = bare("RS256") | {"x5t": "t", "x5c": ["MIIC"], "issuer": "https://login.example/{tenantid}"}
CLAIMS = {"iss": "https://i.example", "aud": "api", "sub": "u", "iat": NOW, "exp": NOW + 60}


def from_url(algorithms: list[str], *jwks: dict[str, Any], source: JwksSource | None = None) -> JwtValidator:
    body = json.dumps({"keys": jwks}).encode()
    return JwtValidator(
        issuer="https://i.example",
        audience="api",
        keys=source or JwksSource("https://i.example/jwks", fetch=lambda _: body, clock=ManualClock()),
        algorithms=algorithms,
        clock=ManualClock(NOW),
    )


def test_a_validator_tells_its_source_what_keys_without_alg_are_for():
    # RFC 7517 §4.4: `alg` is optional; Entra leaves it out.
    for algorithm in ("RS256", "PS256"):
        key = SigningKey(KEYS["RS256"].kid, algorithm, KEYS["RS256"].private)
        strict = from_url([algorithm], ENTRA_KEY)
        assert strict.validate(mint(CLAIMS, key, typ="at+jwt")).subject == "u"
        assert asyncio.run(strict.validate_async(mint(CLAIMS, key, typ="at+jwt"))).subject == "u"
    both = from_url(["RS256", "PS256", "ES256"], ENTRA_KEY, jwk("ES256"))
    with pytest.raises(InvalidToken) as caught:
        both.validate(mint(CLAIMS, KEYS["RS256"], typ="at+jwt"))
    assert caught.value.code == "unknown_key"


def test_what_a_source_knew_before_it_was_told_is_forgotten():
    body = json.dumps({"keys": [ENTRA_KEY, jwk("ES256")]}).encode()
    source = JwksSource("https://i.example/jwks", fetch=lambda _: body, clock=ManualClock())
    assert names(tuple(source.find(None))) == ["ES256"]
    generation = source.generation
    strict = from_url(["RS256"], source=source)
    assert strict.validate(mint(CLAIMS, KEYS["RS256"], typ="at+jwt")).subject == "u"
    assert source.generation != generation


def test_secrets_are_configured_and_never_fetched():
    with pytest.raises(ValueError, match="never fetched"):
        from_url(["HS256"], OCT)
    with pytest.raises(InvalidToken) as caught:
        from_url(["ES256"], jwk("ES256"), OCT).validate(mint(CLAIMS, KEYS["ES256"], typ="at+jwt"))
    assert caught.value.code == "keys_unavailable"


def test_secrets_and_public_keys_are_never_in_one_set():
    with pytest.raises(ValueError, match="nothing but secrets"):
        secret_keys({"keys": [OCT, jwk("ES256")]}, algorithms=["HS256"])
    with pytest.raises(ValueError, match="symmetric keys"):
        public_keys({"keys": [jwk("ES256"), OCT]})


SECRETS: dict[str, tuple[dict[str, Any], list[str], list[str] | type[ValueError]]] = {
    "for the only one": ({}, ["HS256"], ["HS256"]),
    "for two": ({}, ["HS256", "HS512"], NoUsableKey),
    "for the one that it names": ({"alg": "HS512"}, ["HS256", "HS512"], ["HS512"]),
    "for one that is not allowed": ({"alg": "HS512"}, ["HS256"], NoUsableKey),
    "for encryption": ({"use": "enc"}, ["HS256"], NoUsableKey),
    "only for signing": ({"key_ops": ["sign"]}, ["HS256"], NoUsableKey),
    "named after a public algorithm": ({"alg": "ES256"}, ["HS256"], ValueError),
    "exactly long enough": ({"k": base64url.encode(SECRET[:32])}, ["HS256"], ["HS256"]),
    "too short": ({"k": base64url.encode(SECRET[:31])}, ["HS256"], ValueError),
    "too short for HS384": ({"k": base64url.encode(SECRET[:47])}, ["HS384"], ValueError),
    "too short for HS512": ({"k": base64url.encode(SECRET[:63])}, ["HS512"], ValueError),
    "too long": ({"k": base64url.encode(SECRET * 17)}, ["HS256"], ValueError),
    "missing": ({"k": ABSENT}, ["HS256"], ValueError),
    "null": ({"k": None}, ["HS256"], ValueError),
    "with padding": ({"k": OCT["k"] + "=="}, ["HS256"], ValueError),
}


@pytest.mark.parametrize(("changes", "allowed", "expected"), SECRETS.values(), ids=SECRETS)
def test_a_secret(changes: dict[str, Any], allowed: list[str], expected: Any):
    sets = {"keys": [changed(OCT, changes)]}
    if isinstance(expected, list):
        assert names(secret_keys(sets, algorithms=allowed)) == expected
    else:
        with pytest.raises(expected) as caught:
            secret_keys(sets, algorithms=allowed)
        assert type(caught.value) is expected


def test_a_secret_is_shown_nowhere():
    (key,) = secret_keys({"keys": [OCT]}, algorithms=["HS256"])
    assert "material" not in repr(key)
    with pytest.raises(ValueError, match="too short") as caught:
        secret_keys({"keys": [OCT | {"k": base64url.encode(SECRET[:20])}]}, algorithms=["HS256"])
    assert base64url.encode(SECRET[:20]) not in str(caught.value)


def test_a_token_by_a_secret_and_none_by_the_octets_of_a_public_key():
    strict = JwtValidator(
        issuer="https://i.example",
        audience="api",
        keys={"keys": [OCT]},
        algorithms=["HS256"],
        clock=ManualClock(NOW),
    )
    assert strict.validate(hmac_token("HS256", SECRET)).subject == "u"
    for algorithm, secret in (("HS256", SECRET[:-1]), ("HS256", b""), ("HS512", SECRET), ("ES256", SECRET)):
        with pytest.raises(InvalidToken) as caught:
            strict.validate(hmac_token(algorithm, secret))
        assert caught.value.code == ("bad_signature" if algorithm == "HS256" else "algorithm_refused")


def hmac_token(algorithm: str, secret: bytes) -> str:
    parts = ({"alg": algorithm, "kid": "s", "typ": "at+jwt"}, CLAIMS)
    signing_input = ".".join(base64url.encode(json.dumps(part).encode()) for part in parts)
    row = ALGORITHMS[algorithm if algorithm.startswith("HS") else "HS256"]
    return f"{signing_input}.{base64url.encode(row.sign(secret, signing_input.encode()))}"


@pytest.mark.parametrize(
    "names",
    [
        [],
        (),
        None,
        "ES256",
        b"ES256",
        {"ES256": 1},
        ["ES256", "HS256"],
        ["HS256", "EdDSA"],
        ["none"],
        ["es256"],
        ["ES256", None],
        [["ES256"]],
        ["ES256K"],
        [1],
    ],
)
def test_an_allow_list_that_is_none_is_a_value_error(names: object):
    with pytest.raises(ValueError, match="algorithm"):
        known(names)


def test_an_allow_list_is_kept_as_it_is():
    assert known(["RS256", "ES256"]) == ("RS256", "ES256")
    assert known(("HS256", "HS512")) == ("HS256", "HS512")
    assert only_choice("oct", "", ["HS256"]) == "HS256"
    assert only_choice("EC", ["P-256"], ["ES256"]) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
MEMBERS = ["kty", "crv", "alg", "use", "key_ops", "x", "y", "n", "e", "k", "kid", "d"]


@given(
    st.sampled_from([*(bare(name) for name in ("ES256", "ES512", "EdDSA", "RS256")), OCT]),
    st.dictionaries(st.sampled_from(MEMBERS), json_values, max_size=3),
    st.sampled_from(sorted(ALGORITHMS)),
)
def test_any_jwk_loads_or_is_a_value_error(good: dict[str, Any], changes: dict[str, Any], algorithm: str):
    for load in (public_keys, secret_keys):
        with contextlib.suppress(ValueError):
            assert names(load({"keys": [good | changes]}, algorithms=[algorithm])) == [algorithm]
    if not ALGORITHMS[algorithm].symmetric:
        with contextlib.suppress(ValueError):
            assert ALGORITHMS[algorithm].fits(public_key(good | changes, algorithm))


@given(json_values | st.dictionaries(st.just("keys"), json_values))
def test_any_json_is_a_set_or_a_value_error(jwks: object):
    for load in (public_keys, secret_keys):
        with pytest.raises(ValueError, match=r"."):
            load(jwks, algorithms=["ES256"])
