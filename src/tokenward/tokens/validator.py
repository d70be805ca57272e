"""The strict JWT validator (RFC 8725): one order of checks, nothing optional, one exception."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.tokens import algorithms as table
from tokenward.tokens import jws, strict_json
from tokenward.tokens.claims import Expected, VerifiedClaims, check
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.jwks import FixedKeys, KeySource, KeysUnavailable
from tokenward.tokens.jws import UnverifiedToken
from tokenward.tokens.keys import VerificationKey, public_keys


class JwtValidator:
    """Validates signed JWTs of one issuer, for one audience, of one kind.

    The checks in order: size and form, header allow-list, `alg` on the list, `typ`, key by exact `kid`,
    signature, strict JSON, then every claim of `tokens.claims.RULES`.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: Mapping[str, Any] | KeySource,
        algorithms: Sequence[str],
        kind: str = "at+jwt",
        leeway: int = 30,
        max_lifetime: int = 3600,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Check the settings; nothing is fetched yet.

        Args:
            issuer: the exact `iss`.
            audience: the name that must be in `aud`.
            keys: a JWK Set, or where to get one.
            algorithms: the acceptable `alg` values.
            kind: the required `typ` (RFC 8725 §3.11); "at+jwt" is an access token (RFC 9068 §2.1).
            leeway: seconds by which clocks may differ.
            max_lifetime: the most seconds from `iat` to `exp`.
            clock: what time it is.

        Raises:
            ValueError: a setting or a key is bad.
        """
        for name, text in (("issuer", issuer), ("audience", audience), ("kind", kind)):
            if not _is_text(text):
                raise ValueError(f"{name} must be a text")
        if not _is_seconds(leeway) or leeway > 300:
            raise ValueError("leeway must be 0 to 300 seconds")
        if not _is_seconds(max_lifetime) or max_lifetime == 0:
            raise ValueError("max_lifetime must be a positive number of seconds")
        self._algorithms = table.known(algorithms)
        self._keys = _source(keys, self._algorithms)
        self._issuer = issuer
        self._audience = audience
        self._kind = _media_type(kind)
        self._leeway = leeway
        self._max_lifetime = max_lifetime
        self._clock = clock

    def validate(self, token: object, *, proof: None = None) -> VerifiedClaims:
        """The claims of a good token.

        Args:
            token: the compact JWT; whatever else it is, is refused.
            proof: must be None. Key-bound tokens (`cnf`) are refused, for no proof is verified here.

        Raises:
            InvalidToken: `code` says which check failed; nothing else is ever raised.
        """
        unverified = self._parse(token, proof)
        try:
            keys = self._keys.find(unverified.kid)
        except KeysUnavailable:
            raise InvalidToken("keys_unavailable") from None
        return self._verify(unverified, keys)

    async def validate_async(self, token: object, *, proof: None = None) -> VerifiedClaims:
        """As `validate`, fetching keys without blocking.

        Raises:
            InvalidToken: as `validate`.
        """
        unverified = self._parse(token, proof)
        try:
            keys = await self._keys.find_async(unverified.kid)
        except KeysUnavailable:
            raise InvalidToken("keys_unavailable") from None
        return self._verify(unverified, keys)

    def _parse(self, token: object, proof: object) -> UnverifiedToken:
        if proof is not None:
            raise InvalidToken("proof_refused")
        unverified = jws.parse(token, self._algorithms)
        if unverified.typ is None or _media_type(unverified.typ) != self._kind:
            raise InvalidToken("typ_mismatch")
        if unverified.cty is not None:  # RFC 7519 §5.2: only a nested JWT has one
            raise InvalidToken("header_refused")
        return unverified

    def _verify(self, unverified: UnverifiedToken, keys: Sequence[VerificationKey]) -> VerifiedClaims:
        payload = jws.verify(unverified, keys)
        try:
            claims = strict_json.read_object(payload)
        except ValueError:
            raise InvalidToken("bad_json") from None
        expected = Expected(
            issuer=self._issuer,
            audience=self._audience,
            now=self._clock.time(),
            leeway=self._leeway,
            max_lifetime=self._max_lifetime,
        )
        return check(claims, expected)


def _source(keys: Mapping[str, Any] | KeySource, allowed: tuple[str, ...]) -> KeySource:
    if isinstance(keys, Mapping):
        return FixedKeys(public_keys(keys, algorithms=allowed))
    if not (hasattr(keys, "find") and hasattr(keys, "find_async")):
        raise ValueError("keys must be a JWK Set or a key source")
    return keys


def _media_type(name: str) -> str:
    """`typ` in the form in which two are compared (RFC 7515 §4.1.9)."""
    lower = name.lower()
    return lower if "/" in lower else f"application/{lower}"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
