"""One number between 0 and 100, and how each point of it was lost.

Each category has points, all of them together 100. A check that found something takes a part of the points of
its category: the part is that of its worst severity, times how far it has spread.

    lost(check)    = points(category) x part(severity) x spread
    spread         = 1 for checks of the document as a whole
                   = between 1/4 and 1 for others: places, divided by operations
    lost(category) = the sum, at most points(category)
    score          = 100 less all that was lost, rounded down, but 0 to 99 if anything was lost

What was accepted costs nothing. What could not be looked at costs nothing either, and the report says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tokenward.auditor.openapi.rule import Category
from tokenward.base.severity import Severity

POINTS: Mapping[Category, int] = MappingProxyType(
    {
        "authentication": 30,
        "authorization": 15,
        "transport": 15,
        "data": 15,
        "responses": 10,
        "secrets": 10,
        "inventory": 5,
    }
)
"""What each category is worth. What is wrong with the document as a file costs nothing: it is told."""

PARTS: Mapping[Severity, float] = MappingProxyType(
    {
        Severity.CRITICAL: 1.0,
        Severity.HIGH: 0.6,
        Severity.MEDIUM: 0.3,
        Severity.LOW: 0.15,
        Severity.INFO: 0.03,
    }
)
LEAST_SPREAD = 0.25


@dataclass(frozen=True, slots=True)
class Tally:
    """What a check found.

    Attributes:
        check: its id.
        category: to which it belongs.
        severity: the worst of its findings.
        places: how many.
        whole: it looks at the document as a whole.
    """

    check: str
    category: Category
    severity: Severity
    places: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Score:
    """The number.

    Attributes:
        score: 0 to 100.
        categories: points lost in each.
        checks: points lost by each check, most first; before a category's limit.
    """

    score: int
    categories: Mapping[Category, float]
    checks: Mapping[str, float]


def score(tallies: Iterable[Tally], operations: int) -> Score:
    """The score of what was found in a document with so many operations."""
    lost: dict[str, float] = {}
    categories: dict[Category, float] = dict.fromkeys(POINTS, 0.0)
    for tally in tallies:
        if tally.category not in POINTS:
            continue
        spread = 1.0 if tally.whole else min(1.0, max(LEAST_SPREAD, tally.places / max(1, operations)))
        points = POINTS[tally.category] * PARTS[tally.severity] * spread
        lost[tally.check] = points
        categories[tally.category] += points
    capped = {name: min(float(POINTS[name]), points) for name, points in categories.items()}
    total = sum(capped.values())
    number = 100 if total == 0 else max(0, min(99, int(100 - total)))
    ordered = dict(sorted(lost.items(), key=lambda it: (-it[1], it[0])))
    return Score(number, MappingProxyType(capped), MappingProxyType(ordered))
