"""What is kept of leaks: the credential that got out, where it was seen, and what was done about it.

No secret and no fingerprint of one: a credential is named by its id, as in logs. Times are seconds since
1970-01-01 UTC.
"""

from dataclasses import dataclass
from typing import Literal

LeakKind = Literal[
    "access_token",
    "refresh_token",
    "authorization_code",
    "device_code",
    "api_key",
    "client_secret",
    "session",
    "sign_in_link",
    "initial_access_token",
    "registration_access_token",
    "admin_token",
    "signing_key",
]

LeakAction = Literal["revoke", "confirm", "alert", "none"]
"""What becomes of a leaked credential: it ends now, as soon as a person says so, or not by itself; or there
is nothing left to end."""

IncidentState = Literal["open", "responded", "closed"]
"""Somebody has to act; it was ended; it is over and done with."""

EVIDENCE_KEPT = 100
"""Places that are remembered of one incident; further ones are only counted."""


@dataclass(frozen=True, slots=True)
class Leaked:
    """A credential that is in strange hands.

    Attributes:
        kind: what it is.
        subject: its id: token_id, key_id, secret_id, session_id, link_id or kid; "" for the admin token.
        client_id: whose it is; for an API key None.
        user_id: for whom it acts, or None.
        grant_id: what it follows from, or None.
        owner: who answers for an API key, else "".
        audience: what it is for, or None.
        issued_at: since when it has been good, as far as is known.
    """

    kind: LeakKind
    subject: str
    client_id: str | None = None
    user_id: str | None = None
    grant_id: str | None = None
    owner: str = ""
    audience: str | None = None
    issued_at: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place where it was seen, as a reporter tells it.

    Attributes:
        reporter: who says so: `client:ID`, `holder`, `operator`, `github` or `webhook:NAME`.
        source: what kind of place: `git`, `log`, `content`, and what else reporters call it; or "".
        path: of the file, or "".
        line: from 1, or 0.
        commit: the commit that brought it in, or "".
        url: where to look, or "".
        since: when it got there, or None.
    """

    reporter: str
    source: str = ""
    path: str = ""
    line: int = 0
    commit: str = ""
    url: str = ""
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Evidence, and when it was first told."""

    evidence: Evidence
    reported_at: float


@dataclass(frozen=True, slots=True)
class Taken:
    """Something that was done: what, in words that hold ids and no secret, and when."""

    at: float
    what: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One credential that got out, however often it was reported.

    Attributes:
        incident_id: its name, for people; tells when it was first reported.
        leaked: the credential.
        reported_at: when that was.
        reporter: who was first; as in `Evidence`.
        reports: how many there were.
        state: how far it is.
        action: what the policy wanted.
        responded_at: when it was ended, or None.
        due_at: when the rest is to be done, for a secret that its owner has until then to replace; else None.
        closed_at: when it was closed, or None.
        note: with which words.
    """

    incident_id: str
    leaked: Leaked
    reported_at: float
    reporter: str
    reports: int
    state: IncidentState
    action: LeakAction
    responded_at: float | None = None
    due_at: float | None = None
    closed_at: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a credential ends.

    Attributes:
        action: whether it does.
        settled: seconds after its end for which what its client is issued is void, too: other processes may
            take a secret for a moment more.
        grace: seconds for which a client secret is good all the same.
    """

    action: LeakAction
    settled: float = 1.0
    grace: float = 0.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one report.

    Attributes:
        incident: as it is now.
        is_new: nobody reported this credential before.
        ended: this report ended it.
    """

    incident: Incident
    is_new: bool
    ended: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """How much would end with a credential: live access tokens, live grants, sign-ins."""

    access_tokens: int = 0
    grants: int = 0
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class Untold:
    """An incident of which somebody is to be told, and how often that was tried since it last changed."""

    incident: Incident
    attempts: int
