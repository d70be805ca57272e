"""Letters to people: handed over at once, sent beside the requests, tried again for some minutes.

The queue is in memory. A letter that a crash loses is asked for again by who waits for it; what people are
told of their account stands in its history, too.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Never, Protocol

from tokenward.base.mail import MailError

WAITING = 200
AGAIN = (5.0, 30.0, 120.0)
"""Seconds before a letter that was not taken is tried again."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail of plain text; its text may hold a link that signs somebody in."""

    to: str
    subject: str
    text: str = field(repr=False)


# With the pauses before it is tried again, and again.
_Attempt = tuple[Letter, Sequence[float]]


class Post(Protocol):
    """Takes a letter."""

    async def send(self, *, to: str, subject: str, text: str) -> None:
        """Hand it in.

        Raises:
            MailError: it was not taken.
            ValueError: an address or the subject cannot stand in a header.
        """


class Outbox:
    """The letters that wait.

    Args:
        post: takes them; None where nothing does, and they are dropped.
        again: when those are tried again that it did not take.
    """

    def __init__(self, post: Post | None, *, again: Sequence[float] = AGAIN) -> None:
        self._post = post
        self._again = again
        self._letters: asyncio.Queue[_Attempt] = asyncio.Queue(WAITING)
        self._later = 0

    @property
    def works(self) -> bool:
        """Whether letters get anywhere."""
        return self._post is not None

    def put(self, letter: Letter) -> None:
        """Hand over a letter, which takes no time; where too many wait, it is lost and the log says so."""
        if self._post is not None:
            self._put((letter, self._again))

    async def run(self) -> Never:
        """Send, one after the other, for ever."""
        while True:
            await self._send(*await self._letters.get())

    async def _send(self, letter: Letter, pauses: Sequence[float]) -> None:
        assert self._post is not None  # noqa: S101 - nothing gets into the queue otherwise
        try:
            await self._post.send(to=letter.to, subject=letter.subject, text=letter.text)
        except ValueError:  # an address that a header cannot hold will not improve
            _log.error("a letter is lost: its address or subject cannot stand in a mail")
        except MailError as error:
            if not pauses or self._later == WAITING:
                _log.error("a letter is lost: %s", error)
                return
            _log.warning("a letter waits: %s", error)
            # Beside the others: one address that takes no mail must not hold up everybody's.
            self._later += 1
            asyncio.get_running_loop().call_later(pauses[0], self._once_more, letter, pauses[1:])

    def _put(self, attempt: _Attempt) -> None:
        try:
            self._letters.put_nowait(attempt)
        except asyncio.QueueFull:
            _log.error("a letter is lost: %d wait already", WAITING)

    def _once_more(self, letter: Letter, pauses: Sequence[float]) -> None:
        self._later -= 1
        self._put((letter, pauses))
