"""A private JWK is a key with what it says of itself; anything else is refused, and not repeated."""

import json
import traceback

import pytest

from tokenward.base.secret import Secret
from tokenward.tokens import base64url, verify_jws
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.private_jwks import signing_key_from_jwk


def written(key, **changes):
    """The key as other tools write it."""
    numbers = key.private.private_numbers() if hasattr(key.private, "private_numbers") else None
    if key.algorithm == "EdDSA":
        d = key.private.private_bytes_raw()
    else:
        value = numbers.private_value if hasattr(numbers, "private_value") else numbers.d
        d = value.to_bytes((value.bit_length() + 7) // 8, "big")
    jwk = {**key.public_jwk(), "d": base64url.encode(d), **changes}
    return Secret(json.dumps({name: value for name, value in jwk.items() if value is not ...}))


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "RS256", "EdDSA"])
def test_it_signs_with_what_it_says_under_its_name(algorithm):
    key = SigningKey.generate(algorithm)
    read = signing_key_from_jwk(written(key, kid="mine"))
    assert (read.kid, read.algorithm) == ("mine", algorithm)
    jws = sign_jwt(read, {"sub": "a"}, typ="JWT")
    verify_jws(jws, {"keys": [key.public_jwk() | {"kid": "mine"}]}, algorithms=[algorithm])


def test_without_a_name_it_has_its_thumbprint_and_a_name_that_is_given_wins():
    key = SigningKey.generate()
    assert signing_key_from_jwk(written(key, kid=..., alg=...)).kid == key.kid
    assert signing_key_from_jwk(written(key), kid="other").kid == "other"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"d": "AQAB", "x": ...}, "different keys"),
        ({"x": "AQAB"}, "different keys"),
        ({"d": ...}, "not a private JWK"),
        ({"d": "not base64url!"}, "not a private JWK"),
        ({"d": 123456789}, "not a private JWK"),
        ({"kty": "oct", "k": "AQAB"}, "not a private JWK that signs"),
        ({"alg": "ES384"}, "does not fit|another algorithm"),
        ({"use": "enc"}, "not for signatures"),
        ({"alg": "HS256"}, "unknown algorithm"),
    ],
    ids=["d", "x", "public", "nonsense", "number", "symmetric", "other", "encryption", "hmac"],
)
def test_what_is_not_exactly_that_is_refused_and_not_repeated(changes, text):
    jwk = written(SigningKey.generate(), **changes)
    with pytest.raises(ValueError, match=text) as caught:
        signing_key_from_jwk(jwk)
    assert str(json.loads(jwk.reveal()).get("d", "no such")) not in "".join(
        traceback.format_exception(caught.value)
    )


def test_a_key_that_is_for_another_algorithm_than_was_asked_for_is_refused():
    with pytest.raises(ValueError, match="another algorithm than ES384"):
        signing_key_from_jwk(written(SigningKey.generate()), "ES384")


def test_what_is_no_json_is_no_key():
    for text in ("", "[]", "{", '{"kty": "EC", "kty": "EC"}'):
        with pytest.raises(ValueError, match="not a private JWK"):
            signing_key_from_jwk(Secret(text))
