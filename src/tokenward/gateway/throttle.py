"""A limit on how many unknown tokens one peer may have looked up: a token bucket per peer.

Only a lookup that found nothing costs: a peer whose tokens are good is never slowed down by this, and a
token in the cache is not even looked at here.
"""

from ipaddress import IPv6Address, ip_address
from math import ceil

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal

_BURST = 20.0
_PER_SECOND = 5.0
_PEERS = 10_000  # the longest unseen is forgotten first


class Throttle:
    """Buckets of 20, refilled by 5 a second, one per IPv4 address or IPv6 /64."""

    __slots__ = ("_buckets", "_clock")

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # peer → (left, as of)

    def take(self, peer: str) -> None:
        """Reserve one lookup, before it is made: concurrent ones cannot all see the same full bucket.

        Raises:
            Refusal: TOO_MANY_REQUESTS, with the seconds until the next one is possible.
        """
        name = _network(peer)
        left = self._left(name)
        if left < 1:
            self._keep(name, left)
            raise Refusal(
                TOO_MANY_REQUESTS,
                "too many unknown tokens from this peer",
                retry_after=ceil((1 - left) / _PER_SECOND),
            )
        self._keep(name, left - 1)

    def give_back(self, peer: str) -> None:
        """Return a reservation: the token was known after all, or nobody could tell."""
        name = _network(peer)
        self._keep(name, min(_BURST, self._left(name) + 1))

    def _left(self, name: str) -> float:
        left, as_of = self._buckets.pop(name, (_BURST, 0.0))
        if left >= _BURST:
            return _BURST
        return min(_BURST, left + max(0.0, self._clock.monotonic() - as_of) * _PER_SECOND)

    def _keep(self, name: str, left: float) -> None:
        while len(self._buckets) >= _PEERS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[name] = (left, self._clock.monotonic())


def _network(peer: str) -> str:
    try:
        address = ip_address(peer)
    except ValueError:
        return "unknown"  # no address, such as a Unix socket: one bucket for all of them
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or f"{int(address) >> 64:x}/64")
    return str(address)
