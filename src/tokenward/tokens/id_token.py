"""ID tokens, validated fully (OpenID Connect Core §3.1.3.7 and §3.3.2.11).

What an ID token proves depends on the request that it answers: without that request's nonce it may be
somebody else's sign-in. So the facts of the request are no options here; each is given, even if it is None.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.tokens import base64url
from tokenward.tokens.claims import VerifiedClaims
from tokenward.tokens.constant_time import octets, same_text
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.key_source import KeySource
from tokenward.tokens.kinds import KINDS
from tokenward.tokens.mistaken import explained
from tokenward.tokens.validator import Engine

_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


@dataclass(frozen=True, slots=True)
class SignIn:
    """The sign-in that an ID token must be the answer to.

    Attributes:
        nonce: that of the authorization request; None if it had none, and then the token must have none.
        access_token: what came with the ID token; None if nothing did, and then `at_hash` must be missing.
        code: the authorization code that came with it in the front channel (the hybrid flow), else None.
        max_age: the `max_age` of the request in seconds, or None. With it, `auth_time` is required.
        acr_values: the `acr` values one of which is needed; empty if any will do.

    Raises:
        ValueError: `max_age` is no number of seconds, or `acr_values` is one text: its parts would match.
    """

    nonce: str | None
    access_token: str | None
    code: str | None
    max_age: int | None
    acr_values: Collection[str]

    def __post_init__(self) -> None:
        if isinstance(self.acr_values, str):
            raise ValueError("acr_values must be several texts, such as a tuple")  # noqa: TRY004 - a setting
        if self.max_age is not None and (type(self.max_age) is not int or self.max_age < 0):
            raise ValueError("max_age must be a whole number of seconds, or None")


class IdTokenValidator:
    """Validates the ID tokens that one OpenID provider issues to one client."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        keys: Mapping[str, Any] | KeySource,
        algorithms: Sequence[str],
        leeway: int = 30,
        max_lifetime: int | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Check the settings; nothing is fetched yet.

        Args:
            issuer: the provider's exact `iss`.
            client_id: the client, which must be in `aud`.
            keys: a JWK Set, or where to get one.
            algorithms: the acceptable `alg` values; RS256 is what providers begin with (§3.1.3.7).
            leeway: seconds by which clocks may differ.
            max_lifetime: the most seconds from `iat` to `exp`; a day by default.
            clock: what time it is.

        Raises:
            ValueError: a setting or a key is bad.
        """
        self._engine = Engine(
            KINDS["id_token"],
            issuer=issuer,
            audience=client_id,
            keys=keys,
            algorithms=algorithms,
            leeway=leeway,
            max_lifetime=max_lifetime,
            clock=clock,
        )
        self._client_id = client_id
        self._leeway = leeway
        self._clock = clock

    def validate(self, token: object, sign_in: SignIn) -> VerifiedClaims:
        """The claims of an ID token that is the answer to this sign-in.

        Raises:
            InvalidToken: `code` says which check failed; nothing else is ever raised. Its text is a long one
                where an access token was given (`AccessTokenGiven`).
        """
        try:
            claims = self._engine.validate(token, None)
        except InvalidToken as error:
            raise explained(token, error) from None
        return self._check(token, claims, sign_in)

    async def validate_async(self, token: object, sign_in: SignIn) -> VerifiedClaims:
        """As `validate`, fetching keys without blocking.

        Raises:
            InvalidToken: as `validate`.
        """
        try:
            claims = await self._engine.validate_async(token, None)
        except InvalidToken as error:
            raise explained(token, error) from None
        return self._check(token, claims, sign_in)

    def _check(self, token: object, claims: VerifiedClaims, sign_in: SignIn) -> VerifiedClaims:
        # The order and the numbers are those of OpenID Connect Core §3.1.3.7.
        azp = claims.get("azp")
        if len(claims.audience) > 1 and azp is None:  # 4
            raise InvalidToken("wrong_party")
        if azp is not None and azp != self._client_id:  # 5
            raise InvalidToken("wrong_party")
        nonce = claims.get("nonce")
        if not (nonce is sign_in.nonce is None or same_text(nonce, sign_in.nonce)):  # 11
            raise InvalidToken("nonce_mismatch")
        if sign_in.acr_values and claims.get("acr") not in sign_in.acr_values:  # 12
            raise InvalidToken("sign_in_too_weak")
        if sign_in.max_age is not None:  # 13
            oldest = self._clock.time() - sign_in.max_age - self._leeway
            if claims.get("auth_time", -1) < oldest:
                raise InvalidToken("sign_in_too_old")
        algorithm = self._engine.algorithm_of(str(token))
        # §3.1.3.6: `at_hash` is optional beside a token that came from the token endpoint. §3.3.2.11: in the
        # front channel both are required, since nothing else ties token and code to this sign-in.
        _check_hash(claims.get("at_hash"), sign_in.access_token, algorithm, required=sign_in.code is not None)
        _check_hash(claims.get("c_hash"), sign_in.code, algorithm, required=True)
        return claims


def _check_hash(found: object, value: str | None, algorithm: str, *, required: bool) -> None:
    if found is None and not (required and value is not None):
        return
    if value is None or not same_text(found, left_half_hash(value, algorithm)):
        raise InvalidToken("hash_mismatch")


def left_half_hash(value: str, algorithm: str) -> str:
    """The left half of the hash of a code or access token (OpenID Connect Core §3.1.3.6), base64url.

    The hash is the one of the ID token's signature; for Ed25519 that is SHA-512 (RFC 8032 §5.1).
    """
    digest = _HASHES.get(algorithm[-3:], hashlib.sha512)(octets(value)).digest()
    return base64url.encode(digest[: len(digest) // 2])
