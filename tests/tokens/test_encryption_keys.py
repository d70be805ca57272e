import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tokenward.tokens import base64url
from tokenward.tokens.encryption_keys import (
    ENCRYPTIONS,
    KEY_MANAGEMENT,
    DecryptionKey,
    EncryptionKey,
    encryption_key,
)

P256 = DecryptionKey.generate("ECDH-ES+A256KW")
RSA = DecryptionKey.generate("RSA-OAEP-256")
# RFC 8037 A.6: Bob's public key.
X25519 = {"kty": "OKP", "crv": "X25519", "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}
ABSENT = object()


def jwk(key: DecryptionKey = P256, **changes: Any) -> dict[str, Any]:
    members = key.public_jwk() | changes
    return {name: value for name, value in members.items() if value is not ABSENT}


@pytest.mark.parametrize("key", [P256, RSA], ids=lambda key: key.algorithm)
def test_a_registered_key_is_the_public_half(key: DecryptionKey):
    loaded = encryption_key(json.loads(json.dumps(key.public_jwk())))
    assert loaded == key.encryption_key()
    assert (loaded.kid, loaded.algorithm) == (key.kid, key.algorithm)


GOOD = {
    "no use": jwk(use=ABSENT),
    "no kid": jwk(kid=ABSENT),
    "members that nobody knows": jwk(exp=1, iss=["x"]),
    "operations": jwk(key_ops=["deriveKey", "deriveBits"]),
    "an RSA key leaves one algorithm": jwk(RSA, alg=ABSENT),
    "wrapping": jwk(RSA, key_ops=["wrapKey"]),
    "X25519": X25519 | {"alg": "ECDH-ES"},
}


@pytest.mark.parametrize("members", GOOD.values(), ids=GOOD)
def test_a_good_key_is_taken(members: dict[str, Any]):
    key = encryption_key(members)
    assert key.algorithm == members.get("alg", "RSA-OAEP-256")
    assert key.kid == members.get("kid")


def rsa_jwk(bits: int, e: int = 65537) -> dict[str, Any]:
    n = rsa.generate_private_key(65537, bits).public_key().public_numbers().n
    return {
        "kty": "RSA",
        "alg": "RSA-OAEP-256",
        "n": base64url.encode(n.to_bytes((n.bit_length() + 7) // 8, "big")),
        "e": base64url.encode(e.to_bytes((e.bit_length() + 7) // 8, "big")),
    }


def x25519(octets: bytes) -> dict[str, Any]:
    return {"kty": "OKP", "crv": "X25519", "alg": "ECDH-ES", "x": base64url.encode(octets)}


BAD: dict[str, tuple[object, str]] = {
    "no object": ([], "object"),
    "private EC": (jwk(d="AA"), "public"),
    "private RSA": (jwk(RSA, p="AA"), "public"),
    "a secret": ({"kty": "oct", "k": base64url.encode(bytes(range(32))), "alg": "dir"}, "public"),
    "k in an EC key": (jwk(k="AA"), "public"),
    "for signing": (jwk(use="sig"), "use"),
    "use of another type": (jwk(use=["enc"]), "use"),
    "operations that sign": (jwk(key_ops=["deriveKey", "verify"]), "key_ops"),
    "operations of something else": (jwk(key_ops=["wrapKey"]), "key_ops"),
    "no operation": (jwk(key_ops=[]), "key_ops"),
    "operations of another type": (jwk(key_ops="deriveKey"), "key_ops"),
    "RSA1_5": (jwk(RSA, alg="RSA1_5"), "alg"),
    "RSA-OAEP with SHA-1": (jwk(RSA, alg="RSA-OAEP"), "alg"),
    "a signature algorithm": (jwk(alg="ES256"), "alg"),
    "an algorithm of another type": (jwk(alg="RSA-OAEP-256"), "alg"),
    "alg of another type": (jwk(alg=["ECDH-ES"]), "alg"),
    "two algorithms open": (jwk(alg=ABSENT), "alg"),
    "kid of another type": (jwk(kid=7), "kid"),
    "kid empty": (jwk(kid=""), "kid"),
    "kid too long": (jwk(kid="k" * 257), "kid"),
    "short RSA": (rsa_jwk(1024), "weak"),
    "small exponent": (rsa_jwk(2048, 3), "weak"),
    "point off the curve": (jwk(x=base64url.encode(bytes(32))), "curve"),
    "coordinate too short": (jwk(y="AA"), "octets"),
    "coordinate not canonical": (jwk(x=P256.public_jwk()["x"][:-1] + "_"), "base64url"),
    "curve of signatures": (jwk(crv="secp256k1"), "P-256"),
    "curve of another type": (jwk(crv=["P-256"]), "P-256"),
    "type of another type": (jwk(kty=["EC"]), "P-256"),
    "Ed25519": ({"kty": "OKP", "crv": "Ed25519", "x": X25519["x"], "alg": "ECDH-ES"}, "P-256"),
    "X25519 zero": (x25519(bytes(32)), "small order"),
    "X25519 one": (x25519(b"\x01" + bytes(31)), "small order"),
    "X25519 p": (x25519((2**255 - 19).to_bytes(32, "little")), "small order"),
    "X25519 too short": (x25519(bytes(31)), "32 octets"),
    "X25519 of another type": (X25519 | {"alg": "ECDH-ES", "x": 1}, "32 octets"),
}


@pytest.mark.parametrize(("members", "why"), BAD.values(), ids=BAD)
def test_a_bad_key_is_refused(members: object, why: str):
    with pytest.raises(ValueError, match=why):
        encryption_key(members)


def test_who_registers_a_key_may_be_held_to_fewer_algorithms():
    assert encryption_key(jwk(alg=ABSENT), algorithms=["ECDH-ES"]).algorithm == "ECDH-ES"
    with pytest.raises(ValueError, match="alg"):
        encryption_key(jwk(), algorithms=["ECDH-ES"])


@pytest.mark.parametrize("algorithm", KEY_MANAGEMENT)
def test_a_generated_key_fits_has_a_name_and_shows_nothing(algorithm: str):
    key = DecryptionKey.generate(algorithm)
    assert key.kid != DecryptionKey.generate(algorithm).kid
    assert DecryptionKey.generate(algorithm, kid="mine").kid == "mine"
    for each in (key, key.encryption_key()):
        assert "key=" not in repr(each)


@pytest.mark.parametrize("key", [P256, RSA], ids=lambda key: key.algorithm)
def test_a_private_key_is_kept_as_pkcs8(key: DecryptionKey):
    again = DecryptionKey.from_pkcs8(key.kid, key.algorithm, key.to_pkcs8())
    assert again.public_jwk() == key.public_jwk()
    assert not {"d", "p", "q", "dp", "dq", "qi"} & key.public_jwk().keys()
    with pytest.raises(ValueError, match="PKCS"):
        DecryptionKey.from_pkcs8(key.kid, key.algorithm, b"x")


def test_a_shared_secret_is_never_published():
    key = DecryptionKey.generate("dir")
    assert key.encryption_key().key == key.key
    with pytest.raises(ValueError, match="public half"):
        key.public_jwk()
    with pytest.raises(ValueError, match="PKCS"):
        key.to_pkcs8()


@pytest.mark.parametrize("length", [0, 15, 17, 24, 33, 48, 65])
def test_a_secret_has_the_length_of_one_content_encryption(length: int):
    with pytest.raises(ValueError, match="dir"):
        DecryptionKey("k", "dir", bytes(length))


@pytest.mark.parametrize("secret", [bytes(32), b"correct-horse-battery-staple-and", bytes(range(64))])
def test_a_secret_that_is_none_is_refused(secret: bytes):
    with pytest.raises(ValueError, match="secret"):
        DecryptionKey("k", "dir", secret)


def test_no_two_content_encryptions_have_keys_of_the_same_length():
    assert len({row.key for row in ENCRYPTIONS.values()}) == len(ENCRYPTIONS)


MISFITS = {
    "the wrong curve": ("ECDH-ES", ec.generate_private_key(ec.SECP384R1())),
    "a key that signs": ("ECDH-ES", ed25519.Ed25519PrivateKey.generate()),
    "RSA for agreement": ("ECDH-ES", RSA.key),
    "EC for RSA": ("RSA-OAEP-256", P256.key),
    "short RSA": ("RSA-OAEP-256", rsa.generate_private_key(65537, 1024)),
    "a private key for dir": ("dir", P256.key),
    "a text for dir": ("dir", "x" * 32),
    "an unknown algorithm": ("RSA1_5", RSA.key),
}


@pytest.mark.parametrize(("algorithm", "key"), MISFITS.values(), ids=MISFITS)
def test_a_key_that_does_not_fit_its_algorithm_is_refused(algorithm: str, key: Any):
    for kind in (DecryptionKey, EncryptionKey):
        with pytest.raises(ValueError, match=r"algorithm|of the type of"):
            kind("k", algorithm, key)


def test_the_halves_are_not_exchanged():
    with pytest.raises(ValueError, match="private"):
        EncryptionKey("k", "ECDH-ES", P256.key)
    with pytest.raises(ValueError, match="public"):
        DecryptionKey("k", "ECDH-ES", P256.encryption_key().key)  # type: ignore[arg-type]
    for kid in ("", "k" * 257, None):
        with pytest.raises(ValueError, match="kid"):
            DecryptionKey(kid, "ECDH-ES", P256.key)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown algorithm"):
        DecryptionKey.generate("RSA1_5")
