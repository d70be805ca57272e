"""Strict loading of JWK Sets (RFC 7517, RFC 7518 §6, RFC 8037 §2): public keys or secrets, never both."""

# ruff: noqa: TRY004 - a JWK of the wrong JSON type is a bad value from outside, not a wrong call

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tokenward.tokens import base64url
from tokenward.tokens.algorithms import ALGORITHMS, ASYMMETRIC, MAX_RSA_BITS, PublicKey, only_choice
from tokenward.tokens.key_lint import weak_modulus, weak_secret
from tokenward.tokens.keys import VerificationKey

MAX_KEYS = 64
MAX_KID = 256
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MAX_SECRET = 1024  # octets


class NoUsableKey(ValueError):  # noqa: N818 - a state that a key source tells apart from a bad set
    """A well-formed JWK Set without a key that is good for verifying."""


def public_keys(jwks: object, *, algorithms: Collection[str] = ASYMMETRIC) -> tuple[VerificationKey, ...]:
    """The keys of a JWK Set that are good for verifying with one of `algorithms`.

    Keys for other purposes, types or algorithms are passed over (RFC 7517 §5). A key without `alg` counts
    only where its type leaves exactly one of `algorithms` open: nobody but the set's owner may choose.

    Raises:
        ValueError: the set is malformed, holds private or symmetric material, a weak or impossible key, or
            the same `kid` twice.
        NoUsableKey: it is well-formed, and no key in it is usable; a ValueError, too.
    """
    found = []
    for jwk in _entries(jwks):
        if not _PRIVATE_MEMBERS.isdisjoint(jwk) or jwk.get("kty") == "oct":
            raise ValueError("a JWK Set for verification must not hold private or symmetric keys")
        algorithm = _algorithm(jwk, algorithms)
        if algorithm is not None:
            key = public_key(jwk, algorithm)
            if isinstance(key, rsa.RSAPublicKey):
                _refuse_weak(weak_modulus(key.public_numbers().n))
            found.append(VerificationKey(_kid(jwk), algorithm, key))
    return _usable(found)


def secret_keys(jwks: object, *, algorithms: Collection[str]) -> tuple[VerificationKey, ...]:
    """The secrets of a JWK Set (`kty` "oct") for symmetric `algorithms`: configured, never fetched.

    Raises:
        ValueError: the set is malformed, holds anything but secrets, a short or well-known one, or the same
            `kid` twice.
        NoUsableKey: it is well-formed, and no secret in it is usable; a ValueError, too.
    """
    found = []
    for jwk in _entries(jwks):
        if jwk.get("kty") != "oct":
            raise ValueError("a JWK Set for symmetric algorithms must hold nothing but secrets")
        algorithm = _algorithm(jwk, algorithms)
        if algorithm is not None:
            found.append(VerificationKey(_kid(jwk), algorithm, _secret(jwk, algorithm)))
    return _usable(found)


def public_key(jwk: Mapping[str, object], algorithm: str) -> PublicKey:
    """The public key that a JWK holds, checked for its type and size.

    Whether it is one of the worthless ones takes longer to tell, and is told of the keys of a set.

    Raises:
        ValueError: it is malformed, weak, or not of the algorithm's type.
    """
    row = ALGORITHMS[algorithm]
    if _text(jwk, "kty") != row.kty or (row.crv and _text(jwk, "crv") != row.crv):
        raise ValueError(f"the key is of the wrong type or curve for {algorithm}")
    key = _LOADERS[row.kty](jwk, row.crv)
    if not row.fits(key):
        raise ValueError(f"the key is too weak or of the wrong type for {algorithm}")
    return key


def _entries(jwks: object) -> Iterator[Mapping[str, Any]]:
    entries = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(entries, list | tuple):
        raise ValueError("a JWK Set is an object with an array `keys`")
    if len(entries) > MAX_KEYS:
        raise ValueError(f"a JWK Set may hold at most {MAX_KEYS} keys")
    kids: set[str] = set()
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise ValueError("a JWK is an object")
        kid = _kid(entry)
        if kid is not None and kid in kids:
            raise ValueError("the same `kid` is there twice")
        kids |= {kid} if kid is not None else set()
        yield entry


def _usable(found: list[VerificationKey]) -> tuple[VerificationKey, ...]:
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
    if "alg" not in jwk:
        return only_choice(kty, crv, allowed)
    declared = _text(jwk, "alg")
    row = ALGORITHMS.get(declared)
    if row is not None and (row.kty != kty or row.crv not in ("", crv)):
        raise ValueError(f"a key with alg {declared} has the wrong type or curve")
    same = [name for name in allowed if row is not None and ALGORITHMS[name].scheme == row.scheme]
    return declared if same else None


def _load_ec(jwk: Mapping[str, object], crv: str) -> ec.EllipticCurvePublicKey:
    curve = _CURVES[crv]
    size = (curve.key_size + 7) // 8
    x, y = _octets(jwk, "x", size), _octets(jwk, "y", size)
    try:
        # SEC 1 §2.3.4; refuses what is not on the curve.
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)
    except ValueError:
        raise ValueError(f"the point is not on the curve {crv}") from None


def _load_okp(jwk: Mapping[str, object], _crv: str) -> ed25519.Ed25519PublicKey:
    x = _octets(jwk, "x", 32)
    y = int.from_bytes(x, "little") & ((1 << 255) - 1)
    if y in _SMALL_ORDER:
        raise ValueError("the Ed25519 key is a point of small order")
    return ed25519.Ed25519PublicKey.from_public_bytes(x)


def _load_rsa(jwk: Mapping[str, object], _crv: str) -> rsa.RSAPublicKey:
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


_CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_LOADERS: dict[str, Callable[[Mapping[str, object], str], PublicKey]] = {
    "EC": _load_ec,
    "OKP": _load_okp,
    "RSA": _load_rsa,
}

# The y coordinates of the points whose order divides 8, and their spellings beyond the field's prime: such a
# key accepts signatures that nobody made (RFC 8032 §8.9 leaves the check to the verifier).
_P25519 = 2**255 - 19
_Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER = frozenset({0, 1, _P25519 - 1, _P25519, _P25519 + 1, _Y8, _P25519 - _Y8})


def _secret(jwk: Mapping[str, object], algorithm: str) -> bytes:
    secret = _octets(jwk, "k")
    if len(secret) > _MAX_SECRET:
        raise ValueError("the secret is too long")
    if not ALGORITHMS[algorithm].fits(secret):  # RFC 7518 §3.2
        raise ValueError(f"the secret is too short for {algorithm}")
    _refuse_weak(weak_secret(secret))
    return secret


def _refuse_weak(weakness: str | None) -> None:
    if weakness is not None:
        raise ValueError(weakness)


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
