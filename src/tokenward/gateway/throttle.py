"""A limit on how many unknown tokens one peer may have looked up.

Only a lookup that found nothing counts, and it counts afterwards: guessing 256 bits gets no better by many
attempts at once, and a peer that brings many good tokens at once (a load balancer before an empty cache)
must not be slowed down. A token that is remembered is not even looked at here.
"""

from math import ceil

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal
from tokenward.base.throttle import TokenBuckets, peer_network


class UnknownTokenThrottle:
    """Twenty unknown tokens at once and five a second, per IPv4 address or IPv6 /64."""

    __slots__ = ("_buckets",)

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._buckets = TokenBuckets(burst=20, every=0.2, clock=clock)

    def admit(self, peer: str) -> None:
        """Let a lookup be made.

        Raises:
            Refusal: TOO_MANY_REQUESTS, with the seconds until the next one is possible.
        """
        if wait := self._buckets.wait(peer_network(peer)):
            raise Refusal(TOO_MANY_REQUESTS, "too many unknown tokens from this peer", retry_after=ceil(wait))

    def count(self, peer: str) -> None:
        """Note that a lookup found nothing."""
        self._buckets.take(peer_network(peer))
