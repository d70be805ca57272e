"""Private keys in the form of a JWK (RFC 7518 §6, RFC 8037 §2), for who is handed a key by a person."""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from tokenward.base.secret import Secret
from tokenward.tokens import base64url, strict_json
from tokenward.tokens.algorithms import MAX_RSA_BITS
from tokenward.tokens.keys import SigningKey, members, thumbprint

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


def signing_key_from_jwk(text: Secret, algorithm: str = "", *, kid: str = "") -> SigningKey:
    """The key in a private JWK.

    Args:
        text: the JSON.
        algorithm: what it signs with; by default what its `alg` says, or ES256.
        kid: its name; by default what its `kid` says, or its thumbprint.

    Raises:
        ValueError: it is no private key, says another algorithm or another use, does not fit the algorithm,
            or its public part is another key's. The message describes nothing of it.
    """
    try:
        jwk = strict_json.read_object(text.reveal().encode())
        private = private_key(jwk)
    except (ValueError, TypeError, KeyError):
        raise ValueError("not a private JWK") from None
    if private is None or isinstance(private, x25519.X25519PrivateKey):
        raise ValueError("not a private JWK that signs")
    said = jwk.get("alg")
    if said is not None and algorithm not in {"", said}:
        raise ValueError(f"the key is for another algorithm than {algorithm}")
    if jwk.get("use", "sig") != "sig":
        raise ValueError("the key is not for signatures")
    public = members(private.public_key())
    if any(jwk.get(name, value) != value for name, value in public.items()):
        raise ValueError("the private and the public part of the JWK are of different keys")
    name = kid or jwk.get("kid") or thumbprint(public)
    return SigningKey(str(name), algorithm or str(said or "ES256"), private)
