import contextlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from tokenward.tokens import base64url
from tokenward.tokens.algorithms import ASYMMETRIC
from tokenward.tokens.jwk_set import MAX_KEYS, public_keys
from tokenward.tokens.keys import SigningKey, thumbprint

KEYS = {name: SigningKey.generate(name) for name in ASYMMETRIC}
ES, ED, RS = (KEYS[name].public_jwk() for name in ("ES256", "EdDSA", "RS256"))
ABSENT = object()


def changed(jwk: dict[str, str], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**jwk, **changes}.items() if value is not ABSENT}


def number(value: int) -> str:
    return base64url.encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rsa_jwk(bits: int, exponent: int = 65537) -> dict[str, str]:
    modulus = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key().public_numbers().n
    return {"kty": "RSA", "alg": "RS256", "n": number(modulus), "e": number(exponent)}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_comes_back_from_pkcs8_and_signs_what_its_jwk_verifies(key: SigningKey):
    again = SigningKey.from_pkcs8(key.kid, key.algorithm, key.to_pkcs8())
    (public,) = public_keys({"keys": [key.public_jwk()]})
    signature = again.sign(b"data")
    assert public.verify(b"data", signature)
    assert not public.verify(b"date", signature)
    assert not public.verify(b"data", signature + b"\x00")
    assert not public.verify(b"data", b"")
    assert again.public_jwk() == key.public_jwk()


def test_an_rsa_signature_of_one_scheme_is_none_of_the_other():
    for mine, other in (("PS256", "RS256"), ("RS256", "PS256")):
        (public,) = public_keys({"keys": [changed(KEYS[mine].public_jwk(), alg=other)]})
        assert not public.verify(b"data", KEYS[mine].sign(b"data"))


def test_a_pss_salt_is_exactly_as_long_as_the_hash():
    key = KEYS["PS256"]
    (public,) = public_keys({"keys": [key.public_jwk()]})
    mask = padding.MGF1(hashes.SHA256())
    for length, good in ((32, True), (0, False), (20, False), (64, False)):
        signature = key.private.sign(b"data", padding.PSS(mask, length), hashes.SHA256())
        assert public.verify(b"data", signature) is good  # RFC 7518 §3.5


