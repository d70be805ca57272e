"""Slowing down those who guess passwords, without giving anyone the means to lock a person out.

Three token buckets count wrong passwords. Two of them refuse, and both belong to the address that guesses:
whoever fills them harms nobody elsewhere. The third belongs to the user name, which an attacker can fill from
anywhere, so it never refuses; it only makes every answer for that name slower.
"""

from collections import OrderedDict
from collections.abc import Hashable
from ipaddress import IPv6Address, ip_address
from math import ceil

from tokenward.base.asgi import Scope
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal

DELAY = 2.0
"""Seconds that each answer waits while a user name is under attack."""

MAX_KEYS = 20_000


class TokenBuckets:
    """A token bucket for each key, in bounded memory: the keys not seen for longest are forgotten.

    Args:
        burst: tokens in a full bucket.
        every: seconds until one more token is there.
        clock: the monotonic reading counts.
    """

    def __init__(self, *, burst: int, every: float, clock: Clock = SYSTEM_CLOCK) -> None:
        self._burst = burst
        self._every = every
        self._clock = clock
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, key: Hashable) -> float:
        """Take one token and return 0.0; or take nothing and return the seconds until there is one."""
        level = self._level(key)
        if level < 1:
            return (1 - level) * self._every
        self._keep(key, level - 1)
        return 0.0

    def give_back(self, key: Hashable) -> None:
        """Undo one `take`."""
        self._keep(key, self._level(key) + 1)

    def _level(self, key: Hashable) -> float:
        level, at = self._levels.get(key, (float(self._burst), 0.0))
        return min(self._burst, level + (self._clock.monotonic() - at) / self._every)

    def _keep(self, key: Hashable, level: float) -> None:
        if level >= self._burst:  # as good as never seen
            self._levels.pop(key, None)
            return
        self._levels[key] = (level, self._clock.monotonic())
        self._levels.move_to_end(key)
        if len(self._levels) > MAX_KEYS:
            self._levels.popitem(last=False)


class SignInThrottle:
    """The three buckets of sign-in. A right password costs nothing."""

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._peers = TokenBuckets(burst=20, every=6, clock=clock)
        self._pairs = TokenBuckets(burst=5, every=30, clock=clock)
        self._names = TokenBuckets(burst=20, every=10, clock=clock)

    def admit(self, peer: str, username: str) -> float:
        """Count an attempt before its password is looked at, so that many at once count as many.

        Returns the seconds that the attempt has to wait.

        Raises:
            Refusal: TOO_MANY_REQUESTS, this address has guessed too often.
        """
        if wait := self._peers.take(peer):
            raise Refusal(TOO_MANY_REQUESTS, "wrong passwords from this address", retry_after=ceil(wait))
        if wait := self._pairs.take((peer, username)):
            self._peers.give_back(peer)
            raise Refusal(
                TOO_MANY_REQUESTS, "wrong passwords from this address for one name", retry_after=ceil(wait)
            )
        return DELAY if self._names.take(username) else 0.0

    def was_right(self, peer: str, username: str) -> None:
        """Take back what `admit` counted: the password was right."""
        self._peers.give_back(peer)
        self._pairs.give_back((peer, username))
        self._names.give_back(username)


def peer_of(scope: Scope) -> str:
    """The address to count against. Of IPv6 the /64, since whoever has one address of it has them all."""
    client = scope.get("client")
    if not client:
        return "unknown"  # a Unix socket: everyone there is one peer
    try:
        address = ip_address(client[0])
    except ValueError:
        return str(client[0])
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)
