"""Owners are told before their API keys end: each notice once, however many processes there are.

Who is about to tell claims it in the store first. Where nobody could be told, the claim is given back, and
the next round tries again; a process that dies in between has told nobody, and the next notice does.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Never, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.mail import MailError, MailServer
from tokenward.base.outbound import OutboundClient, OutboundError
from tokenward.base.secret import Secret
from tokenward.store.port import ApiKeys, StoreUnavailable
from tokenward.store.records import ApiKeyState

_log = logging.getLogger(__name__)

ROUND_SECONDS = 600.0


class CannotTell(Exception):  # noqa: N818 - reads as the condition it is
    """The notice did not get there. The text is for the log."""


@dataclass(frozen=True, slots=True)
class Notice:
    """That a key ends within so many days."""

    state: ApiKeyState
    days: int

    @property
    def subject(self) -> str:
        """In one line, for people."""
        end = datetime.fromtimestamp(self.state.key.expires_at, UTC)
        return f"API key {self.state.key.name!r} ends on {end:%Y-%m-%d at %H:%M} UTC"

    @property
    def text(self) -> str:
        """Whole, for people."""
        key, used = self.state.key, self.state.last_used_at
        last = "never" if used is None else f"last on {datetime.fromtimestamp(used, UTC):%Y-%m-%d}"
        shown = f", which ends in {key.last_four}" if key.last_four else ""
        return (
            f"{self.subject}.\n\n"
            f"It is the key {key.key_id}{shown}. It opens {key.audience} and was used {last}.\n"
            "After that moment it is refused. Ask whoever gave it to you to rotate it: for a while the old\n"
            "key and its successor both work.\n"
        )


class Teller(Protocol):
    """A way to reach owners."""

    def reaches(self, owner: str) -> bool:
        """Whether this owner can be reached this way."""

    async def tell(self, notice: Notice) -> None:
        """Send it.

        Raises:
            CannotTell: it did not get there.
        """


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts JSON to an address of the operator's; `text` in it is what chat systems show."""

    url: Secret
    client: OutboundClient

    def reaches(self, owner: str) -> bool:  # noqa: ARG002 - who listens there knows whom to ask
        """Everybody's notices go there."""
        return True

    async def tell(self, notice: Notice) -> None:
        """See `Teller`."""
        key = notice.state.key
        body = {
            "event": "api_key_ends",
            "text": notice.subject,
            "key_id": key.key_id,
            "name": key.name,
            "owner": key.owner,
            "last_four": key.last_four,
            "audience": key.audience,
            "expires_at": key.expires_at,
            "within_days": notice.days,
            "last_used_at": notice.state.last_used_at,
        }
        try:
            await self.client.post_json_async(self.url.reveal(), json.dumps(body).encode())
        except OutboundError as error:
            raise CannotTell(f"the webhook: {error.code}") from None


@dataclass(frozen=True, slots=True)
class Mail:
    """Writes to owners that are e-mail addresses."""

    server: MailServer

    def reaches(self, owner: str) -> bool:
        """Whether the owner looks like an address."""
        name, _, domain = owner.partition("@")
        return bool(name) and "." in domain and not set(owner) & set(' ,;:<>()[]\\"')

    async def tell(self, notice: Notice) -> None:
        """See `Teller`."""
        try:
            await self.server.send(to=notice.state.key.owner, subject=notice.subject, text=notice.text)
        except (MailError, ValueError) as error:
            raise CannotTell(f"mail: {error}") from None


async def tell_owners(
    store: ApiKeys, tellers: Sequence[Teller], days: Sequence[int], *, clock: Clock = SYSTEM_CLOCK
) -> int:
    """Tell the owners of all keys that end within one of these numbers of days; how many were told.

    Of several numbers the fewest counts: who was told that a day is left is not told of three days after it.

    Raises:
        StoreUnavailable: it is not known of whom to tell.
    """
    told = 0
    for within in sorted(days):
        for state in await store.api_keys_to_tell_of(days=within, at=clock.time()):
            ways = [each for each in tellers if each.reaches(state.key.owner)]
            if not ways or not await store.claim_telling(state.key.key_id, within):
                continue
            if await _told(ways, Notice(state, within)):
                told += 1
            else:
                await store.release_telling(state.key.key_id, within, before=state.told_days)
    return told


async def _told(ways: Sequence[Teller], notice: Notice) -> bool:
    """Whether anything got there. What did is not sent again for what did not."""
    arrived = False
    for way in ways:
        try:
            await way.tell(notice)
            arrived = True
        except CannotTell as error:
            _log.warning("the owner of API key %s was not told: %s", notice.state.key.key_id, error)
    return arrived


async def tell_forever(
    store: ApiKeys, tellers: Sequence[Teller], days: Sequence[int], *, clock: Clock = SYSTEM_CLOCK
) -> Never:
    """Tell owners every `ROUND_SECONDS`, until cancelled."""
    while True:
        try:
            await tell_owners(store, tellers, days, clock=clock)
        except StoreUnavailable as error:
            _log.warning("telling owners of API keys was put off: %s", error)
        await asyncio.sleep(ROUND_SECONDS)
