"""Signing and verification keys, and the strict loading of JWK Sets (RFC 7517, RFC 7518 §6, RFC 8037 §2)."""

# ruff: noqa: TRY004 - a JWK of the wrong JSON type is a bad value from outside, not a wrong call

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tokenward.tokens import base64url
from tokenward.tokens.algorithms import ALGORITHMS, MAX_RSA_BITS, PrivateKey, PublicKey

MAX_KEYS = 64
MAX_KID = 256
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class NoUsableKey(ValueError):  # noqa: N818 - a state that a key source tells apart from a bad set
    """A well-formed JWK Set without a key that is good for verifying."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key that is good for one algorithm and nothing else.

    Attributes:
        kid: the key's name in its set; None where the set gives none.
        algorithm: a key of `ALGORITHMS`.
        public: the key.
    """

    kid: str | None
    algorithm: str
    public: PublicKey

    def verify(self, signing_input: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's over `signing_input`."""
        return ALGORITHMS[self.algorithm].verify(self.public, signing_input, signature)


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
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"unknown algorithm {self.algorithm!r}")
        if not ALGORITHMS[self.algorithm].fits(self.private):
            raise ValueError(f"the private key does not fit {self.algorithm}")

    @classmethod
    def generate(cls, algorithm: str = "ES256") -> "SigningKey":
        """A fresh key whose `kid` is its thumbprint.

        Raises:
            ValueError: the algorithm is not in the table.
        """
        if algorithm not in ALGORITHMS:
            raise ValueError(f"unknown algorithm {algorithm!r}")
        private = ALGORITHMS[algorithm].generate()
        return cls(thumbprint(_members(private.public_key())), algorithm, private)

    @classmethod
    def from_pkcs8(cls, kid: str, algorithm: str, der: bytes) -> "SigningKey":
        """The key that `to_pkcs8` wrote.

        Raises:
            ValueError: it is no unencrypted PKCS #8 key, or does not fit the algorithm.
        """
        try:
            private = serialization.load_der_private_key(der, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):  # the library's text may describe the key
            raise ValueError("not a PKCS #8 private key") from None
        return cls(kid, algorithm, private)  # type: ignore[arg-type]  # checked in __post_init__

    def to_pkcs8(self) -> bytes:
        """Unencrypted DER; to be sealed before it is stored."""
        return self.private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, signing_input: bytes) -> bytes:
        """The JWS signature."""
        return ALGORITHMS[self.algorithm].sign(self.private, signing_input)

    def public_jwk(self) -> dict[str, str]:
        """The public half, as it stands in our JWK Set."""
        public = _members(self.private.public_key())
        return public | {"kid": self.kid, "alg": self.algorithm, "use": "sig"}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """The SHA-256 thumbprint of a public JWK of only its required members (RFC 7638 §3), base64url."""
    canonical = json.dumps(dict(jwk), sort_keys=True, separators=(",", ":"))
    return base64url.encode(hashlib.sha256(canonical.encode()).digest())


def public_keys(
    jwks: object, *, algorithms: Collection[str] = tuple(ALGORITHMS)
) -> tuple[VerificationKey, ...]:
    """The keys of a JWK Set that are good for verifying with one of `algorithms`.

    Keys for other purposes, types or algorithms are passed over (RFC 7517 §5). A key without `alg` counts
    only where its type leaves exactly one of `algorithms` open: nobody but the set's owner may choose.

    Raises:
        ValueError: the set is malformed, holds private or symmetric material, a weak or impossible key, or
            the same `kid` twice.
        NoUsableKey: it is well-formed, and no key in it is usable; a ValueError, too.
    """
    entries = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(entries, list | tuple):
        raise ValueError("a JWK Set is an object with an array `keys`")
    if len(entries) > MAX_KEYS:
        raise ValueError(f"a JWK Set may hold at most {MAX_KEYS} keys")
    kids: set[str] = set()
    found: list[VerificationKey] = []
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise ValueError("a JWK is an object")
        if not _PRIVATE_MEMBERS.isdisjoint(entry) or entry.get("kty") == "oct":
            raise ValueError("a JWK Set for verification must not hold private or symmetric keys")
        kid = _kid(entry)
        if kid is not None and kid in kids:
            raise ValueError("the same `kid` is there twice")
        kids |= {kid} if kid is not None else set()
        algorithm = _algorithm(entry, algorithms)
        if algorithm is not None:
            found.append(VerificationKey(kid, algorithm, _load(entry, algorithm)))
    if not found:
        raise NoUsableKey("the JWK Set holds no key that is usable for verifying signatures")
    return tuple(found)


