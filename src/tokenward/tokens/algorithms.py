"""The one table of signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1). Nothing else enumerates them.

Symmetric algorithms are absent on purpose: a key that verifies must never be a key that signs. What the
library checks itself (r and s in range, lengths of EdDSA and RSA signatures, odd exponents) is not checked
twice; the hostile tokens among the tests hold it to that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

MIN_RSA_BITS = 2048  # RFC 7518 §3.3
MAX_RSA_BITS = 8192  # beyond it a verification costs milliseconds, which a hostile key set could choose


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One row.

    Attributes:
        name: the `alg` value.
        kty: the JWK key type that it works with.
        crv: the curve, or "" where the type has none.
        fits: whether a private or public key is of this row's type and strength.
        generate: makes a private key.
        sign: (private key, input) → JWS signature.
        verify: (public key, input, signature) → whether it is the signature, of exactly the right length.
    """

    name: str
    kty: str
    crv: str
    fits: Callable[[object], bool]
    generate: Callable[[], PrivateKey]
    # The key's type follows from the row, which `fits` has checked when the key was loaded.
    sign: Callable[[Any, bytes], bytes]
    verify: Callable[[Any, bytes, bytes], bool]


# ES256: ECDSA with P-256 and SHA-256 (RFC 7518 §3.4).
_ECDSA = ec.ECDSA(SHA256())


def _fits_p256(key: object) -> bool:
    return isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) and isinstance(
        key.curve, ec.SECP256R1
    )


def _sign_es256(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(data, _ECDSA))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _verify_es256(key: ec.EllipticCurvePublicKey, data: bytes, signature: bytes) -> bool:
    if len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key.verify(encode_dss_signature(r, s), data, _ECDSA)
    except InvalidSignature:
        return False
    return True


# EdDSA with Ed25519 (RFC 8037 §3.1).
def _fits_ed25519(key: object) -> bool:
    return isinstance(key, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey)


def _sign_eddsa(key: ed25519.Ed25519PrivateKey, data: bytes) -> bytes:
    return key.sign(data)


def _verify_eddsa(key: ed25519.Ed25519PublicKey, data: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


# RS256 (RFC 7518 §3.3) and PS256 (§3.5: MGF1 with the same hash, salt as long as the hash).
_PKCS1 = padding.PKCS1v15()
_PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=SHA256.digest_size)


def _fits_rsa(key: object) -> bool:
    if not isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return False
    public = key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key
    return MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS and public.public_numbers().e >= 65537


def _rsa(name: str, pad: padding.PKCS1v15 | padding.PSS) -> Algorithm:
    def sign(key: rsa.RSAPrivateKey, data: bytes) -> bytes:
        return key.sign(data, pad, SHA256())

    def verify(key: rsa.RSAPublicKey, data: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, data, pad, SHA256())
        except InvalidSignature:
            return False
        return True

    return Algorithm(name, "RSA", "", _fits_rsa, _generate_rsa, sign, verify)


def _generate_rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=3072)


def _generate_p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


ALGORITHMS: dict[str, Algorithm] = {
    row.name: row
    for row in (
        Algorithm("ES256", "EC", "P-256", _fits_p256, _generate_p256, _sign_es256, _verify_es256),
        Algorithm(
            "EdDSA",
            "OKP",
            "Ed25519",
            _fits_ed25519,
            ed25519.Ed25519PrivateKey.generate,
            _sign_eddsa,
            _verify_eddsa,
        ),
        _rsa("PS256", _PSS),
        _rsa("RS256", _PKCS1),
    )
}


def known(names: object) -> tuple[str, ...]:
    """The names of a configured allow-list, checked.

    Raises:
        ValueError: it is no list, it is empty, or a name is not in the table.
    """
    if not isinstance(names, list | tuple | set | frozenset) or not names:
        raise ValueError("algorithms must be a list that names at least one algorithm")
    for name in names:
        if not isinstance(name, str) or name not in ALGORITHMS:
            raise ValueError(f"algorithm {name!r} is not supported; choose from {', '.join(ALGORITHMS)}")
    return tuple(names)
