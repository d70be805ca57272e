"""Basic authentication (RFC 7617), where a policy still allows it by name, and until when.

A password is shown with every call, changes seldom, and has no scope and no end. So it is good for operations
of the lowest risk only, every use of it is counted, and its last day is part of the permission.
"""

import asyncio
import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.entropy import random_bytes
from tokenward.base.problems import BASIC_REFUSED, Refusal
from tokenward.base.secret import Secret
from tokenward.base.throttle import peer_network
from tokenward.gateway.access import TokenFacts
from tokenward.gateway.single_flight import SingleFlight
from tokenward.gateway.tiers import BASIC

BELIEVED = 30.0
"""Seconds for which a password that was right is not hashed again."""

USER = "urn:tokenward:basic:"
"""What stands before a user's name in `sub` and `client_id`: no id of ours begins like this."""

_LONGEST_NAME = 64
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # RFC 7617 §2: none in either


class Passwords(Protocol):
    """Compares passwords slowly, a few at once (`identity.passwords`)."""

    async def verify(self, password_hash: str | None, password: Secret) -> bool:
        """Whether the password belongs to the hash; None stands for nobody, and takes as long.

        Raises:
            Refusal: UNAVAILABLE, too many are waiting.
        """
        ...


class Guesses(Protocol):
    """Slows down those who guess (`identity.throttle`)."""

    def admit(self, peer: str, username: str) -> float:
        """Count an attempt before it is looked at; gives the seconds that it has to wait.

        Raises:
            Refusal: TOO_MANY_REQUESTS.
        """
        ...

    def give_back(self, peer: str, username: str, delay: float) -> None:
        """Take back what `admit` counted when it returned `delay`."""
        ...


@dataclass(frozen=True, slots=True)
class BasicList:
    """Users with passwords at one API, and on which terms.

    Attributes:
        users: name → PHC string of the password, all of them of one cost.
        audience: of the API.
        scopes: what all of them may do.
        ends_at: seconds since 1970 at which nobody gets in any more.
        passwords: compares them.
        guesses: slows down who guesses.
        clock: what time it is.
    """

    users: Mapping[str, str] = field(repr=False)
    audience: str
    scopes: frozenset[str]
    ends_at: float
    passwords: Passwords
    guesses: Guesses
    clock: Clock = SYSTEM_CLOCK
    # Of this process and this policy: what is remembered under such a name helps nobody to guess.
    _key: bytes = field(default_factory=lambda: random_bytes(32), init=False, repr=False)
    _flights: SingleFlight[bool] = field(
        default_factory=lambda: SingleFlight(at_once=256, waiting=0), init=False, repr=False
    )
    # Who has to wait for guessing takes no turn of those who only want to be compared.
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(8), init=False, repr=False)

    def accepted(self, now: float) -> bool:
        """Whether their last day has not passed."""
        return now < self.ends_at

    def name(self, text: str) -> str:
        """The keyed hash under which these credentials are remembered."""
        return hmac.digest(self._key, text.encode(), "sha256").hex()

    async def judge(self, text: str, peer: str) -> TokenFacts:
        """Whose the credentials are. A name that nobody has costs as much as one that somebody has.

        Raises:
            Refusal: BASIC_REFUSED; TOO_MANY_REQUESTS, this peer has guessed too often; UNAVAILABLE.
        """
        name, password = _read(text)
        key = bytes.fromhex(self.name(text))
        network = peer_network(peer)
        if not await self._flights.ask(key, lambda: self._is_right(name, password, network), peer):
            raise Refusal(BASIC_REFUSED, "no user has this name and this password")
        now, who = self.clock.time(), USER + name
        return TokenFacts(
            token_id=BASIC,
            grant_id=None,
            client_id=who,
            user_id=None,
            scope=self.scopes,
            audience=self.audience,
            credential=BASIC,
            issued_at=now,
            expires_at=self.ends_at,
            subject=who,
            believed_until=now + BELIEVED,
        )

    async def _is_right(self, name: str, password: Secret, peer: str) -> bool:
        delay = self.guesses.admit(peer, name)
        right = True  # until somebody has looked
        try:
            if delay:
                await asyncio.sleep(delay)
            async with self._turns:
                right = await self.passwords.verify(self.users.get(name), password)
        finally:
            if right:
                self.guesses.give_back(peer, name, delay)
        return right


def _read(text: str) -> tuple[str, Secret]:
    """RFC 7617 §2: the name is what stands before the first colon."""
    try:
        pair = base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise Refusal(BASIC_REFUSED, "what follows Basic is no base64 of UTF-8") from None
    name, colon, password = pair.partition(":")
    if not colon or not name or _CONTROL.search(pair) or len(name) > _LONGEST_NAME:
        raise Refusal(BASIC_REFUSED, "no name and password of a user")
    return name, Secret(password)
