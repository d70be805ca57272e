"""The risk tiers: one row each says which credential is good enough for an operation of that risk."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import get_args

from tokenward.base.problems import INSUFFICIENT_TIER, STEP_UP_NEEDED, Refusal
from tokenward.gateway.access import TokenFacts
from tokenward.store.records import Credential
from tokenward.tokens.acr import ACR, two_factors

BASIC = "basic"
"""What a call by Basic authentication rests on: weaker than whatever our issuer gives out."""

_BY_STRENGTH: tuple[str, ...] = (BASIC, *get_args(Credential))  # weakest first


@dataclass(frozen=True, slots=True)
class Tier:
    """What an operation of this risk asks of the credential.

    Attributes:
        name: as written in the policy.
        credentials: those that suffice, the weakest of the token's chain being what counts.
        anonymous: whether a call without a credential passes.
        needs_scope: whether an operation of this tier must name a scope.
        max_lifetime: longest life that the token may have been given, in seconds, or None.
        sender_constrained: whether the token must be bound to a key, which the request has proved by then,
            and everything that it was exchanged for to some key.
        sessions: whether the session of a browser app stands in for that. Its token never leaves the server,
            but its cookie is bound to nothing: who copies it off the person's machine has the session.
        two_factors_within: seconds since a person signed in with two factors, or None.
        delegated: whether it passes for whom somebody else acts than the client that the person said yes to:
            who exchanged the token (RFC 8693), or whom another issuer names in `act`. An agent that the
            person allowed is no such one, though `act` names it.
        reason: why it is not as in `TIERS`; "" where it is.
    """

    name: str
    credentials: frozenset[str]
    anonymous: bool = False
    needs_scope: bool = False
    max_lifetime: float | None = None
    sender_constrained: bool = False
    sessions: bool = False
    two_factors_within: int | None = None
    delegated: bool = True
    reason: str = ""


def _at_least(weakest: str) -> frozenset[str]:
    return frozenset(_BY_STRENGTH[_BY_STRENGTH.index(weakest) :])


TIERS: Mapping[str, Tier] = MappingProxyType(
    {
        tier.name: tier
        for tier in (
            Tier("public", _at_least(BASIC), anonymous=True),
            Tier("low", _at_least(BASIC)),
            Tier("moderate", _at_least("none"), needs_scope=True, max_lifetime=15 * 60),
            Tier("high", _at_least("none"), needs_scope=True, max_lifetime=10 * 60, sender_constrained=True),
            Tier(
                "critical",
                _at_least("private_key_jwt"),
                needs_scope=True,
                max_lifetime=10 * 60,
                sender_constrained=True,
                two_factors_within=5 * 60,
                delegated=False,
            ),
        )
    }
)


def admit(tier: Tier, facts: TokenFacts, now: float | None, *, session: bool = False) -> None:
    """Let the credential pass, or refuse it.

    Args:
        tier: of the operation.
        facts: of the credential.
        now: seconds since 1970; None for a call that passed before. How long ago its person had signed in was
            about its beginning.
        session: the credential came of the session of a browser app.

    Raises:
        Refusal: INSUFFICIENT_TIER, it is too weak, lives too long, is bound to no key, stands for nobody, or
            somebody acts whom the person did not allow;
            STEP_UP_NEEDED, the person must sign in anew, and with two factors.
    """
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
    if tier.sender_constrained and session:
        if not tier.sessions:
            raise Refusal(INSUFFICIENT_TIER, f"{tier.name} needs what is bound to a key, and a cookie is not")
    elif tier.sender_constrained and (facts.cnf is None or facts.unbound_behind):
        raise Refusal(
            INSUFFICIENT_TIER, f"{tier.name} needs a token that is bound to a key, and was exchanged for such"
        )
    if not tier.delegated and (facts.ancestors or (facts.act is not None and not facts.is_ours)):
        raise Refusal(
            INSUFFICIENT_TIER, f"{tier.name} needs a token of the client itself that the person said yes to"
        )
    if tier.two_factors_within is not None:
        _check_person(facts, now - tier.two_factors_within if now is not None else 0.0, tier.name)


def _check_person(facts: TokenFacts, since: float, tier: str) -> None:
    if facts.user_id is None:  # no sign-in can help: there is nobody who could
        raise Refusal(INSUFFICIENT_TIER, f"{tier} needs a person, and the client acts for itself")
    if not two_factors(facts.amr):
        raise Refusal(STEP_UP_NEEDED, f"{tier} needs two factors, the person used {' '.join(facts.amr)}")
    if facts.auth_time is None or facts.auth_time < since:
        raise Refusal(STEP_UP_NEEDED, f"the person signed in too long ago for {tier}")


def step_up(tier: Tier) -> dict[str, str]:
    """What a client asks the issuer for, so that the next token is good enough (RFC 9470 §3)."""
    return {"acr_values": ACR["two-factor"], "max_age": str(tier.two_factors_within)}
