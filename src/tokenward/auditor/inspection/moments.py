"""Moments and durations in words."""

import math
from datetime import datetime

_UNITS = ((86_400 * 365, "year"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_LAST = 253_402_214_400  # the last day of the year 9999, beyond which nobody writes dates
MILLISECONDS = 100_000_000_000  # as seconds it is the year 5138, as milliseconds 1973


def is_number(value: object) -> bool:
    """Whether it is a number that can be a date (RFC 7519 §2): True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def duration(seconds: float) -> str:
    """Such as "15 minutes", "2 days", "1 hour 30 minutes"."""
    rest = round(abs(seconds))
    told: list[str] = []
    for size, unit in _UNITS:
        number, rest = divmod(rest, size)
        if number:
            told.append(f"{number:,} {unit}{'' if number == 1 else 's'}")
        elif told:
            break
        if len(told) == 2:
            break
    return " ".join(told) or "0 seconds"


def distance(moment: float, now: float) -> str:
    """Such as "in 4 minutes", "2 days ago"."""
    apart = moment - now
    if abs(apart) < 1:
        return "now"
    size = next(size for size, _ in _UNITS if abs(apart) >= size)
    told = duration(apart - math.fmod(apart, size))  # "in 3 days", not "in 3 days 4 hours"
    return f"in {told}" if apart > 0 else f"{told} ago"


def local(moment: float, now: float) -> str:
    """A moment in local time, and how far away it is."""
    if not 0 <= moment < _LAST:
        return "no date that a calendar has"
    written = datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    return f"{written}, {distance(moment, now)}"
