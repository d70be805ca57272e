"""Signing and verification keys: each is good for one algorithm and nothing else (RFC 8725 §3.1)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from tokenward.base.secret import Secret
from tokenward.tokens import base64url
from tokenward.tokens.algorithms import ALGORITHMS, PrivateKey, PublicKey


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key that verifies with one algorithm.

    Attributes:
        kid: the key's name in its set; None where the set gives none.
        algorithm: a key of `ALGORITHMS`.
        material: the public key, or the secret of a symmetric algorithm.
    """

    kid: str | None
    algorithm: str
    material: PublicKey | bytes = field(repr=False)

    def verify(self, signing_input: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's over `signing_input`."""
        return ALGORITHMS[self.algorithm].verify(self.material, signing_input, signature)

    def answers_to(self, algorithm: str) -> bool:
        """Whether `alg` names this key's algorithm, under whichever of its names."""
        if algorithm == self.algorithm:
            return True
        return ALGORITHMS[algorithm].scheme == ALGORITHMS[self.algorithm].scheme


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key that signs with one algorithm and nothing else.

    Attributes:
        kid: the key's name in our JWK Set.
        algorithm: a key of `ALGORITHMS`.
        private: the key, of that algorithm's type.
    """

    kid: str
    algorithm: str
    private: PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        _asymmetric(self.algorithm)
        if not ALGORITHMS[self.algorithm].fits(self.private):
            raise ValueError(f"the private key does not fit {self.algorithm}")

    @classmethod
    def generate(cls, algorithm: str = "ES256") -> "SigningKey":
        """A fresh key whose `kid` is its thumbprint.

        Raises:
            ValueError: the algorithm is not in the table, or symmetric.
        """
        _asymmetric(algorithm)
        private = ALGORITHMS[algorithm].generate()
        assert not isinstance(private, bytes)  # noqa: S101 - follows from the row
        return cls(thumbprint(members(private.public_key())), algorithm, private)

    @classmethod
    def from_pkcs8(cls, kid: str, algorithm: str, der: bytes) -> "SigningKey":
        """The key that `to_pkcs8` wrote.

        Raises:
            ValueError: it is no unencrypted PKCS #8 key, or does not fit the algorithm.
        """
        return cls(kid, algorithm, read_pkcs8(der))  # type: ignore[arg-type]  # checked in __post_init__

    def to_pkcs8(self) -> bytes:
        """Unencrypted DER; to be sealed before it is stored."""
        return write_pkcs8(self.private)

    def sign(self, signing_input: bytes) -> bytes:
        """The JWS signature."""
        return ALGORITHMS[self.algorithm].sign(self.private, signing_input)

    def public_jwk(self) -> dict[str, str]:
        """The public half, as it stands in our JWK Set."""
        public = members(self.private.public_key())
        return public | {"kid": self.kid, "alg": self.algorithm, "use": "sig"}


def read_pkcs8(der: bytes) -> PrivateKeyTypes:
    """The private key, of whatever type, that `write_pkcs8` wrote (RFC 5958).

    Raises:
        ValueError: it is no unencrypted PKCS #8 key.
    """
    try:
        return serialization.load_der_private_key(der, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # the library's text may describe the key
        raise ValueError("not a PKCS #8 private key") from None


def signing_key_from_pem(pem: Secret, algorithm: str, *, kid: str = "") -> SigningKey:
    """The key in a PEM file without a password, such as `openssl genpkey` writes.

    Args:
        pem: the text.
        algorithm: what it signs with.
        kid: its name; its thumbprint by default.

    Raises:
        ValueError: it is no private key, or does not fit the algorithm.
    """
    try:
        private = serialization.load_pem_private_key(pem.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # the library's text may describe the key
        raise ValueError("not a PEM private key without a password") from None
    key = SigningKey(kid, algorithm, private)  # type: ignore[arg-type]  # checked in __post_init__
    return key if kid else replace(key, kid=thumbprint(members(key.private.public_key())))


def write_pkcs8(private: PrivateKeyTypes) -> bytes:
    """The private key as unencrypted DER."""
    return private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def thumbprint(jwk: Mapping[str, str]) -> str:
    """The SHA-256 thumbprint of a public JWK of only its required members (RFC 7638 §3), base64url."""
    canonical = json.dumps(dict(jwk), sort_keys=True, separators=(",", ":"))
    return base64url.encode(hashlib.sha256(canonical.encode()).digest())


def _asymmetric(algorithm: str) -> None:
    if algorithm not in ALGORITHMS or ALGORITHMS[algorithm].symmetric:
        raise ValueError(f"unknown algorithm {algorithm!r}, or one without a public key")


def members(public: PublicKey) -> dict[str, str]:
    """The required members of the key's JWK (RFC 7638 §3.2, RFC 8037 §2)."""
    if isinstance(public, rsa.RSAPublicKey):
        rsa_numbers = public.public_numbers()
        return {"kty": "RSA", "n": _unsigned(rsa_numbers.n), "e": _unsigned(rsa_numbers.e)}
    if isinstance(public, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(public.public_bytes_raw())}
    point, size = public.public_numbers(), (public.curve.key_size + 7) // 8
    return {
        "kty": "EC",
        "crv": f"P-{public.curve.key_size}",
        "x": base64url.encode(point.x.to_bytes(size, "big")),
        "y": base64url.encode(point.y.to_bytes(size, "big")),
    }


def _unsigned(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))
