"""The part of the store that keeps incidents, and ends what leaked in the same unit."""

from collections.abc import Sequence
from typing import Protocol

from tokenward.store.leak_records import (
    Ending,
    Evidence,
    Incident,
    IncidentState,
    Leaked,
    Reach,
    Recorded,
    Seen,
    Taken,
    Untold,
)


class Leaks(Protocol):
    """Credentials that got out. What `port` promises of all methods holds here, too."""

    async def record_leak(
        self, incident_id: str, leaked: Leaked, evidence: Evidence, ending: Ending, *, at: float
    ) -> Recorded:
        """Note a report, end the credential as `ending` says, and tell the feed, all in one unit.

        There is one incident for each credential: a further report is counted, and remembered if it names
        another place. What was ended is not ended again. An incident that is closed stays so, unless the
        credential is ended now.

        Raises:
            AlreadyExists: `incident_id` is taken by the incident of another credential; nothing was changed.
        """

    async def respond_to_incident(self, incident_id: str, ending: Ending, *, at: float) -> Incident | None:
        """End the credential of an incident, as `record_leak` does; None if the incident is unknown.

        What was ended is not ended again.
        """

    async def mark_responded(self, incident_id: str, done: Sequence[str], *, at: float) -> bool:
        """Note what was done elsewhere; False if the incident is unknown, or was responded to before."""

    async def leak_reach(self, leaked: Leaked, *, at: float) -> Reach:
        """How much that lives at that moment would end with it. Looks at every row: it is for people."""

    async def finish_incident(self, incident_id: str, *, at: float) -> bool:
        """End what a client was issued during the grace of its secret; False if that is done, or not due."""

    async def due_incidents(self, *, at: float) -> list[Incident]:
        """Those whose grace is over, and that are not finished."""

    async def close_incident(self, incident_id: str, note: str, *, at: float) -> bool:
        """Close it; False if it is unknown or was closed before."""

    async def incident(self, incident_id: str) -> Incident | None:
        """One incident, or None."""

    async def incidents(self, *, state: IncidentState | None = None, limit: int) -> list[Incident]:
        """The newest incidents, in that state if one is named."""

    async def incident_evidence(self, incident_id: str) -> list[Seen]:
        """Where its credential was seen, in the order in which that was told."""

    async def incident_actions(self, incident_id: str) -> list[Taken]:
        """What was done, in order."""

    async def incidents_to_tell(self, *, at: float, limit: int) -> list[Untold]:
        """Those that changed, or whose telling failed, and is to be tried again by that moment.

        An incident is to be told of when it is new and not over already, and when its credential is ended.
        """

    async def claim_incident_telling(
        self, incident_id: str, *, at: float, again_at: float | None
    ) -> tuple[str, ...] | None:
        """Take it upon oneself to tell now; who was told already since it changed.

        None if somebody else has claimed it, or nothing is to be told. If nothing else is heard
        (`incident_told`), it is to be told again at `again_at`, or never.
        """

    async def incident_told(
        self, incident_id: str, by_now: Sequence[str], *, again_at: float | None, whole: bool
    ) -> None:
        """All of these know it by now, told by who claimed that with `again_at`; `whole`: nobody is left.

        What changed since is told all the same. A name holds no space.
        """
