"""What attacks are forged with: a good token, public keys, a stranger's key, and perhaps the issuer's own."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tokenward.tokens.keys import SigningKey

ABSENT: Final = object()
"""A value that takes a member away."""

ALGORITHMS: Final = ("ES256", "EdDSA", "PS256", "RS256")
"""What the kit's issuer has a key for; a validator under test allows these, so that each can be attacked."""

Public = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


class Unforgeable(LookupError):  # noqa: N818 - not a fault: the attack has nothing to work with here
    """The attack needs a key that this kit has not got."""


@dataclass(frozen=True, slots=True)
class Kit:
    """One issuer under attack. The same kit gives the same attacks, but for the nonces in ECDSA signatures.

    Attributes:
        good: a token that must be accepted.
        now: seconds since 1970, when it is presented.
        jwks: the issuer's public keys.
        keys: the issuer's private keys by algorithm, the first of which signs; empty where the issuer is
            somebody else, whose claims cannot be forged.
        stranger: the attacker's key, of the same algorithm as the first.
    """

    good: str
    now: int
    jwks: Mapping[str, Any]
    keys: Mapping[str, SigningKey] = field(repr=False)
    stranger: SigningKey = field(repr=False)

    @classmethod
    def issue(cls, *, issuer: str, audience: str, now: int) -> "Kit":
        """A kit whose issuer is ours, with fresh keys for each of `ALGORITHMS`."""
        keys = {name: _generate(name) for name in ALGORITHMS}
        first = next(iter(keys.values()))
        claims = {
            "iss": issuer,
            "aud": audience,
            "sub": "user-1",
            "client_id": "app-1",
            "scope": "accounts:read",
            "iat": now,
            "nbf": now,
            "exp": now + 60,
            "jti": "j-1",
        }
        header = {"alg": first.algorithm, "kid": first.kid, "typ": "at+jwt"}
        return cls(
            good=signed(compact(header), compact(claims), first.sign),
            now=now,
            jwks={"keys": [key.public_jwk() for key in keys.values()]},
            keys=keys,
            stranger=SigningKey.generate(first.algorithm),
        )

    def at(self, now: int) -> "Kit":
        """The same kit at another time, its good token issued then."""
        claims = self.claims(iat=now, nbf=now, exp=now + 60)
        return replace(self, now=now, good=self.token(claims=claims))

    def without_keys(self) -> "Kit":
        """What an attacker has: a token and public keys."""
        return replace(self, keys={})

    @property
    def parts(self) -> list[str]:
        """The three parts of the good token."""
        return self.good.split(".")

    @property
    def key(self) -> SigningKey:
        """The issuer's key that signed the good token.

        Raises:
            Unforgeable: the issuer is somebody else.
        """
        return self.key_for(None)

    def key_for(self, algorithm: str | None) -> SigningKey:
        """The issuer's key for an algorithm; for None, the first.

        Raises:
            Unforgeable: there is none.
        """
        for name, key in self.keys.items():
            if algorithm in (None, name):
                return key
        raise Unforgeable(algorithm or "any key of the issuer")

    def jwk(self, algorithm: str) -> dict[str, str]:
        """The public key for an algorithm, as the issuer publishes it.

        Raises:
            Unforgeable: it publishes none.
        """
        for jwk in self.jwks["keys"]:
            if jwk.get("alg") == algorithm:
                return dict(jwk)
        raise Unforgeable(f"a public key for {algorithm}")

    def header(self, /, **changes: object) -> dict[str, Any]:
        """The good token's header with changes; `ABSENT` takes a parameter away."""
        return changed(json.loads(decoded(self.parts[0])), changes)

    def claims(self, /, **changes: object) -> dict[str, Any]:
        """The good token's claims with changes; `ABSENT` takes a claim away."""
        return changed(json.loads(decoded(self.parts[1])), changes)

    def token(self, header: object = None, claims: object = None, *, key: SigningKey | None = None) -> str:
        """A token whose signature is good for whatever stands in it: bytes as they are, all else as JSON.

        Args:
            header: instead of the good token's.
            claims: instead of the good token's.
            key: instead of the issuer's; its `kid` is not taken over.
        """
        return self.signed_by((key or self.key).sign, header, claims)

    def signed_by(self, sign: Callable[[bytes], bytes], header: object = None, claims: object = None) -> str:
        """A token with the signature that `sign` gives for the signing input."""
        return signed(
            compact(self.header() if header is None else header),
            compact(self.claims() if claims is None else claims),
            sign,
        )

    def with_part(self, index: int, change: Callable[[str], str]) -> str:
        """The good token with one part changed: 0 header, 1 claims, 2 signature."""
        parts = self.parts
        parts[index] = change(parts[index])
        return ".".join(parts)


def signed(header: bytes, claims: bytes, sign: Callable[[bytes], bytes]) -> str:
    """A compact JWS of any bytes."""
    signing_input = f"{b64(header)}.{b64(claims)}"
    return f"{signing_input}.{b64(sign(signing_input.encode()))}"


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value: object) -> bytes:
    """JSON without white space; bytes as they are."""
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def changed(good: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
    """`good` with members replaced, added or, where the value is `ABSENT`, taken away."""
    return {name: value for name, value in {**good, **changes}.items() if value is not ABSENT}


def public_key(jwk: Mapping[str, str]) -> Public:
    """The key in a public JWK that is known to be good."""
    octets = {name: decoded(jwk[name]) for name in ("x", "y", "n", "e") if name in jwk}
    if jwk["kty"] == "RSA":
        n, e = (int.from_bytes(octets[name], "big") for name in ("n", "e"))
        return rsa.RSAPublicNumbers(e, n).public_key()
    if jwk["kty"] == "OKP":
        return ed25519.Ed25519PublicKey.from_public_bytes(octets["x"])
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + octets["x"] + octets["y"])


def _generate(algorithm: str) -> SigningKey:
    if algorithm not in {"PS256", "RS256"}:
        return SigningKey.generate(algorithm)
    # 2048 bits: nothing is kept secret by it, and the kit should be made quickly.
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return SigningKey(f"{algorithm.lower()}-1", algorithm, private)
