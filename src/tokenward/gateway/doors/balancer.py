"""Which upstream of a pool gets the next request.

Two things are known of an upstream, and they do not weigh the same. A connection that could not be made is a
hint: the upstream is passed over for a while, unless all are. A failed health check is what the operator
wanted to count: it gets no request, and where no other is left, nobody does. Nothing that a client sends can
move either: what is slow or breaks off in the middle of an answer stays in the pool.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import NO_UPSTREAM, Refusal
from tokenward.gateway.upstreams import HealthCheck, Pool

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds for which an upstream is passed over, doubling with each connection that fails in a row."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Member:
    """One upstream of a pool, as this process sees it.

    Attributes:
        address: origin and base path.
        health: how it is checked; None if it is not.
        outstanding: requests that it is working on.
        down: whether the health checks failed.
        unreached: connections that failed in a row.
        paused_until: it is passed over until this moment of the monotonic clock.
        unreached_ever: connections that failed.
        retried_ever: requests that another upstream, or another connection, got after this one.
    """

    address: str
    health: HealthCheck | None = None
    outstanding: int = 0
    down: bool = False
    unreached: int = 0
    paused_until: float = 0.0
    unreached_ever: int = 0
    retried_ever: int = 0

    def reached(self) -> None:
        """A connection is there."""
        if self.unreached:
            self.unreached = 0
            self.paused_until = 0.0


@dataclass(slots=True)
class _Ring:
    members: tuple[Member, ...]
    turn: int = field(default=0)


class Balancer:
    """The upstreams of all pools, and whose turn it is: the least busy one's, in turn among equals."""

    __slots__ = ("_clock", "_rings")

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._rings: dict[Pool, _Ring] = {}

    def members(self, pool: Pool) -> Sequence[Member]:
        """All of a pool, in the configuration's order."""
        return self._ring(pool).members

    def choose(self, pool: Pool) -> Member:
        """Who gets the next request.

        Raises:
            Refusal: NO_UPSTREAM, by their health checks all are down.
        """
        member = self._choose(pool, None)
        if member is None:
            wait = max(1, round(pool.health.interval)) if pool.health is not None else 1
            raise Refusal(NO_UPSTREAM, "by their health checks all upstreams are down", retry_after=wait)
        return member

    def another(self, pool: Pool, tried: Member) -> Member | None:
        """Who gets a request that this one could not be given, or None."""
        return self._choose(pool, tried)

    def unreached(self, member: Member) -> None:
        """A connection could not be made."""
        member.unreached_ever += 1
        pause = min(FIRST_PAUSE * 2.0 ** min(member.unreached, 10), LONGEST_PAUSE)
        member.unreached += 1
        member.paused_until = self._clock.monotonic() + pause

    def keep_only(self, pools: Iterable[Pool]) -> None:
        """Forget the pools that are in no policy any more."""
        for pool in self._rings.keys() - set(pools):
            del self._rings[pool]

    def _ring(self, pool: Pool) -> _Ring:
        ring = self._rings.get(pool)
        if ring is None:
            ring = _Ring(tuple(Member(address, pool.health) for address in pool.addresses))
            self._rings[pool] = ring
        return ring

    def _choose(self, pool: Pool, tried: Member | None) -> Member | None:
        ring = self._ring(pool)
        if len(ring.members) == 1:
            (only,) = ring.members
            return None if only.down or only is tried else only
        up = [member for member in _from(ring) if not member.down and member is not tried]
        ready = [member for member in up if not member.paused_until or self._is_over(member)]
        if ready:
            return min(ready, key=lambda member: member.outstanding)
        return min(up, key=lambda member: member.paused_until, default=None)

    def _is_over(self, member: Member) -> bool:
        return member.paused_until <= self._clock.monotonic()


def _from(ring: _Ring) -> Iterator[Member]:
    """The members, beginning with the one whose turn it is."""
    ring.turn = (ring.turn + 1) % len(ring.members)
    yield from ring.members[ring.turn :]
    yield from ring.members[: ring.turn]
