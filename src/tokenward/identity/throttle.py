"""Slowing down those who guess, without giving anyone the means to lock a person out.

Three token buckets count wrong passwords. Two of them refuse, and both belong to the address that guesses:
whoever fills them harms nobody elsewhere. The third belongs to the user name, which an attacker can fill from
anywhere, so it never refuses; it only makes every answer for that name slower.

Who signed in from this browser before (`devices`) is counted apart from all that: neither a flood against the
name nor one from the same address slows down the owner at home.
"""

from math import ceil

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal
from tokenward.base.throttle import TokenBuckets

DELAY = 2.0
"""Seconds that each answer waits while a user name is under attack."""


class SignInThrottle:
    """The buckets of sign-in. A right password costs nothing; nor does one that nobody could check."""

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._peers = TokenBuckets(burst=20, every=6, clock=clock)
        self._pairs = TokenBuckets(burst=5, every=30, clock=clock)
        self._names = TokenBuckets(burst=20, every=10, clock=clock)
        self._devices = TokenBuckets(burst=5, every=30, clock=clock)

    def admit(self, peer: str, username: str, device: str = "") -> float:
        """Count an attempt before its password is looked at, so that many at once count as many.

        Returns the seconds that the attempt has to wait.

        Args:
            peer: where it comes from (`peer_of`).
            username: whose password is tried.
            device: the id of a browser that this very person signed in from before, or "".

        Raises:
            Refusal: TOO_MANY_REQUESTS, this address or device has guessed too often.
        """
        if device:
            if wait := self._devices.take((device, username)):
                raise _too_many("wrong passwords from a known device", wait)
            return 0.0
        if wait := self._peers.take(peer):
            raise _too_many("wrong passwords from this address", wait)
        if wait := self._pairs.take((peer, username)):
            self._peers.give_back(peer)
            raise _too_many("wrong passwords from this address for one name", wait)
        return DELAY if self._names.take(username) else 0.0

    def give_back(self, peer: str, username: str, delay: float, device: str = "") -> None:
        """Take back what `admit` counted when it returned `delay`: it was no wrong password."""
        if device:
            self._devices.give_back((device, username))
            return
        self._peers.give_back(peer)
        self._pairs.give_back((peer, username))
        if not delay:  # else the name's bucket was empty, and gave nothing
            self._names.give_back(username)


class SecondFactorThrottle:
    """Wrong codes of one person: five at once, then one a minute, and after fifteen more one in half an hour.

    Six digits, of which three codes are good at a time, are then guessed within a year with a chance of 5 %.
    Ask only for a person who has proved another factor: who knows no password cannot get here and use up what
    its owner needs, and who knows it leaves the owner's devices alone.
    """

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._buckets = (
            TokenBuckets(burst=5, every=60, clock=clock),
            TokenBuckets(burst=20, every=30 * 60, clock=clock),
        )

    def admit(self, user_id: str, device: str = "") -> None:
        """Count an attempt before its code is looked at.

        Args:
            user_id: whose code is tried.
            device: the id of a browser that this very person signed in from before, or "".

        Raises:
            Refusal: TOO_MANY_REQUESTS.
        """
        key = (user_id, device)
        if wait := max(bucket.wait(key) for bucket in self._buckets):
            raise _too_many(f"wrong codes: user_id={user_id}", wait)
        for bucket in self._buckets:
            bucket.take(key)

    def give_back(self, user_id: str, device: str = "") -> None:
        """Take back what `admit` counted: the code was right, or nobody could check it."""
        for bucket in self._buckets:
            bucket.give_back((user_id, device))


def _too_many(detail: str, wait: float) -> Refusal:
    return Refusal(TOO_MANY_REQUESTS, detail, retry_after=ceil(wait))
