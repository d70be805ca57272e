"""How `audit`, `probe`, `inspect` and `ci` end: the report is written, the exit code says what it holds."""

import sys
from enum import StrEnum
from pathlib import Path

from tokenward.app.reports.model import Report
from tokenward.app.reports.words import headline
from tokenward.app.reports.writing import Format, write_report
from tokenward.base.severity import Severity

CLEAN, FOUND, NOT_SEEN = 0, 1, 2
"""Exit codes. Clean is only what was looked at: something unseen or an early end is no 0."""


class FailOn(StrEnum):
    """What `--fail-on` takes: the least severity of a finding that makes the exit code 1."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def severity(self) -> Severity:
        """The same as a severity."""
        return Severity[self.name]


def conclude(report: Report, form: Format, output: Path | None, fail_on: FailOn) -> int:
    """Write the report.

    Returns:
        The exit code.

    Raises:
        OSError: it cannot be written.
    """
    write_report(report, form, output)
    if output is not None:
        sys.stderr.write(f"{headline(report)}: {output}\n")
    return exit_code(report, fail_on)


def exit_code(report: Report, fail_on: FailOn) -> int:
    """1 for a finding that is severe enough; else 2 for what could not be seen; else 0."""
    if any(row.severity >= fail_on.severity for row in report.rows):
        return FOUND
    return NOT_SEEN if report.unseen or not report.complete else CLEAN
