"""Family K: sets of keys that must not be used, each with a token that it would let in."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from functools import cache
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tokenward.auditor.attacks.kit import ABSENT, Kit, b64, changed, decoded
from tokenward.auditor.attacks.signature import ED25519_ORDER, pkcs1_encoded
from tokenward.auditor.attacks.table import KeyTrap, entry, note, trap

Trap = Callable[[Kit], tuple[Mapping[str, Any], str]]


def _set(*jwks: Mapping[str, Any]) -> dict[str, Any]:
    return {"keys": list(jwks)}


def _published(**changes: object) -> Trap:
    """The issuer's first key with members changed; the good token is by that key."""
    return lambda kit: (_set(changed(kit.key.public_jwk(), changes)), kit.good)


def _of(algorithm: str, **changes: object) -> Trap:
    """The issuer's key for an algorithm with members changed, and a token by it."""

    def make(kit: Kit) -> tuple[Mapping[str, Any], str]:
        key = kit.key_for(algorithm)
        values = {
            name: value(key.public_jwk()) if callable(value) else value for name, value in changes.items()
        }
        token = kit.token(kit.header(alg=algorithm, kid=key.kid), key=key)
        return _set(changed(key.public_jwk(), values)), token

    return make


@cache
def _weak_rsa(bits: int, exponent: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=exponent, key_size=bits)


def _rsa_jwk(n: int, e: int) -> dict[str, str]:
    members = {
        name: b64(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        for name, number in (("n", n), ("e", e))
    }
    return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "weak"} | members


def _rsa(bits: int, exponent: int) -> Trap:
    """A weak RSA key that its owner signs with."""

    def make(kit: Kit) -> tuple[Mapping[str, Any], str]:
        private = _weak_rsa(bits, exponent)
        numbers = private.public_key().public_numbers()
        head = kit.header(alg="RS256", kid="weak")
        token = kit.signed_by(lambda data: private.sign(data, padding.PKCS1v15(), SHA256()), head)
        return _set(_rsa_jwk(numbers.n, numbers.e)), token

    return make


def _exponent_one(kit: Kit) -> tuple[Mapping[str, Any], str]:
    """With e = 1 the padded hash is its own signature."""
    n = kit.key_for("RS256").private.public_key().public_numbers().n  # type: ignore[union-attr]
    head = kit.header(alg="RS256", kid="weak")
    token = kit.signed_by(lambda data: pkcs1_encoded(data, 256), head)
    return _set(_rsa_jwk(n, 1)), token


_P25519 = 2**255 - 19
_Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# Every encoding of a point whose order divides 8, by its y coordinate; the sign of x is the highest bit.
_SMALL_ORDER = {
    "the neutral point": 1,
    "the neutral point, not reduced": _P25519 + 1,
    "the neutral point, sign set": 1 | 1 << 255,
    "order 2": _P25519 - 1,
    "order 4": 0,
    "order 4, not reduced": _P25519,
    "order 4, sign set": 1 << 255,
    "order 8": _Y8,
    "order 8, sign set": _Y8 | 1 << 255,
    "order 8, the other": _P25519 - _Y8,
    "order 8, the other, sign set": (_P25519 - _Y8) | 1 << 255,
}


def _small_order(y: int) -> Trap:
    """A key A of small order, and a token under the signature R = neutral, S = 0.

    It verifies where h·A is neutral, h being the hash of R, A and the message (RFC 8032 §5.1.7): for one in
    eight messages at least, and one of those is easily found.
    """
    public, signature = y.to_bytes(32, "little"), b"\x01" + bytes(63)

    def make(kit: Kit) -> tuple[Mapping[str, Any], str]:
        jwk = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "weak", "x": b64(public)}
        head = kit.header(alg="EdDSA", kid="weak")

        def numbered(number: int) -> str:
            return kit.signed_by(lambda _: signature, head, kit.claims(sub="admin", jti=str(number)))

        def verifies(token: str) -> bool:
            hashed = hashlib.sha512(signature[:32] + public + token.rpartition(".")[0].encode()).digest()
            return int.from_bytes(hashed, "little") % ED25519_ORDER % 8 == 0

        return _set(jwk), next(filter(verifies, map(numbered, count())))

    return make


