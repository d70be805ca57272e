"""Keys that encrypt and keys that decrypt (RFC 7517, RFC 7518 §4, RFC 8037 §3.2): each for one algorithm."""

# ruff: noqa: TRY004 - a JWK of the wrong JSON type is a bad value from outside, not a wrong call

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

from tokenward.base.entropy import random_bytes
from tokenward.tokens import base64url
from tokenward.tokens.algorithms import MAX_RSA_BITS, MIN_RSA_BITS
from tokenward.tokens.jwk_set import MAX_KID
from tokenward.tokens.jwk_set import public_key as verification_key
from tokenward.tokens.key_lint import weak_secret
from tokenward.tokens.keys import members as signing_members
from tokenward.tokens.keys import read_pkcs8, thumbprint, write_pkcs8

PublicKey = ec.EllipticCurvePublicKey | x25519.X25519PublicKey | rsa.RSAPublicKey
PrivateKey = ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class ContentEncryption:
    """One row: an authenticated cipher for the content; lengths in octets."""

    name: str
    key: int
    iv: int
    tag: int


# Every `enc` value that we know (RFC 7518 §5.1). No two have keys of the same length.
ENCRYPTIONS: dict[str, ContentEncryption] = {
    row.name: row
    for row in (
        ContentEncryption("A128GCM", key=16, iv=12, tag=16),
        ContentEncryption("A256GCM", key=32, iv=12, tag=16),
        ContentEncryption("A256CBC-HS512", key=64, iv=16, tag=32),
    )
}


@dataclass(frozen=True, slots=True)
class KeyManagement:
    """One row: how the key of the content comes to the recipient.

    Attributes:
        name: the `alg` value.
        operations: the `key_ops` (RFC 7517 §4.3) under which a public key is meant for it.
        agreement: whether it uses `epk`, `apu` and `apv`.
        fits: whether a private or public key, or a secret, is of this row's type and strength.
        generate: makes a private key or a secret.
    """

    name: str
    operations: frozenset[str]
    agreement: bool
    fits: Callable[[object], bool]
    generate: Callable[[], PrivateKey | bytes]


def _fits_agreement(key: object) -> bool:
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return isinstance(key.curve, ec.SECP256R1)
    return isinstance(key, x25519.X25519PrivateKey | x25519.X25519PublicKey)


def _fits_rsa(key: object) -> bool:
    if not isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return False
    public = key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key
    return MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS and public.public_numbers().e >= 65537


def _fits_direct(key: object) -> bool:
    return isinstance(key, bytes) and any(len(key) == row.key for row in ENCRYPTIONS.values())


def _generate_p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _generate_rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=3072)


def _generate_direct() -> bytes:
    return random_bytes(ENCRYPTIONS["A256GCM"].key)


_DERIVE = frozenset({"deriveKey", "deriveBits"})

