"""What is to be said of APIs at which nothing is enforced yet."""

from collections.abc import Iterator
from datetime import UTC, datetime

from tokenward.app.config import Configuration
from tokenward.app.findings import Remark
from tokenward.app.settings import Settings
from tokenward.base.clock import SYSTEM_CLOCK, Clock

LONGEST_DAYS = 180


def unguarded(configuration: Configuration, clock: Clock) -> list[str]:
    """The names of the APIs at which nothing is enforced now."""
    return [api.name for api in configuration.policy.apis if api.reports(clock.time())]


def rollout_remarks(settings: Settings, clock: Clock = SYSTEM_CLOCK) -> Iterator[Remark]:
    """Loudly, which APIs nobody guards; and which end dates are over, or so far off that they are none."""
    now = clock.time()
    for name, api in settings.apis.items():
        said = api.report_only
        if said is None:
            continue
        place = ("apis", name, "report_only", "until")
        days = (datetime.fromtimestamp(said.ends_at, UTC) - datetime.fromtimestamp(now, UTC)).days
        if now >= said.ends_at:
            yield Remark(
                place,
                "warning",
                "report-only-ended",
                f"since {said.until} is over, {name} is enforced",
                "remove report_only, so that nobody takes it for a rollout that goes on",
            )
        elif days > LONGEST_DAYS:
            yield Remark(
                place,
                "error",
                "report-only",
                f"{name} would go unprotected for {days} days",
                f"name a day within {LONGEST_DAYS} days: who has not rolled it out by then looks at it anew",
            )
        else:
            yield Remark(
                place,
                "warning",
                "report-only",
                f"NOTHING IS ENFORCED at {name} for {days} more days: every call passes that is well-formed",
                "look at `would_deny` in the decision log, mend what is left, and remove report_only",
            )
