"""How often an API or one of its operations may be called, by whom, and what the caller is told of it.

The counting itself is behind `base.rates.Counters`; the terms of an API key are one limit more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil
from typing import Literal

from tokenward.base.rates import Count, Level, Rate
from tokenward.base.throttle import peer_network
from tokenward.gateway.access import TokenFacts

Dimension = Literal["key", "client", "person", "address"]

OF_THE_KEY = "*/own"
"""The place of the limit that is in an API key's own terms."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit.

    Attributes:
        by: of whom calls are counted together.
        rate: how often they may be.
        place: the API, or `API/operation id` where one operation's calls are counted alone.
        name: how answers name it.
        counter: names its counter among all.
        policy: as the `RateLimit-Policy` field tells it.
    """

    by: Dimension
    rate: Rate
    place: str
    name: str = field(init=False)
    counter: str = field(init=False)
    policy: str = field(init=False)

    def __post_init__(self) -> None:
        _, _, operation = self.place.partition("/")
        name = f"{operation}/" * bool(operation) + f"{self.by}-{self.rate.window_name}"
        object.__setattr__(self, "name", _string(name))
        object.__setattr__(self, "counter", f"{self.place}/{self.by}/{self.rate}")
        object.__setattr__(self, "policy", f"{self.name};q={self.rate.amount};w={self.rate.window}")


@dataclass(frozen=True, slots=True)
class Limits:
    """Those of one operation, its API's among them.

    Attributes:
        address: by address; they are checked before anybody looks at a credential.
        caller: all others; only what would pass counts.
    """

    address: tuple[Limit, ...] = ()
    caller: tuple[Limit, ...] = ()

    @classmethod
    def of(cls, limits: Iterable[Limit]) -> "Limits":
        """Sorted by when they are checked."""
        each = tuple(limits)
        return cls(
            tuple(limit for limit in each if limit.by == "address"),
            tuple(limit for limit in each if limit.by != "address"),
        )


UNLIMITED = Limits()

Told = tuple[tuple[Limit, Level], ...]
"""Limits that took part in a decision, and what is left of each."""


def of_peer(limits: Limits, peer: str) -> list[tuple[Limit, Count]]:
    """What a call from this address counts at: an IPv6 one for its /64."""
    network = peer_network(peer)
    return [(limit, Count(limit.counter, network, limit.rate)) for limit in limits.address]


def of_caller(limits: Limits, facts: TokenFacts) -> list[tuple[Limit, Count]]:
    """What a call counts at whose credential says this. A limit by whom it does not name is none for it."""
    subjects: dict[Dimension, str | None] = {
        "key": facts.key.key_id if facts.key is not None else None,
        "client": facts.client_id,
        "person": facts.user_id,
    }
    counted = [
        (limit, Count(limit.counter, subject, limit.rate))
        for limit in limits.caller
        if (subject := subjects[limit.by]) is not None
    ]
    if facts.key is not None and facts.key.rate is not None:
        own = limit_of_key(facts.key.rate)
        counted.insert(0, (own, Count(own.counter, facts.key.key_id, own.rate)))
    return counted


@lru_cache(maxsize=1024)
def limit_of_key(rate: int) -> Limit:
    """The calls a minute that an API key was issued with, wherever it is used."""
    return Limit("key", Rate(rate, 60), OF_THE_KEY)


def headers(told: Told) -> dict[str, str]:
    """The fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11 §3, §4)."""
    return {
        "ratelimit-policy": ", ".join(limit.policy for limit, _ in told),
        "ratelimit": ", ".join(
            f"{limit.name};r={level.left};t={_effective_window(limit.rate, level)}" for limit, level in told
        ),
    }


def _effective_window(rate: Rate, level: Level) -> int:
    """Seconds in which a client uses what is left, if it keeps to the rate: none is invited to a burst (§6).

    With nothing left, the seconds until there is something, as Retry-After says them.
    """
    return max(1, ceil(level.left * rate.every if level.left else level.wait))


def retry_after(levels: Sequence[Level]) -> int:
    """Seconds until every bucket has something in it."""
    return max(1, ceil(max(level.wait for level in levels)))


def _string(text: str) -> str:
    """A String of RFC 8941 §3.3.3. What is not visible ASCII is spelt as Python does."""
    plain = text.encode("ascii", "backslashreplace").decode("ascii")
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
