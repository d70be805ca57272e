"""What is told once of many findings: their check's title, why, how and what to do; then only the places."""

from collections.abc import Iterable

from tokenward.app.reports.model import Row

Group = tuple[Row, ...]
"""Findings of one kind, alike in all but their places and what is peculiar to each; at least one."""


def groups(rows: Iterable[Row]) -> list[Group]:
    """The findings, those alike together, in the order of the first of each.

    What has something of its own to show, such as a masked secret or whether it is live, stands alone.
    """
    found: dict[object, list[Row]] = {}
    for number, row in enumerate(rows):
        own = row.shown or row.facts or row.validity is not None or len(row.locations) != 1
        alike = (row.kind.id, row.severity, row.confidence, row.why, row.next)
        found.setdefault(number if own else alike, []).append(row)
    return [tuple(each) for each in found.values()]