def test_the_thumbprint_is_that_of_rfc_7638_and_rfc_8037():
    # RFC 7638 §3.1
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n"
        "3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zg"
        "dAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFC"
        "ur-kEgU8awapJzKnqDKgw"
    )
    assert (
        thumbprint({"kty": "RSA", "n": modulus, "e": "AQAB"}) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    )
    # RFC 8037 A.3
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert (
        thumbprint({"kty": "OKP", "crv": "Ed25519", "x": x}) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_the_kid_is_the_thumbprint(key: SigningKey):
    required = {name: value for name, value in key.public_jwk().items() if name not in ("kid", "alg", "use")}
    assert key.kid == thumbprint(required)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_no_private_material_leaves_by_jwk_or_repr(key: SigningKey):
    assert not {"d", "p", "q", "dp", "dq", "qi"} & key.public_jwk().keys()
    assert "private" not in repr(key)


def test_a_private_key_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        SigningKey("k", "EdDSA", KEYS["ES256"].private)
    with pytest.raises(ValueError, match="does not fit"):
        SigningKey("k", "ES256", ec.generate_private_key(ec.SECP384R1()))
    with pytest.raises(ValueError, match="does not fit"):
        SigningKey("k", "RS256", rsa.generate_private_key(public_exponent=65537, key_size=1024))
    with pytest.raises(ValueError, match="unknown"):
        SigningKey("k", "none", KEYS["ES256"].private)
    with pytest.raises(ValueError, match="unknown"):
        SigningKey.generate("HS256")


def test_a_key_on_a_curve_that_nobody_knows_is_a_value_error():
    der, p256 = KEYS["ES256"].to_pkcs8(), bytes.fromhex("06082a8648ce3d030107")
    assert p256 in der
    with pytest.raises(ValueError, match="PKCS"):
        SigningKey.from_pkcs8("k", "ES256", der.replace(p256, p256[:-1] + b"\x7f"))


@given(st.binary(max_size=100))
def test_what_is_no_pkcs8_is_a_value_error(der: bytes):
    with pytest.raises(ValueError, match="PKCS"):
        SigningKey.from_pkcs8("k", "ES256", der)


POINT_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
PRIME = 2**255 - 19


def ed_point(y: int, sign: int = 0) -> str:
    return base64url.encode((y | sign << 255).to_bytes(32, "little"))


REFUSED: dict[str, object] = {
    "not an object": [],
    "no keys": {},
    "keys an object": {"keys": {}},
    "keys null": {"keys": None},
    "no key": {"keys": []},
    "key a text": {"keys": ["a"]},
    "too many keys": {"keys": [changed(ES, kid=f"k{index}") for index in range(MAX_KEYS + 1)]},
    "private EC key": {"keys": [changed(ES, d="AAAA")]},
    "private RSA prime": {"keys": [changed(RS, p="AAAA")]},
    "a private key beside a good one": {"keys": [ES, changed(ED, d="AAAA")]},
    "symmetric key": {"keys": [{"kty": "oct", "kid": "s", "k": "AAAA"}]},
    "symmetric key without its value": {"keys": [ES, {"kty": "oct", "kid": "s"}]},
    "symmetric value in another type": {"keys": [changed(ES, k="AAAA")]},
    "kid twice": {"keys": [ES, changed(ED, kid=ES["kid"])]},
    "kid twice, once for encryption": {"keys": [ES, changed(ED, kid=ES["kid"], use="enc")]},
    "kid a number": {"keys": [changed(ES, kid=1)]},
    "kid null": {"keys": [changed(ES, kid=None)]},
    "kid empty": {"keys": [changed(ES, kid="")]},
    "kty missing": {"keys": [changed(ES, kty=ABSENT)]},
    "kty a list": {"keys": [changed(ES, kty=["EC"])]},
    "alg a number": {"keys": [changed(ES, alg=1)]},
    "alg of another type": {"keys": [changed(ES, alg="RS256")]},
    "alg of another type beside a good key": {"keys": [ES, changed(ED, alg="RS256")]},
    "curve of another algorithm": {"keys": [changed(ES, crv="P-384")]},
    "only for encryption": {"keys": [changed(ES, use="enc")]},
    "use a list": {"keys": [changed(ES, use=["sig"])]},
    "only for signing": {"keys": [changed(ES, key_ops=["sign"])]},
    "key_ops a text": {"keys": [changed(ES, key_ops="verify")]},
    "key_ops of numbers": {"keys": [changed(ES, key_ops=[1])]},
    "RSA without alg: two are open": {"keys": [changed(RS, alg=ABSENT)]},
    "x missing": {"keys": [changed(ES, x=ABSENT)]},
    "x too short": {"keys": [changed(ES, x="AAAA")]},
    "x with padding": {"keys": [changed(ES, x=ES["x"] + "=")]},
    "not on the curve": {"keys": [changed(ES, x=base64url.encode(b"\x01" * 32))]},
    "point at infinity": {
        "keys": [changed(ES, x=base64url.encode(bytes(32)), y=base64url.encode(bytes(32)))]
    },
    "Ed25519 too long": {"keys": [changed(ED, x=base64url.encode(bytes(33)))]},
    **{
        f"Ed25519 of small order {y:x}/{sign}": {"keys": [changed(ED, x=ed_point(y, sign))]}
        for y in (0, 1, PRIME - 1, PRIME, PRIME + 1, POINT_8, PRIME - POINT_8)
        for sign in (0, 1)
    },
    "RSA of 1024 bits": {"keys": [rsa_jwk(1024)]},
    "RSA of 2040 bits": {"keys": [rsa_jwk(2040)]},
    "RSA with e 3": {"keys": [rsa_jwk(2048, 3)]},
    "RSA with e 1": {"keys": [rsa_jwk(2048, 1)]},
    "RSA with e even": {"keys": [rsa_jwk(2048, 65538)]},
    "RSA with e huge": {"keys": [rsa_jwk(2048, 2**80 + 1)]},
    "RSA with an even modulus": {"keys": [changed(RS, n=number(2**2048 + 2))]},
    "RSA with a huge modulus": {"keys": [changed(RS, n=number(2**16_384 + 1))]},
    "RSA with leading zeros": {"keys": [changed(RS, e="AAEAAQ")]},
    "RSA with n empty": {"keys": [changed(RS, n="")]},
}


@pytest.mark.parametrize("jwks", REFUSED.values(), ids=REFUSED)
def test_a_bad_key_set_does_not_load(jwks: object):
    with pytest.raises(ValueError, match=r"."):
        public_keys(jwks)


def test_keys_for_other_purposes_are_passed_over():
    others = [
        changed(ES, kid="enc", use="enc"),
        {"kty": "EC", "crv": "secp256k1", "kid": "k1", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "kid": "ecdh", "alg": "ECDH-ES"},
        {"kty": "NEW", "kid": "new"},
    ]
    assert [key.kid for key in public_keys({"keys": [*others, ES]})] == [ES["kid"]]


def test_a_key_without_alg_gets_the_only_one_that_is_open():
    sets = {"keys": [changed(jwk, alg=ABSENT) for jwk in (ES, ED, RS)]}
    assert [key.algorithm for key in public_keys(sets)] == ["ES256", "EdDSA"]
    assert [key.algorithm for key in public_keys(sets, algorithms=["PS256"])] == ["PS256"]
    assert [key.algorithm for key in public_keys(sets, algorithms=["PS256", "RS256", "ES256"])] == ["ES256"]


def test_only_allowed_algorithms_are_loaded():
    assert [key.algorithm for key in public_keys({"keys": [ES, ED, RS]}, algorithms=["EdDSA"])] == ["EdDSA"]


def test_key_ops_with_verify_are_good():
    assert public_keys({"keys": [changed(ES, key_ops=["verify", "sign"], use=ABSENT)]})


json_values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.lists(st.text(max_size=3), max_size=2)
)


@given(
    st.sampled_from([ES, ED, RS]),
    st.dictionaries(
        st.sampled_from(["kty", "crv", "alg", "use", "key_ops", "x", "y", "n", "e", "kid"]), json_values
    ),
)
def test_any_jwk_is_a_key_or_a_value_error(jwk: dict[str, str], changes: dict[str, object]):
    with contextlib.suppress(ValueError):
        assert len(public_keys({"keys": [{**jwk, **changes}]})) == 1
