"""How much one address may ask of the paths of browser apps: nobody has proved anything there yet.

A sign-in costs the provider a request, and us a thread that waits for it; a look at a session costs the store
a row. A whole office may stand behind one address, so these limits stop floods and not people.
"""

from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from math import ceil
from types import MappingProxyType

from tokenward.base.clock import Clock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal
from tokenward.base.throttle import TokenBuckets

AT_ONCE = 16
"""Requests that one IPv4 address or IPv6 /64 may have under way: half of the threads."""
RATES: Mapping[str, tuple[int, float]] = MappingProxyType(
    {
        "login": (100, 0.5),
        "callback": (100, 0.5),
        "logout": (100, 0.5),
        "session": (300, 0.05),
        "backchannel-logout": (100, 0.1),
    }
)
"""How many requests an address may make at once, and the seconds until it may make one more; by path."""


class BrowserLimits:
    """Counts, in this process.

    Args:
        clock: the monotonic reading counts.
    """

    def __init__(self, clock: Clock) -> None:
        self._under_way: Counter[str] = Counter()
        self._asked = {
            name: TokenBuckets(burst=burst, every=every, clock=clock)
            for name, (burst, every) in RATES.items()
        }

    @contextmanager
    def admitted(self, peer: str, name: str) -> Generator[None]:
        """While one request is answered.

        Args:
            peer: where it comes from (`peer_of`).
            name: of the path.

        Raises:
            Refusal: TOO_MANY_REQUESTS.
        """
        if self._under_way.get(peer, 0) >= AT_ONCE:
            raise Refusal(TOO_MANY_REQUESTS, f"{peer} has {AT_ONCE} requests under way", retry_after=1)
        if wait := self._asked[name].take(peer):
            raise Refusal(TOO_MANY_REQUESTS, f"{peer} asks {name} too often", retry_after=ceil(wait))
        self._under_way[peer] += 1
        try:
            yield
        finally:
            self._under_way[peer] -= 1
            if not self._under_way[peer]:
                del self._under_way[peer]
