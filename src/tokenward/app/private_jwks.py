"""Private keys in the form of a JWK (RFC 7518 §6, RFC 8037 §2), for tools that a person hands a key."""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from tokenward.tokens import base64url
from tokenward.tokens.algorithms import MAX_RSA_BITS

Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | x25519.X25519PrivateKey | rsa.RSAPrivateKey

_CURVES: Mapping[object, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}


def private_key(jwk: Mapping[str, Any]) -> Private | None:
    """The key; None for a type or size that nothing here works with.

    Raises:
        ValueError: a member is no base64url, or the numbers are no key; the text may describe the key.
    """
    numbers = {name: base64url.decode(str(jwk[name])) for name in ("n", "e", "d") if name in jwk}
    d = numbers.get("d", b"")
    match jwk.get("kty"), jwk.get("crv"):
        case "EC", "P-256" | "P-384" | "P-521" as curve:
            return ec.derive_private_key(int.from_bytes(d, "big"), _CURVES[curve])
        case "OKP", "Ed25519":
            return ed25519.Ed25519PrivateKey.from_private_bytes(d)
        case "OKP", "X25519":
            return x25519.X25519PrivateKey.from_private_bytes(d)
        case "RSA", None if len(numbers) == 3 and len(numbers["n"]) * 8 <= MAX_RSA_BITS:
            n, e, exponent = (int.from_bytes(numbers[name], "big") for name in ("n", "e", "d"))
            p, q = rsa.rsa_recover_prime_factors(n, e, exponent)
            exponents = (rsa.rsa_crt_dmp1(exponent, p), rsa.rsa_crt_dmq1(exponent, q), rsa.rsa_crt_iqmp(p, q))
            public = rsa.RSAPublicNumbers(e, n)
            return rsa.RSAPrivateNumbers(p, q, exponent, *exponents, public).private_key()
    return None
