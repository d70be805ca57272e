"""Each algorithm accepts its own signatures and nothing like them; the examples of the RFCs verify."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tokens.rfc_examples import EXAMPLES, HMAC_EXAMPLES
from tokenward.tokens import InvalidToken, base64url, verify_jws
from tokenward.tokens.algorithms import ALGORITHMS, ASYMMETRIC
from tokenward.tokens.keys import SigningKey

KEYS: dict[str, Any] = {name: row.generate() for name, row in ALGORITHMS.items()}
DATA = b"eyJhbGciOiJ4In0.e30"


def public(name: str) -> Any:
    key = KEYS[name]
    return key if isinstance(key, bytes) else key.public_key()


def accepts(name: str, signature: bytes, data: bytes = DATA) -> bool:
    return ALGORITHMS[name].verify(public(name), data, signature)


def test_the_table_is_complete():
    # RFC 7518 §3.1 without "none", RFC 8037 §3.1, RFC 9864 §2.2.
    assert set(ALGORITHMS) == {
        *(f"{family}{bits}" for family in ("HS", "RS", "ES", "PS") for bits in (256, 384, 512)),
        "EdDSA",
        "Ed25519",
    }
    assert set(ASYMMETRIC) == {name for name in ALGORITHMS if not name.startswith("HS")}
    assert all(name == row.name for name, row in ALGORITHMS.items())


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_signature_is_good_for_what_was_signed_and_as_it_was_made(name: str):
    signature = ALGORITHMS[name].sign(KEYS[name], DATA)
    assert accepts(name, signature)
    assert not accepts(name, signature, DATA + b"x")
    for at in range(0, len(signature), max(1, len(signature) // 16)):
        turned = bytearray(signature)
        turned[at] ^= 1
        assert not accepts(name, bytes(turned))
    for other in (
        b"",
        signature[:-1],
        signature[1:],
        signature + b"\x00",
        b"\x00" + signature,
        signature * 2,
    ):
        assert not accepts(name, other)
    assert not accepts(name, bytes(len(signature)))
    assert not accepts(name, b"\xff" * len(signature))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_key_of_another_algorithm_does_not_fit(name: str):
    row = ALGORITHMS[name]
    for other, key in KEYS.items():
        same = (row.kty, row.crv) == (ALGORITHMS[other].kty, ALGORITHMS[other].crv)
        if row.kty != "oct":
            assert row.fits(key) is row.fits(public(other)) is same
        elif same:
            assert row.fits(key) is (len(key) >= int(name[2:]) // 8)
    for odd in (None, "", b"", 7, [], object()):
        assert not row.fits(odd)


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if ALGORITHMS[name].kty == "RSA"])
def test_a_signature_of_one_rsa_scheme_is_none_of_another(name: str):
    key = KEYS["RS256"]
    signature = ALGORITHMS[name].sign(key, DATA)
    for other in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
        assert ALGORITHMS[other].verify(key.public_key(), DATA, signature) is (other == name)


ORDERS = {
    # FIPS 186-5, SP 800-186 §3.2.1
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": int(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        16,
    ),
    "ES512": int(
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148"
        "f709a5d03bb5c9b8899c47aebb6fb71e91386409",
        16,
    ),
}
SIZES = {"ES256": 32, "ES384": 48, "ES512": 66}


@pytest.mark.parametrize("name", ORDERS)
def test_r_and_s_are_in_range(name: str):
    order, size = ORDERS[name], SIZES[name]
    signature = ALGORITHMS[name].sign(KEYS[name], DATA)
    assert len(signature) == 2 * size  # RFC 7518 §3.4
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")

    def pair(first: int, second: int) -> bytes:
        return first.to_bytes(size, "big") + second.to_bytes(size, "big")

    assert accepts(name, pair(r, s))
    top = 2 ** (8 * size) - 1
    for first, second in ((0, 0), (0, s), (r, 0), (1, 1), (order, s), (r, order), (order, order), (top, top)):
        assert not accepts(name, pair(first, second))
    if r + order <= top:
        assert not accepts(name, pair(r + order, s))
    # ECDSA allows it, so a token has more than one signature; nothing of ours takes its text for its id.
    assert accepts(name, pair(r, order - s))
    assert not accepts(name, encode_dss_signature(r, s))


@pytest.mark.parametrize("name", ORDERS)
def test_short_numbers_keep_their_zeros(name: str):
    size = SIZES[name]
    for _ in range(20_000):
        signature = ALGORITHMS[name].sign(KEYS[name], DATA)
        if signature[size] == 0 and (name != "ES512" or signature[size + 1] == 0):
            assert accepts(name, signature)
            assert not accepts(name, signature[:size] + signature[size + 1 :])
            return
    pytest.fail("no short s in 20 000 signatures")


def test_an_rsa_signature_is_padded_exactly_as_it_must_be():
    key: rsa.RSAPrivateKey = KEYS["RS256"]
    numbers = key.private_numbers()
    modulus, size = numbers.public_numbers.n, key.key_size // 8
    digest = hashes.Hash(hashes.SHA256())
    digest.update(DATA)
    hashed = digest.finalize()
    info = bytes.fromhex("3031300d060960864801650304020105000420")
    without_null = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20"

    def signed(encoded: bytes) -> bytes:
        return pow(int.from_bytes(encoded, "big"), numbers.d, modulus).to_bytes(size, "big")

    def padded(content: bytes, after: bytes = b"") -> bytes:
        fill = size - 3 - len(content) - len(after)
        return b"\x00\x01" + b"\xff" * fill + b"\x00" + content + after

    assert accepts("RS256", signed(padded(info + hashed)))
    for forged in (
        padded(info + hashed, b"\x00" * 8),
        b"\x00\x01"
        + b"\xff" * 8
        + b"\x00"
        + info
        + hashed
        + b"\x00" * (size - 62),  # Bleichenbacher's of 2006
        b"\x00\x02" + padded(info + hashed)[2:],
        padded(info + hashed).replace(b"\x00\x01\xff", b"\x00\x01\xfe"),
        padded(without_null + hashed),
        padded(hashed),
    ):
        assert len(forged) == size
        assert not accepts("RS256", signed(forged))
    good = int.from_bytes(signed(padded(info + hashed)), "big")
    if good + modulus < 2 ** (8 * size):
        assert not accepts("RS256", (good + modulus).to_bytes(size, "big"))


@pytest.mark.parametrize(
    ("name", "digest"), [("PS256", hashes.SHA256()), ("PS384", hashes.SHA384()), ("PS512", hashes.SHA512())]
)
def test_a_pss_signature_has_one_hash_and_one_salt(name: str, digest: hashes.HashAlgorithm):
    def signed(mask: hashes.HashAlgorithm, salt: int, hashed: hashes.HashAlgorithm) -> bytes:
        return KEYS[name].sign(DATA, padding.PSS(padding.MGF1(mask), salt), hashed)

    assert accepts(name, signed(digest, digest.digest_size, digest))
    assert not accepts(name, signed(digest, 0, digest))
    assert not accepts(name, signed(digest, digest.digest_size - 1, digest))
    assert not accepts(name, signed(hashes.SHA1(), digest.digest_size, digest))


def test_rsa_keys_have_size_and_exponent():
    weak = rsa.generate_private_key(public_exponent=3, key_size=2048)
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    assert not ALGORITHMS["RS256"].fits(weak)
    assert not ALGORITHMS["PS256"].fits(short.public_key())
    assert not ALGORITHMS["ES256"].fits(ec.generate_private_key(ec.SECP256K1()))


@pytest.mark.parametrize(("name", "jwk", "token"), EXAMPLES.values(), ids=EXAMPLES)
def test_the_examples_of_the_rfcs_verify(name: str, jwk: dict[str, Any], token: str):
    payload = verify_jws(token, {"keys": [jwk]}, algorithms=[name])
    assert payload == base64url.decode(token.split(".")[1])
    with pytest.raises(InvalidToken) as caught:
        verify_jws(token.replace(".", ".A", 1), {"keys": [jwk]}, algorithms=[name])
    assert caught.value.code in {"bad_signature", "bad_base64"}


@pytest.mark.parametrize(("secret", "token"), HMAC_EXAMPLES.values(), ids=HMAC_EXAMPLES)
def test_the_examples_with_a_secret_verify_and_their_secrets_do_not_load(secret: str, token: str):
    signing_input, _, signature = token.rpartition(".")
    octets = base64url.decode(secret)
    assert ALGORITHMS["HS256"].verify(octets, signing_input.encode(), base64url.decode(signature))
    with pytest.raises(ValueError, match="printed"):
        verify_jws(token, {"keys": [{"kty": "oct", "k": secret}]}, algorithms=["HS256"])


def test_a_signing_key_is_never_symmetric():
    for name in ("HS256", "HS384", "HS512"):
        with pytest.raises(ValueError, match="unknown algorithm"):
            SigningKey("k", name, KEYS[name])
