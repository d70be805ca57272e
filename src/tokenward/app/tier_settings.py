"""Risk tiers other than as usual, each with its reason: what the file may say, and what becomes of it.

How far a tier can be weakened is in the types below: none to less than what the tier beneath it asks for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tokenward.app.findings import Remark
from tokenward.app.model import Model
from tokenward.app.quantities import Duration
from tokenward.app.value_rules import bad_value
from tokenward.app.values import Reason
from tokenward.gateway.tiers import TIERS, Tier

_SESSIONS = (
    "The session of a browser app is good enough in place of a token that is bound to a key: its token stays "
    "at the gateway, but who copies the cookie off the person's machine has the session."
)


class _Tuned(Model):
    reason: Reason = Field(description="Why; `tokenward check` repeats it.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(value is None for name, value in self if name != "reason"):
            raise bad_value("tier", "a reason for nothing", "say what is different, or remove it")
        return self


class ModerateTier(_Tuned):
    """What `moderate` asks for, where not as usual."""

    max_lifetime: Annotated[int, Duration(30, 3600)] | None = Field(
        default=None, description="What a token may have been given at most: 30s to 1h, 15m by default."
    )
    sender_constrained: Literal[True] | None = Field(
        default=None, description="The token must be bound to a key, as for `high`."
    )


class HighTier(_Tuned):
    """What `high` asks for, where not as usual."""

    max_lifetime: Annotated[int, Duration(30, 900)] | None = Field(
        default=None, description="What a token may have been given at most: 30s to 15m, 10m by default."
    )
    sessions: Literal[True] | None = Field(default=None, description=_SESSIONS)


class CriticalTier(_Tuned):
    """What `critical` asks for, where not as usual."""

    max_lifetime: Annotated[int, Duration(30, 600)] | None = Field(
        default=None, description="What a token may have been given at most: 30s to 10m, 10m by default."
    )
    two_factors_within: Annotated[int, Duration(30, 900)] | None = Field(
        default=None, description="How long ago the person signed in at most: 30s to 15m, 5m by default."
    )
    delegated: Literal[True] | None = Field(
        default=None,
        description="Tokens that were exchanged, or in which another issuer names who acts, are good enough: "
        "the person was asked about the first client of the chain, and not about who calls.",
    )
    sessions: Literal[True] | None = Field(default=None, description=_SESSIONS)


class TierSettings(Model):
    """The tiers that can be tuned."""

    moderate: ModerateTier | None = Field(default=None, description="Where `moderate` is not as usual.")
    high: HighTier | None = Field(default=None, description="Where `high` is not as usual.")
    critical: CriticalTier | None = Field(default=None, description="Where `critical` is not as usual.")


def tuned(said: TierSettings) -> Mapping[str, Tier]:
    """All tiers by name, as this configuration has them."""
    changed = {
        name: replace(TIERS[name], **{key: value for key, value in tier if value is not None})
        for name, tier in said
        if tier is not None
    }
    return MappingProxyType({**TIERS, **changed})


def tuning_remarks(said: TierSettings) -> Iterator[Remark]:
    """What is different, and why."""
    for name, tier in tuned(said).items():
        if not tier.reason:
            continue
        usual = TIERS[name]
        differences = ", ".join(
            f"{field.name} {getattr(usual, field.name)} → {getattr(tier, field.name)}"
            for field in fields(tier)
            if field.name != "reason" and getattr(tier, field.name) != getattr(usual, field.name)
        )
        yield Remark.with_reason(
            ("tiers", name),
            "tier-tuned",
            f"{name} is not as usual ({differences or 'nothing differs'})",
            tier.reason,
        )
