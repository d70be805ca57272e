"""A report, whoever made it and whoever reads it: one record that every format is written from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tokenward.auditor.findings import Section
from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.findings import Commit
from tokenward.leaks.result import Acceptance, Validity

Part = Literal["scan", "audit", "probe", "inspect", "ci"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What may be found: a rule, a check, an attack. SARIF calls it a rule.

    Attributes:
        id: stable, for programs.
        title: in a few words, such as "GitHub personal access token (classic)".
        severity: as a rule; a row may say otherwise.
        confidence: the same; None where there is no doubt.
        help: a paragraph or two in Markdown: why it matters and what to do.
        uri: a page that helps, such as that on which a credential is exchanged; "" where there is none.
        tags: at most nine, for SARIF.
        attack: in a sentence or two, what an attacker does with it; "" where that goes without saying.
        references: where it is written: specifications with section, "OWASP API2:2023", CVEs.
    """

    id: str
    title: str
    severity: Severity
    confidence: Confidence | None = None
    help: str = ""
    uri: str = ""
    tags: tuple[str, ...] = ()
    attack: str = ""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Location:
    """Where it was found.

    Attributes:
        path: of the file, relative to the subject; members of containers follow after "!". Of what is no
            file, its address or name.
        line: from 1; 0 where lines mean nothing.
        column: from 1, in characters; 0 as above.
        decoded: the encodings undone to see it, outermost first.
        commit: who brought it in; None outside git.
        pointer: into a document of JSON or YAML (RFC 6901); "" where there is none.
    """

    path: str
    line: int = 0
    column: int = 0
    decoded: tuple[str, ...] = ()
    commit: Commit | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was found.

    Attributes:
        kind: what it is.
        severity: of this one.
        confidence: of this one; None where there is no doubt.
        message: in a sentence that stands alone.
        detail: what the title does not say, for people who have just read it; may be "".
        shown: what may be shown of the thing itself, such as a masked secret; "" where there is nothing.
        locations: where; may be empty.
        why: in a sentence, what raised or lowered severity and confidence; may be "".
        next: what to do, in a sentence or two.
        fingerprint: the same for the same thing, run after run; "" where nothing of that sort is known.
        lasting: whether another run gives it the same fingerprint.
        facts: what else is known, such as a token's issuer.
        acceptance: why it does not count; None for what does.
        validity: whether it is live; None where nobody wanted to know.
    """

    kind: Kind
    severity: Severity
    message: str
    detail: str = ""
    confidence: Confidence | None = None
    shown: str = ""
    locations: tuple[Location, ...] = ()
    why: str = ""
    next: str = ""
    fingerprint: str = ""
    lasting: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)
    acceptance: Acceptance | None = None
    validity: Validity | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be looked at, or not to its end.

    Attributes:
        path: as in `Location`.
        why: in words.
        skipped: it was left out on purpose, or is not here; False where a limit, a format or damage kept it
            from being looked at.
    """

    path: str
    why: str
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """All of it.

    Attributes:
        part: the command that made it.
        title: such as "Leaked secrets".
        subject: what was looked at, in words.
        at: when it ended, in seconds since 1970.
        rows: what counts, worst first.
        accepted: what would count, had nobody accepted it.
        problems: what could not be looked at.
        summary: numbers for programs, by name: files, bytes, seconds ...
        pace: the same for people, in a line, such as "120 files, 3.1 MB in 0.4 s (7.8 MB/s)".
        notes: what the reader must know about the report as a whole, a sentence each.
        complete: False if it was ended early and holds only what was seen until then.
        sections: what was looked at, explained before anything is judged.
    """

    part: Part
    title: str
    subject: str
    at: float
    rows: tuple[Row, ...]
    accepted: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()
    summary: Mapping[str, int | float] = field(default_factory=dict)
    pace: str = ""
    notes: tuple[str, ...] = ()
    complete: bool = True
    sections: tuple[Section, ...] = ()

    @property
    def unseen(self) -> int:
        """How many things could not be looked at, and not because somebody left them out."""
        return sum(not problem.skipped for problem in self.problems)

    def count(self, severity: Severity) -> int:
        """How many rows are that bad."""
        return sum(row.severity is severity for row in self.rows)
