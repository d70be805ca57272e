"""Which core the peer's redis-server gets: the one with which the peer answers most, or none of its own."""

import contextlib
import os
import statistics
from dataclasses import dataclass

import peer
from cases import CASES
from load import load

CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Placed:
    """What came of trying.

    Attributes:
        cores: as taskset(1) takes them; all of them where none helped.
        rates: client credentials a second, by cores.
    """

    cores: str
    rates: dict[str, float]

    @property
    def told(self) -> str:
        """In words, for the page."""
        return ", ".join(f"{named(cores)}: {rate:,.0f}" for cores, rate in self.rates.items())


def named(cores: str) -> str:
    """One core or several, in words."""
    return f"core {cores}" if cores.isdecimal() else f"cores {cores}"


def choose(*, rounds: int) -> Placed | None:
    """Load as many peers as there are choices, in turn; None without a Redis."""
    if peer.ON_REDIS not in peer.installed():
        return None
    case = next(case for case in CASES if case.title == "client credentials")
    cores = list(map(str, sorted(os.sched_getaffinity(0))))
    choices = [",".join(cores), *(cores[:2] if len(cores) > 1 else [])]
    with contextlib.ExitStack() as stack:
        targets = {
            each: case.target(
                stack.enter_context(peer.oidc_provider(peer.ON_REDIS, material=False, redis_on=each)),
                ours=False,
            )
            for each in choices
        }
        measured: dict[str, list[float]] = {each: [] for each in choices}
        for _ in range(rounds + 1):
            for each, target in targets.items():
                measured[each].append(load(target, connections=CONNECTIONS, seconds=1).rate)
    rates = {each: statistics.median(some[1:]) for each, some in measured.items()}  # the first warms up
    return Placed(max(rates, key=lambda each: rates[each]), rates)
