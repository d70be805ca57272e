"""The risk tiers: one row each says which credential is good enough for an operation of that risk."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import get_args

from tokenward.base.problems import INSUFFICIENT_TIER, Refusal
from tokenward.gateway.access import TokenFacts
from tokenward.store.records import Credential

_BY_STRENGTH: tuple[str, ...] = get_args(Credential)  # weakest first


@dataclass(frozen=True, slots=True)
class Tier:
    """What an operation of this risk asks of the credential.

    Attributes:
        name: as written in the policy.
        credentials: those that suffice, the weakest of the token's chain being what counts.
        anonymous: whether a call without a credential passes.
        needs_scope: whether an operation of this tier must name a scope.
        max_lifetime: longest life that the token may have been given, in seconds, or None.
        fulfillable: False while nothing that we issue can satisfy the tier; it then denies every call.
    """

    name: str
    credentials: frozenset[str]
    anonymous: bool = False
    needs_scope: bool = False
    max_lifetime: float | None = None
    fulfillable: bool = True


def _at_least(weakest: Credential) -> frozenset[str]:
    return frozenset(_BY_STRENGTH[_BY_STRENGTH.index(weakest) :])


TIERS: Mapping[str, Tier] = MappingProxyType(
    {
        tier.name: tier
        for tier in (
            Tier("public", _at_least("api_key"), anonymous=True),
            Tier("low", _at_least("api_key")),
            Tier("moderate", _at_least("none"), needs_scope=True, max_lifetime=15 * 60),
            # Both ask for a sender-constrained token (DPoP or mTLS), which nothing issues yet.
            Tier("high", _at_least("none"), needs_scope=True, max_lifetime=10 * 60, fulfillable=False),
            Tier(
                "critical",
                _at_least("private_key_jwt"),
                needs_scope=True,
                max_lifetime=600,
                fulfillable=False,
            ),
        )
    }
)


def admit(tier: Tier, facts: TokenFacts) -> None:
    """Let the credential pass, or refuse it.

    Raises:
        Refusal: INSUFFICIENT_TIER, it is too weak or lives too long, or nothing satisfies the tier yet.
    """
    if not tier.fulfillable:
        raise Refusal(
            INSUFFICIENT_TIER, f"{tier.name} needs a sender-constrained token, which nothing issues yet"
        )
    if facts.credential not in tier.credentials:
        raise Refusal(
            INSUFFICIENT_TIER, f"a token that rests on {facts.credential} is too weak for {tier.name}"
        )
    lifetime = facts.expires_at - facts.issued_at
    if tier.max_lifetime is not None and lifetime > tier.max_lifetime:
        raise Refusal(
            INSUFFICIENT_TIER,
            f"the token lives {lifetime:.0f} s, {tier.name} allows {tier.max_lifetime:.0f} s",
        )