def _kid(jwk: Mapping[str, object]) -> str | None:
    kid = jwk.get("kid")
    if "kid" in jwk and not (isinstance(kid, str) and 0 < len(kid) <= MAX_KID):
        raise ValueError("`kid` must be a text of 1 to 256 characters")
    return kid if isinstance(kid, str) else None


def _algorithm(jwk: Mapping[str, object], allowed: Collection[str]) -> str | None:
    """The one algorithm that this JWK may verify with, or None."""
    kty, crv = _text(jwk, "kty"), jwk.get("crv", "")
    if jwk.get("use", "sig") != "sig":
        return None
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list | tuple) or not all(isinstance(each, str) for each in operations):
        raise ValueError("`key_ops` must be an array of texts")
    if "verify" not in operations:
        return None
    of_type = [row.name for row in ALGORITHMS.values() if row.kty == kty and (not row.crv or row.crv == crv)]
    if "alg" in jwk:
        declared = _text(jwk, "alg")
        if declared in ALGORITHMS and declared not in of_type:
            raise ValueError(f"a key with alg {declared} has the wrong type or curve")
        return declared if declared in of_type and declared in allowed else None
    open_choices = [name for name in of_type if name in allowed]
    return open_choices[0] if len(open_choices) == 1 else None


def _load(jwk: Mapping[str, object], algorithm: str) -> PublicKey:
    key = _LOADERS[ALGORITHMS[algorithm].kty](jwk)
    if not ALGORITHMS[algorithm].fits(key):
        raise ValueError(f"the key is too weak or of the wrong type for {algorithm}")
    return key


def _load_ec(jwk: Mapping[str, object]) -> ec.EllipticCurvePublicKey:
    x, y = _octets(jwk, "x", 32), _octets(jwk, "y", 32)
    try:
        # SEC 1 §2.3.4; refuses what is not on the curve.
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
    except ValueError:
        raise ValueError("the point is not on the curve P-256") from None


def _load_okp(jwk: Mapping[str, object]) -> ed25519.Ed25519PublicKey:
    x = _octets(jwk, "x", 32)
    y = int.from_bytes(x, "little") & ((1 << 255) - 1)
    if y in _SMALL_ORDER:
        raise ValueError("the Ed25519 key is a point of small order")
    return ed25519.Ed25519PublicKey.from_public_bytes(x)


def _load_rsa(jwk: Mapping[str, object]) -> rsa.RSAPublicKey:
    n, e = _octets(jwk, "n"), _octets(jwk, "e")
    if not n or not e or n[0] == 0 or e[0] == 0:  # RFC 7518 §6.3.1.1: the fewest octets
        raise ValueError("`n` and `e` must not begin with zero octets")
    if len(n) * 8 > MAX_RSA_BITS or len(e) > 8:
        raise ValueError("the RSA key is too large")
    if n[-1] % 2 == 0:
        raise ValueError("the RSA modulus is even")
    try:
        return rsa.RSAPublicNumbers(int.from_bytes(e, "big"), int.from_bytes(n, "big")).public_key()
    except ValueError:
        raise ValueError("not an RSA public key") from None


_LOADERS: dict[str, Callable[[Mapping[str, object]], PublicKey]] = {
    "EC": _load_ec,
    "OKP": _load_okp,
    "RSA": _load_rsa,
}

# The y coordinates of the points whose order divides 8, and their spellings beyond the field's prime: such a
# key accepts signatures that nobody made (RFC 8032 §8.9 leaves the check to the verifier).
_P25519 = 2**255 - 19
_Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER = frozenset({0, 1, _P25519 - 1, _P25519, _P25519 + 1, _Y8, _P25519 - _Y8})


def _text(jwk: Mapping[str, object], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise ValueError(f"`{name}` must be a text")
    return value


def _octets(jwk: Mapping[str, object], name: str, size: int | None = None) -> bytes:
    octets = base64url.decode(_text(jwk, name))
    if size is not None and len(octets) != size:
        raise ValueError(f"`{name}` must have {size} octets")
    return octets


def _members(public: PublicKey) -> dict[str, str]:
    """The required members of the key's JWK (RFC 7638 §3.2, RFC 8037 §2)."""
    if isinstance(public, rsa.RSAPublicKey):
        rsa_numbers = public.public_numbers()
        return {"kty": "RSA", "n": _unsigned(rsa_numbers.n), "e": _unsigned(rsa_numbers.e)}
    if isinstance(public, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(public.public_bytes_raw())}
    point = public.public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": base64url.encode(point.x.to_bytes(32, "big")),
        "y": base64url.encode(point.y.to_bytes(32, "big")),
    }


def _unsigned(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))
