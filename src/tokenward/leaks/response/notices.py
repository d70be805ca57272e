"""Owners are told what leaked, what that broke, and what to do; never with a secret.

The queue is the store: an incident that changed is to be told of, whoever tells claims it first, and what did
not get there is tried again, each time later, for about a day.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Never, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.mail import MailError, MailServer
from tokenward.base.outbound import OutboundClient, OutboundError
from tokenward.base.secret import Secret
from tokenward.leaks.response.exposure import exposed_since, uses_of
from tokenward.leaks.response.policy import NEVER_BY_ITSELF
from tokenward.leaks.response.webhooks import signature
from tokenward.store.leak_port import Leaks
from tokenward.store.leak_records import Incident, LeakKind, Seen, Untold
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import Usage
from tokenward.store.usage_port import Usages

_log = logging.getLogger("tokenward.leaks")

ROUND_SECONDS = 2.0
FIRST_AGAIN = 30.0  # seconds until what failed is tried again, and then twice as many each time
LONGEST_AGAIN = 4 * 3600.0
ATTEMPTS = 14  # a day and a half in all
STALE = 7 * 86_400.0  # seconds; of what is older nobody is told any more
_AT_ONCE = 20
_PLACES = 5


class CannotTell(Exception):  # noqa: N818 - reads as the condition it is
    """The notice did not get there. The text is for the log."""


TO_DO: Mapping[LeakKind, tuple[str, str]] = {
    "access_token": (
        "The token is refused everywhere; if it came from a person's sign-in, so is all that came with it.",
        "Remove it from where it was found. The application gets a new one by itself, or asks to sign in.",
    ),
    "refresh_token": (
        "The sign-in that it belongs to has ended, with all its tokens.",
        "Remove it from where it was found, and sign in again.",
    ),
    "authorization_code": (
        "The sign-in that it would have completed has ended.",
        "Sign in again, and look why a redirect address stands in a file or a log.",
    ),
    "api_key": (
        "Calls with the key, and with what it was exchanged for, are refused.",
        "Ask the operator for another key, and keep it out of the files.",
    ),
    "client_secret": (
        "The secret no longer authenticates the client, and all that the client was issued is revoked.",
        "Make a new one with `tokenward clients rotate-secret`, which shows it once, for the client.",
    ),
    "session": (
        "All sign-ins of the person have ended, with all that acted for them.",
        "Sign in again, and look how a cookie got out of the browser.",
    ),
    "sign_in_link": (
        "The link signs nobody in.",
        "Let another one be sent, and look who can read what the first was sent by.",
    ),
    "admin_token": (
        "Nothing yet: whoever has the token and reaches the admin listener manages everything.",
        "Replace its file, start the servers again, and look through clients, keys and people.",
    ),
    "signing_key": (
        "Nothing yet: whoever has the key can sign what backends and applications believe.",
        "Look at `tokenward leaks respond INCIDENT --dry-run`, and give --confirm.",
    ),
}
"""For each kind what has stopped working once it was ended, and what its owner should do."""

_LIVES = "It is still good: the response policy leaves it to a person."
_DECIDE = "Decide: `tokenward leaks respond INCIDENT --dry-run` tells what would end, --confirm ends it."
_REMOVED = "The key is removed, and every token that it signed is void; others sign in its place."
_LOOK = "Find out how it got out. Applications that ask people to sign in again are right to do so."
_GRACE = (
    "The secret is good until {until:%Y-%m-%d %H:%M} UTC, as was asked for; until then the thief has it, too."
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What an owner is told of an incident."""

    incident: Incident
    seen: tuple[Seen, ...]
    uses: tuple[Usage, ...] = ()

    @property
    def subject(self) -> str:
        """In one line, for people."""
        leaked = self.incident.leaked
        named = f" {leaked.subject}" if leaked.subject else ""
        became = "was revoked" if self.incident.responded_at is not None else "waits for you"
        return f"Leaked {leaked.kind.replace('_', ' ')}{named} {became}"

    @property
    def broke(self) -> str:
        """What has stopped working."""
        incident = self.incident
        if incident.leaked.kind == "signing_key" and incident.responded_at is not None:
            return _REMOVED
        if incident.due_at is not None:
            return _GRACE.format(until=datetime.fromtimestamp(incident.due_at, UTC))
        if incident.responded_at is None and incident.leaked.kind not in NEVER_BY_ITSELF:
            return _LIVES
        return TO_DO[incident.leaked.kind][0]

    @property
    def to_do(self) -> str:
        """What its owner should do."""
        incident = self.incident
        waits = incident.responded_at is None and incident.leaked.kind not in NEVER_BY_ITSELF
        if incident.leaked.kind == "signing_key" and incident.responded_at is not None:
            return _LOOK
        return (_DECIDE if waits else TO_DO[incident.leaked.kind][1]).replace(
            "INCIDENT", incident.incident_id
        )

    @property
    def text(self) -> str:
        """Whole, for people."""
        incident = self.incident
        whose = (
            incident.leaked.client_id or incident.leaked.owner or incident.leaked.user_id or "the operator"
        )
        reported = datetime.fromtimestamp(incident.reported_at, UTC)
        places = "".join(f"  {_place(each)}\n" for each in self.seen[:_PLACES])
        uses = "".join(f"  {_use(each)}\n" for each in self._since_exposed)
        used = f"Since {_when(self._exposed)} it was used from\n{uses}\n" if uses else ""
        return (
            f"{self.subject}.\n\nIt belongs to {whose}. It was reported on {reported:%Y-%m-%d at %H:%M} UTC\n"
            f"by {incident.reporter}, {incident.reports} times by now.\n{places}\n{used}"
            f"{self.broke}\n{self.to_do}\n\nMore: tokenward leaks show {incident.incident_id}\n"
        )

    @property
    def _exposed(self) -> float:
        return exposed_since(self.incident, self.seen)

    @property
    def _since_exposed(self) -> list[Usage]:
        return [each for each in self.uses if each.last_used_at >= self._exposed][:_PLACES]

    def json(self) -> dict[str, object]:
        """For programs; `text` in it is what chat systems show."""
        incident, leaked = self.incident, self.incident.leaked
        return {
            "event": "leak",
            "text": self.subject,
            "incident": incident.incident_id,
            "kind": leaked.kind,
            "token_id": leaked.subject,
            "client_id": leaked.client_id,
            "user_id": leaked.user_id,
            "owner": leaked.owner,
            "audience": leaked.audience,
            "state": incident.state,
            "action": incident.action,
            "reported_at": incident.reported_at,
            "reporter": incident.reporter,
            "reports": incident.reports,
            "responded_at": incident.responded_at,
            "grace_ends_at": incident.due_at,
            "what_broke": self.broke,
            "what_to_do": self.to_do,
            "seen": [
                {
                    "source": it.source,
                    "path": it.path,
                    "line": it.line,
                    "commit": it.commit,
                    "url": it.url,
                    "since": it.since,
                }
                for it in (each.evidence for each in self.seen[:_PLACES])
            ],
            "exposed_since": self._exposed,
            "used_since": [asdict(each) for each in self._since_exposed],
        }


