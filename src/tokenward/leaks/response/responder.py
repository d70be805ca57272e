"""A report becomes an incident, and what leaked is ended: the one way in, for whoever reports."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.entropy import locator
from tokenward.leaks.response.policy import ResponsePolicy
from tokenward.leaks.response.recognising import Credentials, Named, Recogniser
from tokenward.store.leak_port import Leaks
from tokenward.store.leak_records import Ending, Evidence, LeakAction, Leaked, Recorded
from tokenward.store.port import AlreadyExists, StoreUnavailable

_log = logging.getLogger("tokenward.leaks")

_AT_ONCE = 50  # reports in work at the same time: the store makes one transaction of what comes together
_ATTEMPTS = 5  # to find a name for an incident that is free

Status = Literal["revoked", "confirm", "alert", "over", "unknown"]
"""What a report came to: the credential is ended (now or by an earlier report), waits for a person, goes on
living under watch, was over before; or it is none of ours."""

_STATUS: dict[LeakAction, Status] = {"confirm": "confirm", "alert": "alert", "none": "over"}


class LeakStore(Credentials, Leaks, Protocol):
    """Where credentials and incidents are."""


@dataclass(frozen=True, slots=True)
class Report:
    """That a credential was seen somewhere."""

    named: Named
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one report came to; without `recorded` it is about nothing of ours."""

    status: Status
    recorded: Recorded | None = None

    @property
    def leaked(self) -> Leaked | None:
        """The credential."""
        return None if self.recorded is None else self.recorded.incident.leaked


class Responder:
    """Responds to reports.

    Args:
        store: where credentials and incidents are.
        recogniser: finds the credential that a report is about.
        policy: says what happens to it.
        observe: is told of every outcome, and how many seconds it took.
        clock: time.
    """

    def __init__(
        self,
        store: LeakStore,
        recogniser: Recogniser,
        policy: ResponsePolicy,
        *,
        observe: Callable[[Outcome, float], None] = lambda _outcome, _seconds: None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._store = store
        self._recogniser = recogniser
        self._policy = policy
        self._observe = observe
        self._clock = clock

    async def respond(self, reports: Sequence[Report]) -> list[Outcome]:
        """What became of each report, in their order. All that is told here has reached the disk.

        Raises:
            StoreUnavailable: some may have been responded to; to report them again harms nothing.
        """
        outcomes: list[Outcome] = []
        for start in range(0, len(reports), _AT_ONCE):
            some = reports[start : start + _AT_ONCE]
            done = await asyncio.gather(*map(self._one, some), return_exceptions=True)
            for each in done:  # after all have ended, so that none goes on behind an answer
                if isinstance(each, BaseException):
                    raise each
                outcomes.append(each)
        if unknown := sum(each.recorded is None for each in outcomes):
            reporters = {each.evidence.reporter for each in reports}
            _log.info("leak reports by %s: %d about nothing of ours", ", ".join(sorted(reporters)), unknown)
        return outcomes

    async def _one(self, report: Report) -> Outcome:
        began = self._clock.monotonic()
        outcome = await self._outcome(report)
        self._observe(outcome, self._clock.monotonic() - began)
        _tell(report, outcome)
        return outcome

    async def _outcome(self, report: Report) -> Outcome:
        now = self._clock.time()
        found = await self._recogniser.recognise(report.named, at=now)
        if found is None:
            return Outcome("unknown")
        reporter = report.evidence.reporter
        ending = self._policy.ending(found.leaked, reporter) if found.live else Ending("none")
        recorded = await self._record(found.leaked, report.evidence, ending)
        if recorded.incident.responded_at is not None:
            return Outcome("revoked", recorded)
        return Outcome(_STATUS.get(ending.action, "alert"), recorded)

    async def _record(self, leaked: Leaked, evidence: Evidence, ending: Ending) -> Recorded:
        for _ in range(_ATTEMPTS):
            now = self._clock.time()
            name = locator(round(now * 1000))
            try:
                return await self._store.record_leak(name, leaked, evidence, ending, at=now)
            except AlreadyExists:  # two incidents of one millisecond met
                continue
        raise StoreUnavailable("fresh names of incidents keep being taken")


def _tell(report: Report, outcome: Outcome) -> None:
    """A line for the log. It names nothing that a stranger wrote, and no secret."""
    if outcome.recorded is None:
        return
    incident = outcome.recorded.incident
    _log.log(
        logging.WARNING if outcome.recorded.is_new and outcome.status != "over" else logging.INFO,
        "leak report by %s: %s %s of client %s: %s, incident %s, report %d",
        report.evidence.reporter,
        incident.leaked.kind,
        incident.leaked.subject,
        incident.leaked.client_id or "-",
        outcome.status,
        incident.incident_id,
        incident.reports,
    )
