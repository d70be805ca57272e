"""A row of a report as a baseline looks at it: what any part of a run has found can be accepted for now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tokenward.app.reports.model import Kind, Location, Row
from tokenward.leaks.result import Acceptance


@dataclass(frozen=True, slots=True)
class Found:
    """A row. See `tokenward.leaks.baseline.Acceptable`."""

    row: Row

    @property
    def fingerprint(self) -> str:
        """Of the row."""
        return self.row.fingerprint

    @property
    def places(self) -> Sequence[Location]:
        """Of the row."""
        return self.row.locations

    @property
    def rule(self) -> Kind:
        """What it is."""
        return self.row.kind

    @property
    def why(self) -> str:
        """Of the row."""
        return self.row.why

    def narrowed(self, places: Sequence[Any], why: str, acceptance: Acceptance | None) -> "Found":
        """The row with a part of its places."""
        return Found(replace(self.row, locations=tuple(places), why=why, acceptance=acceptance))
