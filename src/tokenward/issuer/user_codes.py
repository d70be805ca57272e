"""Which device a user code is about, for people who are signed in and try few of them (RFC 8628 §5.1).

A code has 34.6 bits. With five attempts of one account while it lives, chance finds it with
5 / 20⁸, which is less than the 2⁻³² that §5.1 asks for. The account's attempts are counted in the
store, so that all processes count together and a restart forgets none. Session and address are
counted by each process, before the store is troubled: who has many accounts has few addresses.
"""

import hashlib
from collections.abc import Sequence
from math import ceil
from typing import Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import TOO_MANY_CODES, UNKNOWN_DEVICE_REQUEST, Refusal
from tokenward.base.throttle import TokenBuckets
from tokenward.issuer.ports import SignedIn
from tokenward.store.device_port import DeviceCodes
from tokenward.store.device_records import DeviceCode
from tokenward.store.port import Uses
from tokenward.tokens import user_code

ATTEMPTS = 5
"""Codes that one account can try in `WINDOW` seconds, right ones among them."""

WINDOW = 600.0


class _Store(DeviceCodes, Uses, Protocol):
    """What is asked of the store."""


class UserCodes:
    """Finds devices by what people type.

    Args:
        store: where devices wait, and attempts are counted.
        peppers: of the keyed hashes.
        clock: time.
    """

    def __init__(self, store: _Store, peppers: Sequence[bytes], *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._store = store
        self._peppers = peppers
        self._clock = clock
        self._peers = TokenBuckets(burst=20, every=60, clock=clock)
        self._sessions = TokenBuckets(burst=ATTEMPTS, every=WINDOW / ATTEMPTS, clock=clock)

    async def device(self, code: str, person: SignedIn, peer: str) -> DeviceCode:
        """The device that waits for an answer by this code (`user_code.typed`).

        Args:
            code: what the person typed.
            person: who is signed in.
            peer: where they are (`peer_of`).

        Raises:
            Refusal: TOO_MANY_CODES; UNKNOWN_DEVICE_REQUEST, for whatever reason: unknown, expired and used
                codes have one answer.
        """
        await self._count(person, peer)
        hashes = user_code.keyed_hashes(self._peppers, code)
        found = await self._store.asking_device(hashes, self._clock.time())
        if found is None:
            raise Refusal(UNKNOWN_DEVICE_REQUEST, f"user_id={person.user_id} peer={peer}")
        return found

    async def _count(self, person: SignedIn, peer: str) -> None:
        """Count an attempt before its code is looked at, so that many at once count as many."""
        if wait := self._peers.take(peer):
            raise Refusal(TOO_MANY_CODES, "user codes from this address", retry_after=ceil(wait))
        if wait := self._sessions.take(person.session_id):
            raise Refusal(TOO_MANY_CODES, "user codes of this session", retry_after=ceil(wait))
        now = self._clock.time()
        for number in range(ATTEMPTS):
            place = hashlib.sha256(f"user code {person.user_id} {number}".encode()).digest()
            if await self._store.first_use(place, now + WINDOW, at=now):
                return
        detail = f"user codes: user_id={person.user_id}"
        raise Refusal(TOO_MANY_CODES, detail, retry_after=ceil(WINDOW))
