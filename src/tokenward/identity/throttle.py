"""Slowing down those who guess passwords, without giving anyone the means to lock a person out.

Three token buckets count wrong passwords. Two of them refuse, and both belong to the address that guesses:
whoever fills them harms nobody elsewhere. The third belongs to the user name, which an attacker can fill from
anywhere, so it never refuses; it only makes every answer for that name slower.
"""

from math import ceil

from tokenward.base.asgi import Scope
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal
from tokenward.base.throttle import TokenBuckets, peer_network

DELAY = 2.0
"""Seconds that each answer waits while a user name is under attack."""


class SignInThrottle:
    """The three buckets of sign-in. A right password costs nothing; nor does one that nobody could check."""

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

    def give_back(self, peer: str, username: str, delay: float) -> None:
        """Take back what `admit` counted when it returned `delay`: it was no wrong password."""
        self._peers.give_back(peer)
        self._pairs.give_back((peer, username))
        if not delay:  # else the name's bucket was empty, and gave nothing
            self._names.give_back(username)


def peer_of(scope: Scope) -> str:
    """The address to count against; everyone behind a Unix socket is one peer."""
    client = scope.get("client")
    return peer_network(client[0]) if client else "unknown"
