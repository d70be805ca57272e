"""Whether a text is a private key, and which: by the thumbprint of its public half, which is our `kid`.

The public half is always derived from the private one. What stands beside it proves nothing: our public keys
are published, and anybody can write an invented private member next to one.
"""

from collections.abc import Callable, Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tokenward.tokens import base64url, strict_json
from tokenward.tokens.keys import members, thumbprint

_CURVES: Mapping[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_Public = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


def kid_of(text: str) -> str | None:
    """The `kid` of the private key that `text` is, as PEM or JWK; None for any other text."""
    try:
        if "PRIVATE KEY-----" in text:
            public = _derived(load_pem_private_key(text.encode(), password=None))
        elif text.lstrip().startswith("{"):
            public = _of_jwk(strict_json.read_object(text.encode()))
        else:
            return None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return None if public is None else thumbprint(members(public))


def _derived(private: object) -> _Public | None:
    if isinstance(private, ec.EllipticCurvePrivateKey):
        # A PKCS #8 file brings its public half along, and nobody compares the two.
        return ec.derive_private_key(private.private_numbers().private_value, private.curve).public_key()
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.public_key()
    return private.public_key() if isinstance(private, rsa.RSAPrivateKey) else None  # checked when loaded


def _of_jwk(jwk: Mapping[str, object]) -> _Public | None:
    read = _READERS.get(str(jwk.get("kty")))
    return None if read is None else read(jwk)


def _ec(jwk: Mapping[str, object]) -> _Public | None:
    curve = _CURVES.get(str(jwk.get("crv")))
    return None if curve is None else ec.derive_private_key(_number(jwk, "d"), curve).public_key()


def _okp(jwk: Mapping[str, object]) -> _Public | None:
    if jwk.get("crv") != "Ed25519":
        return None
    return ed25519.Ed25519PrivateKey.from_private_bytes(_octets(jwk, "d")).public_key()


def _rsa(jwk: Mapping[str, object]) -> _Public | None:
    n, e, d = (_number(jwk, name) for name in ("n", "e", "d"))
    p, q = rsa.rsa_recover_prime_factors(n, e, d)
    return (
        rsa.RSAPrivateNumbers(
            p,
            q,
            d,
            rsa.rsa_crt_dmp1(d, p),
            rsa.rsa_crt_dmq1(d, q),
            rsa.rsa_crt_iqmp(p, q),
            rsa.RSAPublicNumbers(e, n),
        )
        .private_key()
        .public_key()
    )


_READERS: Mapping[str, Callable[[Mapping[str, object]], _Public | None]] = {
    "EC": _ec,
    "OKP": _okp,
    "RSA": _rsa,
}


def _number(jwk: Mapping[str, object], name: str) -> int:
    return int.from_bytes(_octets(jwk, name))


def _octets(jwk: Mapping[str, object], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= 1400:  # RSA of 8192 bits
        raise ValueError(f"{name} is no number")
    return base64url.decode(text)
