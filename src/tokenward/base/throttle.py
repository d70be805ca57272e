"""Token buckets: the one way in which the house slows anybody down."""

from collections import OrderedDict
from collections.abc import Hashable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from tokenward.base.asgi import Scope, peer
from tokenward.base.clock import SYSTEM_CLOCK, Clock


class TokenBuckets:
    """A token bucket for each key, in bounded memory: the keys not seen for longest are forgotten.

    Where an attempt is worth something even if thousands run at once (a password), take before the work and
    give back when it was right. Where it is not (a secret of 256 bits), ask `wait` before and take after a
    failure: then a burst of good requests is never refused for being many.

    Args:
        burst: tokens in a full bucket.
        every: seconds until one more token is there.
        clock: the monotonic reading counts.
        keys: how many buckets are kept at most.
    """

    __slots__ = ("_burst", "_clock", "_every", "_keys", "_levels")

    def __init__(self, *, burst: int, every: float, clock: Clock = SYSTEM_CLOCK, keys: int = 20_000) -> None:
        self._burst = burst
        self._every = every
        self._clock = clock
        self._keys = keys
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait(self, key: Hashable, *, behind: int = 0) -> float:
        """Seconds until `take` would give a token after `behind` others took one; 0.0 if it would now."""
        return max(0.0, (1 + behind - self.level(key)) * self._every)

    def take(self, key: Hashable) -> float:
        """Take one token and return 0.0; or take nothing and return the seconds until there is one."""
        return self.take_at(key, self.level(key))

    def take_at(self, key: Hashable, level: float) -> float:
        """The same, of a bucket whose level is known already."""
        if level < 1:
            self._levels.move_to_end(key)  # being refused is being seen: other keys must not push it out
            return (1 - level) * self._every
        self._keep(key, level - 1)
        return 0.0

    def give_back(self, key: Hashable) -> None:
        """Undo one `take`."""
        self._keep(key, self.level(key) + 1)

    def level(self, key: Hashable) -> float:
        """How many tokens are in the bucket, in whole ones and a part of the next."""
        level, at = self._levels.get(key, (float(self._burst), 0.0))
        return min(self._burst, level + (self._clock.monotonic() - at) / self._every)

    def _keep(self, key: Hashable, level: float) -> None:
        if level >= self._burst:  # as good as never seen
            self._levels.pop(key, None)
            return
        self._levels[key] = (level, self._clock.monotonic())
        self._levels.move_to_end(key)
        if len(self._levels) > self._keys:
            self._levels.popitem(last=False)


def peer_of(scope: Scope) -> str:
    """What a request's sender counts as; everyone behind a Unix socket is one peer."""
    return peer_network(peer(scope)) or "unknown"


@lru_cache(maxsize=4096)
def peer_network(address: str) -> str:
    """What a peer counts as: its IPv4 address, or the /64 of its IPv6 one, since who has one has them all.

    Whatever is no address, such as the name of a Unix socket, counts as itself.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return address
