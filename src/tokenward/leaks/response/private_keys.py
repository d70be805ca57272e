"""Whether a text is a private key, and which: by the thumbprint of its public half, which is our `kid`.

Our public keys are published, and anybody can write an invented private member next to one: what is shown
proves nothing before the two were held against each other. That is dear for RSA, and strangers may show
anything, so it is done for keys of ours alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tokenward.base.entropy import random_bits
from tokenward.tokens import base64url, strict_json
from tokenward.tokens.keys import members, thumbprint

_CURVES: Mapping[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_MOST = 1400  # base64url characters of a number: RSA of 8192 bits


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A private key as somebody shows it.

    Attributes:
        kid: of the public half that it says it has.
        is_whole: whether the private half is really that one's.
    """

    kid: str
    is_whole: Callable[[], bool] = field(repr=False, compare=False)


def shown_key(text: str) -> ShownKey | None:
    """The private key that `text` is, as PEM or JWK; None for any other text."""
    try:
        if "PRIVATE KEY-----" in text:
            # Without the library's look at RSA keys, which takes seconds for large ones.
            return _of_pem(
                load_pem_private_key(text.encode(), password=None, unsafe_skip_rsa_key_validation=True)
            )
        if text.lstrip().startswith("{"):
            jwk = strict_json.read_object(text.encode())
            read = _READERS.get(str(jwk.get("kty")))
            return None if read is None else read(jwk)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    return None


def _of_pem(private: object) -> ShownKey | None:
    if isinstance(private, rsa.RSAPrivateKey):
        numbers = private.private_numbers()
        return _rsa_key(numbers.public_numbers.n, numbers.public_numbers.e, numbers.d)
    if isinstance(private, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        return _certain(private)  # two halves that do not belong together are not read
    return None


def _ec(jwk: Mapping[str, object]) -> ShownKey | None:
    curve = _CURVES.get(str(jwk.get("crv")))
    return None if curve is None else _certain(ec.derive_private_key(_number(jwk, "d"), curve))


def _okp(jwk: Mapping[str, object]) -> ShownKey | None:
    if jwk.get("crv") != "Ed25519":
        return None
    return _certain(ed25519.Ed25519PrivateKey.from_private_bytes(_octets(jwk, "d")))


def _rsa(jwk: Mapping[str, object]) -> ShownKey | None:
    return _rsa_key(*(_number(jwk, name) for name in ("n", "e", "d")))


_READERS: Mapping[str, Callable[[Mapping[str, object]], ShownKey | None]] = {
    "EC": _ec,
    "OKP": _okp,
    "RSA": _rsa,
}


def _certain(private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> ShownKey:
    """Its public half was derived from the private one."""
    return ShownKey(thumbprint(members(private.public_key())), lambda: True)


def _rsa_key(n: int, e: int, d: int) -> ShownKey | None:
    # A stranger chose these numbers: what is longer than a key may be costs as many seconds as he likes.
    if not 1 < e < n or not 1 < d <= n:
        return None

    def is_whole() -> bool:
        message = random_bits(128) + 2
        return pow(pow(message, e, n), d, n) == message

    return ShownKey(thumbprint(members(rsa.RSAPublicNumbers(e, n).public_key())), is_whole)


def _number(jwk: Mapping[str, object], name: str) -> int:
    return int.from_bytes(_octets(jwk, name))


def _octets(jwk: Mapping[str, object], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= _MOST:
        raise ValueError(f"{name} is no number")
    return base64url.decode(text)