def _when(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _use(usage: Usage) -> str:
    return f"{usage.address} ({usage.door}): {usage.uses} times, last {_when(usage.last_used_at)}"


def _place(seen: Seen) -> str:
    it = seen.evidence
    where = f"{it.path}:{it.line}" if it.path and it.line else it.path
    return " ".join(part for part in (it.source, where, it.commit, it.url) if part) or "place not told"


class Teller(Protocol):
    """A way to reach owners."""

    async def tell(self, notice: Notice) -> None:
        """Send it.

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

    async def tell(self, notice: Notice) -> None:
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

    async def tell(self, notice: Notice) -> None:
        """See `Teller`."""
        owner = notice.incident.leaked.owner
        for address in (*self.operators, *((owner,) if _is_address(owner) else ())):
            try:
                await self.server.send(to=address, subject=notice.subject, text=notice.text)
            except (MailError, ValueError) as error:
                raise CannotTell(f"mail: {error}") from None


def _is_address(owner: str) -> bool:
    name, _, domain = owner.partition("@")
    return bool(name) and "." in domain and not set(owner) & set(' ,;:<>()[]\\"')


class Told(Leaks, Usages, Protocol):
    """What notices are made of."""


async def tell_due(store: Told, tellers: Sequence[Teller], *, clock: Clock = SYSTEM_CLOCK) -> int:
    """Tell of what is due; of how many incidents that got there.

    Raises:
        StoreUnavailable: the rest is for the next round.
    """
    told = 0
    for untold in await store.incidents_to_tell(at=clock.time(), limit=_AT_ONCE):
        name, now = untold.incident.incident_id, clock.time()
        again_at = _again_at(untold, now)
        if not await store.claim_incident_telling(name, at=now, again_at=again_at):
            continue
        if now - (untold.incident.responded_at or untold.incident.reported_at) > STALE:
            await store.incident_told(name, again_at=again_at)
            continue
        # Anew: it may have changed between the look and the claim.
        incident = await store.incident(name) or untold.incident
        seen, uses = await store.incident_evidence(name), await uses_of(store, incident.leaked)
        notice = Notice(incident, tuple(seen), tuple(uses))
        if await _told(tellers, notice, last=again_at is None):
            told += 1
            await store.incident_told(name, again_at=again_at)
    return told


def _again_at(untold: Untold, now: float) -> float | None:
    if untold.attempts + 1 >= ATTEMPTS:
        return None
    return now + min(FIRST_AGAIN * (1 << untold.attempts), LONGEST_AGAIN)


async def _told(tellers: Sequence[Teller], notice: Notice, *, last: bool) -> bool:
    """Whether anything got there. What did is not sent again for what did not."""
    arrived = False
    for teller in tellers:
        try:
            await teller.tell(notice)
            arrived = True
        except CannotTell as error:
            _log.log(
                logging.ERROR if last else logging.WARNING,
                "nobody was told of incident %s%s: %s",
                notice.incident.incident_id,
                ", and nobody will be" if last else "",
                error,
            )
    return arrived


async def tell_forever(store: Told, tellers: Sequence[Teller], *, clock: Clock = SYSTEM_CLOCK) -> Never:
    """Tell of what is due every `ROUND_SECONDS`, until cancelled."""
    while True:
        try:
            await tell_due(store, tellers, clock=clock)
        except StoreUnavailable as error:
            _log.warning("telling of incidents was put off: %s", error)
        await asyncio.sleep(ROUND_SECONDS)
