"""Logout tokens: a provider tells a client that a person signed out (OpenID Back-Channel Logout §2.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.tokens.claims import VerifiedClaims
from tokenward.tokens.key_source import KeySource
from tokenward.tokens.validator import JwtValidator


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """What a good logout token says. It counts once: whoever takes it remembers `jti` until `ends_at`.

    Attributes:
        subject: whose sessions end; "" where only `sid` says which.
        sid: the one session that ends; "" for all of the subject's.
        jti: its own name.
        issued_at: when it was said, seconds since the epoch: a sign-in after that is not meant.
        ends_at: until when it would pass again.
    """

    subject: str
    sid: str
    jti: str
    issued_at: float
    ends_at: float

    def means(self, *, subject: str, sid: str, issued_at: float) -> bool:
        """Whether it ends that session, which rests on an ID token of then (§2.6)."""
        return (
            issued_at <= self.issued_at
            and self.subject in {"", subject}
            and (self.sid == sid if self.sid else True)
        )


class LogoutTokenValidator:
    """Validates what one provider sends to one client (§2.6); the rules are a row of `KINDS`."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        keys: Mapping[str, Any] | KeySource,
        algorithms: Sequence[str],
        leeway: int = 30,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Check the settings; nothing is fetched yet.

        Args:
            issuer: the provider's exact `iss`.
            client_id: the client, which must be in `aud`.
            keys: a JWK Set, or where to get one.
            algorithms: the acceptable `alg` values: those of ID tokens.
            leeway: seconds by which clocks may differ.
            clock: what time it is.

        Raises:
            ValueError: a setting or a key is bad.
        """
        self._leeway = leeway
        self._validator = JwtValidator(
            issuer=issuer,
            audience=client_id,
            keys=keys,
            algorithms=algorithms,
            kind="logout+jwt",
            leeway=leeway,
            clock=clock,
        )

    def validate(self, token: object) -> LogoutNotice:
        """What it says.

        Raises:
            InvalidToken: `code` says which check failed; nothing else is ever raised.
        """
        return self._notice(self._validator.validate(token))

    async def validate_async(self, token: object) -> LogoutNotice:
        """As `validate`, fetching keys without blocking.

        Raises:
            InvalidToken: as `validate`.
        """
        return self._notice(await self._validator.validate_async(token))

    def _notice(self, claims: VerifiedClaims) -> LogoutNotice:
        return LogoutNotice(
            subject=claims.subject,
            sid=str(claims.get("sid", "")),
            jti=str(claims["jti"]),
            issued_at=float(claims.issued_at),
            ends_at=float(claims.expires_at) + self._leeway,
        )
