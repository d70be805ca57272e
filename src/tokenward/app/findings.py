"""What a look at the configuration finds: one frozen record per problem, with its place and its remedy."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, get_args

from tokenward.base.documents.source import Keys, Source, SourceError

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem in one place.

    Attributes:
        file: where it is written.
        line: from 1.
        column: from 1.
        severity: an error keeps the servers from starting, a warning and a note do not.
        code: stable, for programs and searches.
        text: what is wrong. Never holds a value that could be a secret.
        remedy: how to mend it.
    """

    file: Path
    line: int
    column: int
    severity: Severity
    code: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A problem whose place is still told by the `keys` that lead to it. The rest is as in `Finding`."""

    keys: Keys
    severity: Severity
    code: str
    text: str
    remedy: str

    @classmethod
    def with_reason(cls, keys: Keys, code: str, what: str, reason: str | None) -> Self:
        """The note that something is weaker than usual, and the reason that is given for it."""
        return cls(keys, "note", code, f"{what}: {reason}", "remove it when the reason is gone")


def placed(source: Source, remark: Remark) -> Finding:
    """The remark with its line and column in `source`."""
    line, column = source.line_of(remark.keys)
    return Finding(source.path, line, column, remark.severity, remark.code, remark.text, remark.remedy)


def unreadable(path: Path, error: SourceError) -> Finding:
    """A finding about a file that cannot be read as data."""
    return Finding(path, error.line, error.column, "error", error.code, error.text, error.remedy)


def errors(findings: Iterable[Finding]) -> int:
    """How many of them are errors."""
    return sum(finding.severity == "error" for finding in findings)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, notes last, and by place."""
    ranks = get_args(Severity)
    return tuple(
        sorted(findings, key=lambda it: (ranks.index(it.severity), str(it.file), it.line, it.column))
    )
