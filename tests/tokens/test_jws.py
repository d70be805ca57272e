import json

import pytest

from tokens.attacks import ALGORITHMS, ATTACKS, Kit
from tokenward.auditor.attacks import Attack
from tokenward.tokens import InvalidToken, base64url, verify_jws
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey

KIT = Kit()


def test_a_token_is_signed_in_compact_json_with_a_fixed_header():
    token = sign_jwt(KIT.key, {"sub": "é", "n": 1}, typ="at+jwt")
    header, claims, _ = token.split(".")
    assert base64url.decode(header).decode() == f'{{"alg":"ES256","kid":"{KIT.key.kid}","typ":"at+jwt"}}'
    assert base64url.decode(claims) == b'{"sub":"\\u00e9","n":1}'
    assert json.loads(verify_jws(token, KIT.jwks, algorithms=["ES256"])) == {"sub": "é", "n": 1}


@pytest.mark.parametrize("claims", [{"a": float("nan")}, {"a": object()}, {"a": b"x"}, {("a",): 1}])
def test_claims_that_are_no_json_are_refused(claims: dict[str, object]):
    with pytest.raises(ValueError, match=r"JSON"):
        sign_jwt(KIT.key, claims, typ="at+jwt")


def test_the_examples_of_rfc_7515_and_rfc_8037_verify():
    es256 = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    token = (
        # tokenward:allow reason=RFC 7515 A.3.1
        "eyJhbGciOiJFUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    assert b'"iss":"joe"' in verify_jws(token, {"keys": [es256]}, algorithms=["ES256"])
    ed25519 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    token = (  # RFC 8037 A.4
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
        ".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    assert verify_jws(token, {"keys": [ed25519]}, algorithms=["EdDSA"]) == b"Example of Ed25519 signing"


# What refuses any JWS, whatever it carries; T09 is about `cty`, which only a JWT may not have.
BEFORE_THE_CONTENT = {
    "malformed",
    "too_large",
    "bad_base64",
    "header_refused",
    "header_type",
    "algorithm_refused",
    "no_kid",
    "unknown_key",
    "wrong_algorithm_for_key",
    "bad_signature",
}
GENERIC = [attack for attack in ATTACKS if attack.code in BEFORE_THE_CONTENT and attack.entry != "T09"]


@pytest.mark.parametrize("attack", GENERIC, ids=lambda attack: attack.id)
def test_a_hostile_jws_is_refused(attack: Attack):
    with pytest.raises(InvalidToken) as caught:
        verify_jws(attack.forge(KIT), KIT.jwks, algorithms=list(ALGORITHMS))  # type: ignore[arg-type]
    assert caught.value.code == attack.code


def test_bad_keys_or_algorithms_are_the_callers_fault():
    token = sign_jwt(KIT.key, {}, typ="x")
    for jwks, algorithms in (
        ({"keys": []}, ["ES256"]),
        (KIT.jwks, ["HS256"]),
        (KIT.jwks, []),
        (None, ["ES256"]),
    ):
        with pytest.raises(ValueError, match=r"."):
            verify_jws(token, jwks, algorithms=algorithms)  # type: ignore[arg-type]


def test_a_kid_never_falls_back_to_another_key():
    key = SigningKey.generate("ES256")
    renamed = SigningKey("another", "ES256", key.private)
    with pytest.raises(InvalidToken) as caught:
        verify_jws(sign_jwt(renamed, {}, typ="x"), {"keys": [key.public_jwk()]}, algorithms=["ES256"])
    assert caught.value.code == "unknown_key"
