"""The inside JWT: what a backend sees instead of the caller's token (the phantom token)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.entropy import identifier
from tokenward.base.problems import CREDENTIAL_IN_CLAIM, INVALID_TOKEN, Refusal
from tokenward.gateway.access import TokenFacts
from tokenward.tokens.credential_guard import CredentialInClaim, check_claims
from tokenward.tokens.encryption_keys import EncryptionKey
from tokenward.tokens.jwe import encrypt_nested
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.release import composed

LIFETIME = 60
"""Longest life of an inside JWT in seconds: how long a backend may believe it after a revocation."""

REUSE_ABOVE = 20
"""A kept JWT is served again only while it has this many seconds left, or ends with the token itself."""


@dataclass(frozen=True, slots=True)
class Protection:
    """How the JWTs for one audience are protected.

    Attributes:
        signing_alg: what they are signed with.
        encryption_key: for whom they are encrypted after that; None leaves them readable.
    """

    signing_alg: str = "ES256"
    encryption_key: EncryptionKey | None = None


_USUAL = Protection()


class SigningKeys(Protocol):
    """The inside keys; `store.key_ring.KeyRing` is one."""

    def signer(self, algorithm: str) -> SigningKey:
        """The key that signs with this algorithm now.

        Raises:
            Refusal: UNAVAILABLE.
        """
        ...

    def signs(self, kid: str, at: float) -> bool:
        """Whether the key of that name signs at that moment."""
        ...

    def jwks(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The JWK Set (RFC 7517 §5).

        Raises:
            Refusal: UNAVAILABLE.
        """
        ...


@dataclass(frozen=True, slots=True)
class InsideJwt:
    """A minted JWT, and what decides whether it can be served again."""

    text: str = field(repr=False)
    expires_at: int
    final: bool
    kid: str


@lru_cache(maxsize=4096)
def _scope_text(client_id: str, scope: frozenset[str]) -> str:
    """`scope` as the claim has it. It and the client's id are checked for credentials once, not at each mint.

    What else is in a minimal JWT is random or comes from the configuration, which was checked.
    """
    text = " ".join(sorted(scope))
    check_claims({"client_id": client_id, "scope": text})
    return text


class InsideMinter:
    """Signs JWTs in the profile of RFC 9068 under its own issuer name and keys.

    Both differ from the outside ones, so that an inside JWT means nothing at any outside door.

    Args:
        keys: the inside keys.
        issuer: the inside issuer.
        clock: time.
        protections: audience → how its JWTs are protected, where not as usual.

    Attributes:
        minted: how many were signed.
    """

    __slots__ = ("_clock", "_issuer", "_keys", "_protections", "minted")

    def __init__(
        self,
        keys: SigningKeys,
        issuer: str,
        clock: Clock = SYSTEM_CLOCK,
        *,
        protections: Mapping[str, Protection] = MappingProxyType({}),
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._protections = protections
        self.minted = 0

    def mint(self, facts: TokenFacts) -> InsideJwt:
        """A fresh JWT for the audience of the token (RFC 9068 §2.2).

        It carries no `cnf`: whoever holds it inside is the backend, not the caller.

        Raises:
            Refusal: INVALID_TOKEN, the token ends within this second; UNAVAILABLE, no key signs now;
                CREDENTIAL_IN_CLAIM.
        """
        now = int(self._clock.time())
        end = int(facts.expires_at)
        expires_at = min(now + LIFETIME, end)
        if expires_at <= now:
            raise Refusal(INVALID_TOKEN, f"token {facts.token_id} ends within this second")
        claims: dict[str, object] = {
            "iss": self._issuer,
            "aud": facts.audience,
            "sub": facts.subject or facts.user_id or facts.client_id,
            "client_id": facts.client_id,
            "iat": now,
            "exp": expires_at,
            "jti": identifier(),
        }
        if facts.act is not None:
            claims["act"] = facts.act  # RFC 8693 §4.1
        if facts.authorization_details:
            claims["authorization_details"] = facts.authorization_details  # RFC 9396 §9.1
        try:
            claims["scope"] = _scope_text(facts.client_id, facts.scope)
            if facts.claims or facts.authorization_details:
                claims = composed(claims, facts.claims or {})
        except CredentialInClaim as found:
            raise Refusal(CREDENTIAL_IN_CLAIM, f"token {facts.token_id}, {found}") from None
        protection = self._protections.get(facts.audience, _USUAL)
        key = self._keys.signer(protection.signing_alg)
        text = sign_jwt(key, claims, typ="at+jwt")
        if protection.encryption_key is not None:
            text = encrypt_nested(text, protection.encryption_key)  # RFC 7519 §11.2: sign, then encrypt
        self.minted += 1
        return InsideJwt(text, expires_at, expires_at == end, key.kid)

    def serves(self, jwt: InsideJwt, now: float) -> bool:
        """Whether a kept JWT may be served again.

        One that has more than a lifetime left is from the future: the clock was set back, and a backend would
        refuse it until that moment comes again. One whose key signs no more may be worthless already.
        """
        left = jwt.expires_at - now
        lasts = left >= REUSE_ABOVE or (jwt.final and left > 0)
        return lasts and left <= LIFETIME and self._keys.signs(jwt.kid, now)

    def jwks(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The JWK Set with which a backend verifies (RFC 7517 §5).

        Raises:
            Refusal: UNAVAILABLE, which keys are good cannot be known now.
        """
        return self._keys.jwks()
