"""Workloads that a trusted platform vouches for, in place of a secret: whose word counts, for whom."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenward.base.problems import INVALID_GRANT, UNAVAILABLE, Refusal
from tokenward.tokens.claims import VerifiedClaims
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.multi_issuer import MultiIssuerValidator
from tokenward.tokens.validator import JwtValidator
from tokenward.tokens.workloads import ClaimRules, Platform, why_not_admitted


@dataclass(frozen=True, slots=True)
class WorkloadRule:
    """That a workload with these claims is a client."""

    client_id: str
    claims: ClaimRules


@dataclass(frozen=True, slots=True)
class TrustedPlatform:
    """A platform whose word counts, for what its rules say."""

    platform: Platform
    validator: JwtValidator
    rules: tuple[WorkloadRule, ...]


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a platform says of a workload, verified; `once` if it counts for one request only."""

    claims: VerifiedClaims
    once: bool


class Workloads:
    """Judges what platforms say."""

    def __init__(self, trusted: Sequence[TrustedPlatform] = ()) -> None:
        """Check that the issuers are apart.

        Raises:
            ValueError: two platforms have an issuer or a key in common.
        """
        self._trusted = {each.validator.issuer: each for each in trusted}
        self._validator = MultiIssuerValidator([each.validator for each in trusted]) if trusted else None

    async def vouched(self, assertion: str, client_id: str) -> Vouched:
        """What the assertion says, if by some rule it vouches for this client.

        Raises:
            Refusal: INVALID_GRANT, whose detail says which check or rule failed; UNAVAILABLE, the platform's
                keys cannot be had.
        """
        if self._validator is None:
            raise Refusal(INVALID_GRANT, "no platform is trusted")
        try:
            claims = await self._validator.validate_async(assertion)
        except InvalidToken as error:
            if error.code == "keys_unavailable":
                raise Refusal(UNAVAILABLE, "a platform's keys cannot be had", retry_after=1) from None
            raise Refusal(INVALID_GRANT, f"an assertion that is not accepted: {error.code}") from None
        trusted = self._trusted[claims.issuer]
        reasons = []
        for number, rule in enumerate(trusted.rules, 1):
            if rule.client_id == client_id:
                reason = why_not_admitted(trusted.platform, rule.claims, claims)
                if not reason:
                    return Vouched(claims, trusted.platform.kind.once)
                reasons.append(f"rule {number} by {reason}")
        raise Refusal(
            INVALID_GRANT,
            f"a workload of {claims.issuer} is refused: {', '.join(reasons) or 'no rule is for that client'}",
        )
