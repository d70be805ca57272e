"""What owners are told of an incident: what leaked, what that broke, and what to do; never a secret."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from tokenward.leaks.response.exposure import exposed_since
from tokenward.leaks.response.policy import NEVER_BY_ITSELF
from tokenward.store.leak_records import Incident, LeakKind, Seen
from tokenward.store.records import Usage

_PLACES = 5

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
    "device_code": (
        "The device that asked by it gets nothing.",
        "Let the device ask anew, and look why what it holds stands in a file or a log.",
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
    "initial_access_token": (
        "Nobody registers a client by it any more; clients that did so before stay.",
        "Look through them with `tokenward clients list`, and make another with `tokenward clients invite`.",
    ),
    "registration_access_token": (
        "Nobody reads, changes or removes the client's registration any more; the client goes on.",
        "Look at what it is registered with; whoever keeps it registers anew to look after it again.",
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