def _ec_point(x: int | None = None, y: int | None = None, **changes: object) -> Trap:
    def make(kit: Kit) -> tuple[Mapping[str, Any], str]:
        jwk = kit.key_for("ES256").public_jwk()
        for name, value in (("x", x), ("y", y)):
            if value is not None:
                jwk[name] = b64(value.to_bytes(32, "big"))
        return _set(changed(jwk, changes)), kit.good

    return make


def _two(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Trap:
    """The attacker's key before the issuer's, and a token by the attacker."""

    def make(kit: Kit) -> tuple[Mapping[str, Any], str]:
        stranger = change(kit.stranger.public_jwk() | {"kid": kit.key.kid})
        return _set(stranger, kit.key.public_jwk()), kit.token(key=kit.stranger)

    return make


def _private(kit: Kit) -> tuple[Mapping[str, Any], str]:
    """The issuer's private key in its public set: everybody can sign."""
    secret = kit.key_for("ES256").private.private_numbers().private_value  # type: ignore[union-attr]
    return _set(kit.key.public_jwk() | {"d": b64(secret.to_bytes(32, "big"))}), kit.token(
        claims=kit.claims(sub="admin")
    )


def _private_rsa(kit: Kit) -> tuple[Mapping[str, Any], str]:
    key = kit.key_for("RS256")
    p = key.private.private_numbers().p  # type: ignore[union-attr]
    token = kit.token(kit.header(alg="RS256", kid=key.kid), kit.claims(sub="admin"), key=key)
    return _set(key.public_jwk() | {"p": b64(p.to_bytes(128, "big"))}), token


def _secret(secret: bytes) -> Trap:
    """A symmetric key in a public set, beside a good key."""

    def make(kit: Kit) -> tuple[Mapping[str, Any], str]:
        oct_jwk = {"kty": "oct", "kid": "secret", "k": b64(secret)}
        token = kit.signed_by(
            lambda data: hmac.digest(secret, data, hashlib.sha256),
            kit.header(alg="HS256", kid="secret"),
            kit.claims(sub="admin"),
        )
        return _set(oct_jwk, kit.key.public_jwk()), token

    return make


_OTHER_SPELLING = "The right number in another spelling than RFC 7518 §6 prescribes. Ours takes one spelling."
_EVERYBODYS = "No specification makes a reader look. Everybody could sign, so ours refuses the set."
_SAME_NAME = "RFC 7517 §4.5 says that names should be distinct. Where they are not, ours does not guess."
_LENIENT = "RFC 7517 §5 lets a reader pass over what it does not understand. Ours refuses the set."


def _good(kit: Kit) -> tuple[Mapping[str, Any], str]:
    return kit.jwks, kit.good


PUBLIC_SETS: tuple[KeyTrap, ...] = (
    KeyTrap(
        "K00", "Control", "the issuer's set", "Nothing: it must be accepted.", "", "accept", False, _good
    ),
    *entry(
        "K01",
        "Weak RSA key",
        "The key is too short, or has an exponent or a modulus that gives its secret away.",
        "RFC 7518 §3.3; RFC 8017 §3.1; RFC 8725 §3.5",
        trap("1024 bits", _rsa(1024, 65537)),
        trap("1536 bits", _rsa(1536, 65537)),
        note(trap("exponent 3", _rsa(2048, 3)), "RFC 8017 §3.1 allows it; FIPS 186-5 does not, nor do we."),
        trap("exponent 1", _exponent_one),
        trap("exponent 2", _of("RS256", e="Ag")),
        trap("exponent even", _of("RS256", e="AQAC")),
        trap("exponent of 9 octets", _of("RS256", e="AQAAAAAAAAAB")),
        trap("modulus even", _of("RS256", n=lambda jwk: b64(decoded(jwk["n"])[:-1] + b"\x02"))),
        note(
            trap("modulus after a zero octet", _of("RS256", n=lambda jwk: b64(b"\0" + decoded(jwk["n"])))),
            _OTHER_SPELLING,
        ),
        trap("modulus of 32768 bits", _of("RS256", n=b64(b"\xff" * 4096))),
        trap("modulus empty", _of("RS256", n="")),
        trap("modulus missing", _of("RS256", n=ABSENT)),
        note(trap("modulus not base64url", _of("RS256", n=lambda jwk: jwk["n"] + "==")), _OTHER_SPELLING),
    ),
    *entry(
        "K02",
        "Secret in a public set",
        "A set that everybody can read holds a symmetric key.",
        "RFC 8725 §3.1, §3.5; RFC 7517 §9.1",
        trap("random", _secret(bytes(range(7, 39)))),
        trap("empty", _secret(b"")),
        trap("zeros", _secret(bytes(32))),
        trap("a word", _secret(b"secret")),
    ),
    *entry(
        "K03",
        "Set that is not what it should be",
        "The set publishes what is secret, names one thing twice, or holds what is no key.",
        "RFC 7517 §4, §5, §9; RFC 7518 §6; RFC 8725 §3.1, §3.4",
        note(trap("private EC key", _private), _EVERYBODYS),
        note(trap("a prime of an RSA key", _private_rsa), _EVERYBODYS),
        note(trap("the same kid twice, another key first", _two(lambda jwk: jwk)), _SAME_NAME),
        note(trap("the same kid twice, for encryption", _two(lambda jwk: jwk | {"use": "enc"})), _SAME_NAME),
        trap("for encryption", _published(use="enc"), unusable=True),
        trap("for signing only", _published(key_ops=["sign"]), unusable=True),
        trap("for nothing", _published(key_ops=[]), unusable=True),
        note(trap("key_ops a text", _published(key_ops="verify")), _LENIENT),
        trap("for another algorithm", _published(alg="ES384")),
        trap("for an unknown algorithm", _published(alg="foo"), unusable=True),
        trap("for an RSA algorithm", _published(alg="RS256")),
        note(
            trap("no alg, where two would do", _of("RS256", alg=ABSENT), unusable=True),
            "The list of algorithms decides, which allows two. Ours takes a key for one (RFC 8725 §3.1).",
        ),
        trap("another curve", _published(crv="P-384", alg=ABSENT), unusable=True),
        trap("point not on the curve", _published(y=b64(b"\1" * 32))),
        trap("point of zeros", _ec_point(0, 0)),
        trap("point beyond the field", _ec_point(x=2**256 - 1)),
        note(
            trap(
                "coordinate of 33 octets",
                lambda kit: (
                    _set(kit.key.public_jwk() | {"x": b64(b"\0" + decoded(kit.key.public_jwk()["x"]))}),
                    kit.good,
                ),
            ),
            _OTHER_SPELLING,
        ),
        trap(
            "coordinate of 31 octets",
            lambda kit: (
                _set(kit.key.public_jwk() | {"x": b64(decoded(kit.key.public_jwk()["x"])[1:])}),
                kit.good,
            ),
        ),
        trap("coordinate a number", _published(x=1)),
        trap("no kty", _published(kty=ABSENT)),
        note(trap("kid a number", _published(kid=1)), _LENIENT),
        note(trap("kid empty", _published(kid="")), _LENIENT),
        trap("no keys", lambda kit: ({"keys": []}, kit.good), unusable=True),
        trap("keys an object", lambda kit: ({"keys": kit.key.public_jwk()}, kit.good)),
        note(trap("a single key", lambda kit: (kit.key.public_jwk(), kit.good)), _LENIENT),
        note(
            trap("a key that is a text", lambda kit: ({"keys": ["key", kit.key.public_jwk()]}, kit.good)),
            _LENIENT,
        ),
        note(
            trap(
                "ten thousand keys",
                lambda kit: (
                    _set(*[kit.key.public_jwk() | {"kid": str(n)} for n in range(10_000)]),
                    kit.good,
                ),
            ),
            _LENIENT,
        ),
    ),
    *entry(
        "K05",
        "Ed25519 key of small order",
        "Whoever publishes such a key has signed every message that there is.",
        "RFC 8032 §5.1.7, §8.9; RFC 8725 §3.4",
        *[trap(name, _small_order(y)) for name, y in _SMALL_ORDER.items()],
    ),
)
