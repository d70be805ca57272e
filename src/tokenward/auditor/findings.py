"""What an audit, a probe or an inspection says: what was found and where, and what could not be seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from tokenward.base.severity import Confidence, Severity


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked for: a row of a table.

    Attributes:
        id: stable, for programs: the family, a dot and a name, such as "openapi.http-basic".
        title: what is wrong, in a few words.
        severity: as a rule; a finding may say otherwise.
        why: in a sentence or two, why it matters.
        attack: in a sentence or two, what an attacker does with it.
        fix: in a sentence or two, how to mend it.
        references: where it is written, such as "RFC 9700 §2.1.2", "OWASP API2:2023".
        recommendation: the id of the recommendation it serves (`base.recommendations`).
    """

    id: str
    title: str
    severity: Severity
    why: str
    attack: str
    fix: str
    references: tuple[str, ...]
    recommendation: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where it was found.

    Attributes:
        source: a file, an address, or what was inspected in a word.
        pointer: into a document of JSON or YAML (RFC 6901); "" where there is none.
        line: from 1; 0 where lines mean nothing.
        column: from 1, in characters; 0 as above.
    """

    source: str
    pointer: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why a finding does not count: somebody wrote it beside the place.

    Attributes:
        reason: as somebody wrote it.
        until: the last day on which it holds.
    """

    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing in one place.

    Attributes:
        check: what it is.
        detail: in a sentence, what is peculiar to this one. Never holds a credential.
        place: where.
        severity: of this one.
        confidence: None where there is no doubt.
        facts: what else is known and may be shown, such as what was sent and how it was answered.
        suppression: why it does not count; None for what does.
    """

    check: Check
    detail: str
    place: Place
    severity: Severity
    confidence: Confidence | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    suppression: Suppression | None = None

    @classmethod
    def of(cls, check: Check, place: Place, detail: str, **facts: str) -> "Finding":
        """As severe as its check says."""
        return cls(check, detail, place, check.severity, facts=facts)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is told and not judged, such as a claim of a token.

    Attributes:
        name: such as "exp".
        value: as it stands there, with what is secret in it masked; "" where the name says it all.
        meaning: in plain words; "" where there is nothing to explain.
        source: where that is written, such as "RFC 7519 §4.1.4"; "" where it is not.
    """

    name: str
    value: str
    meaning: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """What belongs together of it, in the order in which it is read.

    Attributes:
        title: such as "Claims".
        entries: one after the other.
    """

    title: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Unseen:
    """What could not be looked at, or was left out.

    Attributes:
        what: a file, an address, a part of them.
        why: in words.
        skipped: on purpose.
    """

    what: str
    why: str
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """All of it.

    Attributes:
        subject: what was looked at, in words.
        findings: in any order, those that are suppressed among them.
        unseen: what could not be looked at.
        numbers: for programs, by name, such as requests, seconds, score.
        pace: the same for people, in a line.
        notes: what the reader must know about the whole, a sentence each.
        complete: False if it ended early and holds only what was seen until then.
        sections: what it is, told before anything is judged.
    """

    subject: str
    findings: tuple[Finding, ...]
    unseen: tuple[Unseen, ...] = ()
    numbers: Mapping[str, int | float] = field(default_factory=dict)
    pace: str = ""
    notes: tuple[str, ...] = ()
    complete: bool = True
    sections: tuple[Section, ...] = ()