# Every `alg` value that we know (RFC 7518 §4.1). RSA1_5 is absent because its padding answers questions about
# plaintexts (RFC 8725 §3.2), PBES2 because a token could choose how long we compute and a password is no key.
KEY_MANAGEMENT: dict[str, KeyManagement] = {
    row.name: row
    for row in (
        KeyManagement("ECDH-ES", _DERIVE, True, _fits_agreement, _generate_p256),
        KeyManagement("ECDH-ES+A256KW", _DERIVE, True, _fits_agreement, _generate_p256),
        KeyManagement("RSA-OAEP-256", frozenset({"encrypt", "wrapKey"}), False, _fits_rsa, _generate_rsa),
        KeyManagement("dir", frozenset({"encrypt", "decrypt"}), False, _fits_direct, _generate_direct),
    )
}


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A key that encrypts for its owner, with one algorithm and nothing else.

    Attributes:
        kid: the key's name at its owner; None where the owner gives none.
        algorithm: a key of `KEY_MANAGEMENT`.
        key: the public key; for `dir` the shared secret.
    """

    kid: str | None
    algorithm: str
    key: PublicKey | bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.kid is not None:
            _check_kid(self.kid)
        _check_fit(self.algorithm, self.key)
        if isinstance(self.key, PrivateKey):
            raise ValueError("a private key does not belong to those who encrypt")


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """A key that decrypts what was encrypted for us, with one algorithm and nothing else.

    Attributes:
        kid: the key's name, exactly as senders put it into the header.
        algorithm: a key of `KEY_MANAGEMENT`.
        key: the private key; for `dir` the shared secret.
    """

    kid: str
    algorithm: str
    key: PrivateKey | bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_kid(self.kid)
        _check_fit(self.algorithm, self.key)
        if isinstance(self.key, PublicKey):
            raise ValueError("a public key decrypts nothing")

    @classmethod
    def generate(cls, algorithm: str = "ECDH-ES+A256KW", *, kid: str | None = None) -> "DecryptionKey":
        """A fresh key; P-256, RSA of 3072 bits, or 256 random bits.

        Args:
            algorithm: a key of `KEY_MANAGEMENT`.
            kid: its name. Without one it is the public key's thumbprint, for a secret sixteen random octets.

        Raises:
            ValueError: the algorithm is not in the table.
        """
        if algorithm not in KEY_MANAGEMENT:
            raise ValueError(f"unknown algorithm {algorithm!r}")
        key = KEY_MANAGEMENT[algorithm].generate()
        if kid is None:
            # RFC 7638 §7: the thumbprint of a secret would tell about it.
            public = None if isinstance(key, bytes) else key.public_key()
            kid = thumbprint(_members(public)) if public else base64url.encode(random_bytes(16))
        return cls(kid, algorithm, key)

    @classmethod
    def from_pkcs8(cls, kid: str, algorithm: str, der: bytes) -> "DecryptionKey":
        """The private key that `to_pkcs8` wrote.

        Raises:
            ValueError: it is no unencrypted PKCS #8 key, or does not fit the algorithm.
        """
        return cls(kid, algorithm, read_pkcs8(der))  # type: ignore[arg-type]  # checked in __post_init__

    def to_pkcs8(self) -> bytes:
        """Unencrypted DER; to be sealed before it is stored.

        Raises:
            ValueError: it is a shared secret.
        """
        if isinstance(self.key, bytes):
            raise ValueError("a shared secret has no PKCS #8 form")
        return write_pkcs8(self.key)

    def encryption_key(self) -> EncryptionKey:
        """The half for those who encrypt; of a shared secret, the secret."""
        key = self.key if isinstance(self.key, bytes) else self.key.public_key()
        return EncryptionKey(self.kid, self.algorithm, key)

    def public_jwk(self) -> dict[str, str]:
        """The public half as a JWK, to be registered with those who encrypt.

        Raises:
            ValueError: it is a shared secret.
        """
        if isinstance(self.key, bytes):
            raise ValueError("a shared secret has no public half")
        public = _members(self.key.public_key())
        return public | {"kid": self.kid, "alg": self.algorithm, "use": "enc"}


def encryption_key(jwk: object, *, algorithms: Collection[str] = tuple(KEY_MANAGEMENT)) -> EncryptionKey:
    """The key in somebody's public JWK, which must be good for encrypting with one of `algorithms`.

    A key without `alg` counts only where its type leaves exactly one of `algorithms` open: nobody but its
    owner may choose.

    Raises:
        ValueError: it is malformed, private, symmetric, weak, impossible, or meant for something else.
    """
    if not isinstance(jwk, Mapping):
        raise ValueError("a JWK is an object")
    if is_private(jwk):
        raise ValueError("a registered encryption key must be public")
    if "kid" in jwk:
        _check_kid(jwk["kid"])
    public = public_key(jwk)
    algorithm = _algorithm(jwk, public, algorithms)
    _check_purpose(jwk, KEY_MANAGEMENT[algorithm])
    return EncryptionKey(jwk.get("kid"), algorithm, public)


def is_private(jwk: Mapping[str, object]) -> bool:
    """Whether a JWK holds what only its owner may have (RFC 7518 §6): a private part, or a secret."""
    return not _PRIVATE_MEMBERS.isdisjoint(jwk) or jwk.get("kty") == "oct"


def _algorithm(jwk: Mapping[str, object], public: PublicKey, allowed: Collection[str]) -> str:
    fitting = [row.name for row in KEY_MANAGEMENT.values() if row.name in allowed and row.fits(public)]
    if "alg" in jwk:
        if jwk["alg"] not in fitting:
            raise ValueError(f"`alg` must fit the key and be one of {', '.join(allowed)}")
        return str(jwk["alg"])
    if len(fitting) != 1:
        raise ValueError("the key must say by `alg` with which algorithm it is used")
    return fitting[0]


def _check_purpose(jwk: Mapping[str, object], row: KeyManagement) -> None:
    if jwk.get("use", "enc") != "enc":
        raise ValueError("the key is not for encryption (`use`)")
    if "key_ops" not in jwk:
        return
    operations = jwk["key_ops"]
    if not isinstance(operations, list | tuple) or not all(isinstance(each, str) for each in operations):
        raise ValueError("`key_ops` must be an array of texts")
    # RFC 7517 §4.3: several operations of one key must belong together, and no key may sign and decrypt.
    if row.operations.isdisjoint(operations) or {"sign", "verify"} & set(operations):
        raise ValueError(f"the key is not for {row.name} (`key_ops`)")


def public_key(jwk: Mapping[str, object]) -> PublicKey:
    """The public key that a JWK holds; also an ephemeral one, which has nothing but its type and value.

    Raises:
        ValueError: it is malformed, weak, not on its curve, or of another type than P-256, X25519 and RSA.
    """
    kind = f"{jwk.get('kty')} {jwk.get('crv', '')}".strip()
    if kind == "OKP X25519":
        return _load_x25519(jwk.get("x"))
    if kind not in _SAME_AS:
        raise ValueError("the key must be EC with P-256, OKP with X25519, or RSA")
    # The numbers are those of a key that verifies, and so are the checks: they stand in one place.
    algorithm = _SAME_AS[kind]
    values = {name: jwk.get(name) for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}
    return verification_key(values, algorithm)  # type: ignore[return-value]  # the algorithm has said its type


_SAME_AS = {"EC P-256": "ES256", "RSA": "RS256"}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def _load_x25519(x: object) -> x25519.X25519PublicKey:
    octets = base64url.decode(x) if isinstance(x, str) else b""
    if len(octets) != 32:
        raise ValueError("`x` must be a text of 32 octets")
    key = x25519.X25519PublicKey.from_public_bytes(octets)
    try:
        # RFC 7748 §6.1: with a point of small order everybody agrees on zero, and the library says so.
        x25519.X25519PrivateKey.generate().exchange(key)
    except ValueError:
        raise ValueError("the X25519 key is a point of small order") from None
    return key


def _members(public: PublicKey) -> dict[str, str]:
    """The required members of the key's JWK (RFC 7638 §3.2)."""
    if isinstance(public, x25519.X25519PublicKey):
        return {"kty": "OKP", "crv": "X25519", "x": base64url.encode(public.public_bytes_raw())}
    return signing_members(public)


def _check_kid(kid: object) -> None:
    if not (isinstance(kid, str) and 0 < len(kid) <= MAX_KID):
        raise ValueError("`kid` must be a text of 1 to 256 characters")


def _check_fit(algorithm: str, key: object) -> None:
    if algorithm not in KEY_MANAGEMENT:
        raise ValueError(f"unknown algorithm {algorithm!r}; choose from {', '.join(KEY_MANAGEMENT)}")
    if not KEY_MANAGEMENT[algorithm].fits(key):
        raise ValueError(f"the key is too weak, or not of the type of {algorithm}")
    if isinstance(key, bytes) and (weakness := weak_secret(key)) is not None:
        raise ValueError(weakness)
