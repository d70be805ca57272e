"""The ways to reach owners: a webhook of the operator's, and mail."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.mail import MailError, MailServer
from tokenward.base.outbound import OutboundClient, OutboundError
from tokenward.base.secret import Secret
from tokenward.leaks.response.notices import Notice
from tokenward.leaks.response.webhooks import signature


class CannotTell(Exception):  # noqa: N818 - reads as the condition it is
    """The notice did not get there. The text is for the log."""


class Teller(Protocol):
    """A way to reach owners."""

    def recipients(self, notice: Notice) -> Sequence[str]:
        """Whom it reaches by this way: names without a space, which no other way has."""

    async def tell(self, notice: Notice, recipient: str) -> None:
        """Send it to one of them.

        Raises:
            CannotTell: it did not get there.
        """


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts JSON to an address of the operator's, signed as reports to `/leaks/webhook/NAME` are."""

    url: Secret
    client: OutboundClient
    secret: Secret | None = None
    clock: Clock = SYSTEM_CLOCK

    def recipients(self, _notice: Notice) -> Sequence[str]:
        """One."""
        return ("webhook",)

    async def tell(self, notice: Notice, _recipient: str) -> None:
        """See `Teller`."""
        body = json.dumps(notice.json()).encode()
        headers = {}
        if self.secret is not None:
            timestamp = str(int(self.clock.time())).encode()
            signed = signature(self.secret, timestamp, body).decode()
            headers = {"Tokenward-Timestamp": timestamp.decode(), "Tokenward-Signature": f"v1={signed}"}
        try:
            await self.client.post_json_async(self.url.reveal(), body, headers=headers)
        except OutboundError as error:
            raise CannotTell(f"the webhook: {error.code}") from None


@dataclass(frozen=True, slots=True)
class Mail:
    """Writes to the operator, and to owners of API keys that are e-mail addresses."""

    server: MailServer
    operators: tuple[str, ...] = ()

    def recipients(self, notice: Notice) -> Sequence[str]:
        """Their addresses."""
        owner = notice.incident.leaked.owner
        return tuple(dict.fromkeys((*self.operators, *((owner,) if _is_address(owner) else ()))))

    async def tell(self, notice: Notice, recipient: str) -> None:
        """See `Teller`."""
        try:
            await self.server.send(to=recipient, subject=notice.subject, text=notice.text)
        except (MailError, ValueError) as error:
            raise CannotTell(f"mail: {error}") from None


def _is_address(owner: str) -> bool:
    name, _, domain = owner.partition("@")
    return bool(name) and "." in domain and not set(owner) & set(' ,;:<>()[]\\"')
