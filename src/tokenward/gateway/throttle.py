"""A limit on how many unknown tokens one peer may have looked up.

Only a lookup that found nothing counts, and it counts afterwards: guessing 256 bits gets no better by many
attempts at once, and a peer that brings many good tokens at once (a load balancer before an empty cache)
must not be slowed down. A token that is remembered is not even looked at here.

A peer is often many people (a NAT, a proxy), and one of them may bring nothing but unknown tokens. So what
that one uses up is never a reason to refuse a good token that was not seen before: the peer's tokens are
still looked up, but few at the same time, and only who brought an unknown one is told to wait.

An API key that was imported may be short. Guessing such a one pays, so there the right guess waits as well:
no more are looked up than the peer has unknown tokens left.

So that a store that answers slowly is not flooded before anything counts, the lookups that a peer has under
way are limited too.
"""

from collections import Counter
from math import ceil

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal
from tokenward.base.throttle import TokenBuckets, peer_network

UNDER_WAY = 100
"""Lookups that one peer may have under way."""

UNDER_SUSPICION = 4
"""The same, for a peer that has used up its unknown tokens."""


class UnknownTokenThrottle:
    """Twenty unknown tokens and five more a second, `UNDER_WAY` lookups; per IPv4 address or IPv6 /64."""

    __slots__ = ("_buckets", "_under_way")

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._buckets = TokenBuckets(burst=20, every=0.2, clock=clock)
        self._under_way: Counter[str] = Counter()

    def admit(self, peer: str, *, guessable: bool = False) -> None:
        """Let a lookup begin; `end` follows when it is over.

        Args:
            peer: whose it is.
            guessable: nobody knows how many guesses what is looked up would take.

        Raises:
            Refusal: TOO_MANY_REQUESTS, too many are under way; or it could be one guess too many.
        """
        network = peer_network(peer)
        under_way = self._under_way[network]
        if guessable and (wait := self._buckets.wait(network, behind=under_way)):
            raise Refusal(TOO_MANY_REQUESTS, "too many guesses from this peer", retry_after=ceil(wait))
        if under_way >= (UNDER_SUSPICION if self._buckets.wait(network) else UNDER_WAY):
            raise Refusal(TOO_MANY_REQUESTS, "too many lookups for this peer at once", retry_after=1)
        self._under_way[network] += 1

    def end(self, peer: str) -> None:
        """Note that a lookup is over, whatever it found."""
        network = peer_network(peer)
        self._under_way[network] -= 1
        if not self._under_way[network]:
            del self._under_way[network]

    def count(self, peer: str) -> None:
        """Note that a lookup found nothing.

        Raises:
            Refusal: TOO_MANY_REQUESTS, this peer has brought too many unknown tokens; with the seconds until
                the next one is possible.
        """
        if wait := self._buckets.take(peer_network(peer)):
            raise Refusal(TOO_MANY_REQUESTS, "too many unknown tokens from this peer", retry_after=ceil(wait))
