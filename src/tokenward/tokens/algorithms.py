"""The one table of signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2). Nothing else lists them.

What the library checks itself (r and s in range, lengths of EdDSA and RSA signatures, odd exponents) is not
checked twice; the table of attacks holds it to that.
"""

import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from tokenward.base.entropy import random_bytes

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
Verify = Callable[[Any, bytes, bytes], bool]

MIN_RSA_BITS = 2048  # RFC 7518 §3.3
MAX_RSA_BITS = 8192  # beyond it a verification costs milliseconds, which a hostile key set could choose


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One row.

    Attributes:
        name: the `alg` value.
        kty: the JWK key type that it works with.
        crv: the curve, or "" where the type has none.
        scheme: what is computed. Two rows of one scheme are two names of one algorithm.
        fits: whether a key, private, public or secret, is of this row's type and strength.
        generate: makes a private key, or a secret.
        sign: (private key or secret, input) → JWS signature.
        verify: (public key or secret, input, signature) → whether it is the signature, exactly as long as it
            must be.
    """

    name: str
    kty: str
    crv: str
    scheme: str
    fits: Callable[[object], bool]
    generate: Callable[[], PrivateKey | bytes]
    # The key's type follows from the row, which `fits` has checked when the key was loaded.
    sign: Callable[[Any, bytes], bytes]
    verify: Verify

    @property
    def symmetric(self) -> bool:
        """Whether whoever verifies could sign as well."""
        return self.kty == "oct"


def _ecdsa(name: str, crv: str, curve: ec.EllipticCurve, digest: HashAlgorithm) -> Algorithm:
    """ECDSA (RFC 7518 §3.4): the signature is r ‖ s, each as long as the field."""
    size = (curve.key_size + 7) // 8
    hashed = ec.ECDSA(digest)
    of_curve = type(curve)

    def fits(key: object) -> bool:
        return isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) and isinstance(
            key.curve, of_curve
        )

    def sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, hashed))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def verify(key: ec.EllipticCurvePublicKey, data: bytes, signature: bytes) -> bool:
        if len(signature) != 2 * size:
            return False
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        try:
            key.verify(encode_dss_signature(r, s), data, hashed)
        except InvalidSignature:
            return False
        return True

    return Algorithm(name, "EC", crv, name, fits, lambda: ec.generate_private_key(of_curve()), sign, verify)


def _ed25519(name: str) -> Algorithm:
    """EdDSA with Ed25519: under its first name (RFC 8037 §3.1) and its full one (RFC 9864 §2.2)."""

    def fits(key: object) -> bool:
        return isinstance(key, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey)

    def sign(key: ed25519.Ed25519PrivateKey, data: bytes) -> bytes:
        return key.sign(data)

    def verify(key: ed25519.Ed25519PublicKey, data: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    generate = ed25519.Ed25519PrivateKey.generate
    return Algorithm(name, "OKP", "Ed25519", "Ed25519", fits, generate, sign, verify)


def _rsa(name: str, digest: HashAlgorithm, pad: padding.PKCS1v15 | padding.PSS) -> Algorithm:
    """RSASSA (RFC 7518 §3.3 and §3.5)."""

    def fits(key: object) -> bool:
        if not isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
            return False
        public = key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key
        return MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS and public.public_numbers().e >= 65537

    def generate() -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=3072)

    def sign(key: rsa.RSAPrivateKey, data: bytes) -> bytes:
        return key.sign(data, pad, digest)

    def verify(key: rsa.RSAPublicKey, data: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, data, pad, digest)
        except InvalidSignature:
            return False
        return True

    return Algorithm(name, "RSA", "", name, fits, generate, sign, verify)


def _pss(digest: HashAlgorithm) -> padding.PSS:
    # RFC 7518 §3.5: MGF1 with the same hash, the salt as long as the hash.
    return padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)


def _hmac(name: str, digest: HashAlgorithm) -> Algorithm:
    """HMAC (RFC 7518 §3.2): the secret is at least as long as the hash."""

    def fits(secret: object) -> bool:
        return isinstance(secret, bytes) and len(secret) >= digest.digest_size

    def generate() -> bytes:
        return random_bytes(digest.digest_size)

    def sign(secret: bytes, data: bytes) -> bytes:
        return hmac.digest(secret, data, digest.name)

    def verify(secret: bytes, data: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(hmac.digest(secret, data, digest.name), signature)

    return Algorithm(name, "oct", "", name, fits, generate, sign, verify)


ALGORITHMS: dict[str, Algorithm] = {
    row.name: row
    for row in (
        _ecdsa("ES256", "P-256", ec.SECP256R1(), SHA256()),
        _ecdsa("ES384", "P-384", ec.SECP384R1(), SHA384()),
        _ecdsa("ES512", "P-521", ec.SECP521R1(), SHA512()),
        _ed25519("EdDSA"),
        _ed25519("Ed25519"),
        _rsa("PS256", SHA256(), _pss(SHA256())),
        _rsa("PS384", SHA384(), _pss(SHA384())),
        _rsa("PS512", SHA512(), _pss(SHA512())),
        _rsa("RS256", SHA256(), padding.PKCS1v15()),
        _rsa("RS384", SHA384(), padding.PKCS1v15()),
        _rsa("RS512", SHA512(), padding.PKCS1v15()),
        _hmac("HS256", SHA256()),
        _hmac("HS384", SHA384()),
        _hmac("HS512", SHA512()),
    )
}

ASYMMETRIC: tuple[str, ...] = tuple(row.name for row in ALGORITHMS.values() if not row.symmetric)
"""What a set of public keys may be used for. A symmetric algorithm has to be asked for by its name."""


def known(names: object) -> tuple[str, ...]:
    """The names of a configured allow-list, checked.

    Raises:
        ValueError: it is no list, it is empty, a name is not in the table, or symmetric and asymmetric
            algorithms are mixed, so that a public key might be taken for a secret.
    """
    if not isinstance(names, list | tuple | set | frozenset) or not names:
        raise ValueError("algorithms must be a list that names at least one algorithm")
    for name in names:
        if not isinstance(name, str) or name not in ALGORITHMS:
            raise ValueError(f"algorithm {name!r} is not supported; choose from {', '.join(ALGORITHMS)}")
    if len({ALGORITHMS[name].symmetric for name in names}) > 1:
        raise ValueError("symmetric (HS…) and asymmetric algorithms cannot be allowed together")
    return tuple(names)


def only_choice(kty: str, crv: object, allowed: Collection[str]) -> str | None:
    """The algorithm of a key that names none: the one of `allowed` that its type leaves open, or None."""
    rows = [ALGORITHMS[name] for name in allowed]
    open_choices = [row for row in rows if row.kty == kty and row.crv in ("", crv)]
    return open_choices[0].name if len({row.scheme for row in open_choices}) == 1 else None
