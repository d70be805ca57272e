"""From an OpenAPI document to what is wrong with it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tokenward.auditor.findings import Check, Finding, Place, Result, Unseen
from tokenward.auditor.openapi.checks import document, secrets
from tokenward.auditor.openapi.nodes import File, Node
from tokenward.auditor.openapi.profiles import PROFILES, Profile
from tokenward.auditor.openapi.reading import read_api
from tokenward.auditor.openapi.references import Library, why_broken
from tokenward.auditor.openapi.rule import ApiRule, Category, Hit, OperationRule, SchemaRule, Subject, plural
from tokenward.auditor.openapi.schemas import walk
from tokenward.auditor.openapi.score import POINTS, Score, Tally, score
from tokenward.auditor.openapi.suppression import USELESS, Allowances
from tokenward.auditor.openapi.table import CATEGORIES, RULES
from tokenward.auditor.recognition import Recogniser, nobody
from tokenward.base.documents.source import Source
from tokenward.base.severity import Severity

_API_RULES = tuple(rule for rule in RULES if isinstance(rule, ApiRule))
_OPERATION_RULES = tuple(rule for rule in RULES if isinstance(rule, OperationRule))
_SCHEMA_RULES = tuple(rule for rule in RULES if isinstance(rule, SchemaRule))
_WHOLE = frozenset(rule.check.id for rule in _API_RULES) | {secrets.CHECK.id}

_TOLD_LOSSES = 5


@dataclass(frozen=True, slots=True)
class Means:
    """What an audit needs beside the document.

    Attributes:
        today: for acceptances that end.
        profile: who may call.
        recogniser: who knows credentials when they see them.
        base: the directory that references to other files must not leave; None: none is followed.
    """

    today: date
    profile: Profile = field(default_factory=lambda: PROFILES["public"])
    recogniser: Recogniser = nobody
    base: Path | None = None


def audit_document(source: Source, name: str, location: str, means: Means) -> Result:
    """What is wrong with a document.

    Args:
        source: as it was read.
        name: of its file, or its address, as people know it.
        location: the path of its file; "" for one that has none.
        means: what else is needed.

    Raises:
        NotOpenApi: it is no OpenAPI document.
    """
    library = Library(File(name, location, source), means.base)
    api = read_api(library)
    subject = Subject(api, library)
    findings = _Findings(means)
    for api_rule in _API_RULES:
        findings.take(api_rule.check, api_rule.find(subject))
    for operation in api.operations:
        for operation_rule in _OPERATION_RULES:
            findings.take(operation_rule.check, operation_rule.find(operation, subject))
    for schema in walk(api, library):
        for schema_rule in _SCHEMA_RULES:
            findings.take(schema_rule.check, schema_rule.find(schema))
    for file in library.files:
        findings.take(secrets.CHECK, secrets.secrets(file, means.recogniser))
        for check, place, told in document.remarks(file):
            findings.add(check, place, told)
        findings.allowances.read_all(Node(file, file.source.data))
    findings.take(USELESS, findings.allowances.useless())
    scored = score(findings.tallies(), len(api.calls))
    broken = source.broken
    unseen = list(library.unseen)
    if broken is not None:
        unseen.append(Unseen(name, why_broken(broken)))
    return Result(
        subject=name,
        findings=tuple(findings.found),
        unseen=tuple(unseen),
        numbers=_numbers(scored, len(api.operations)),
        pace=f"OpenAPI {api.version}, {plural(len(api.operations), 'operation')}",
        notes=tuple(_notes(scored, means.profile)),
        complete=broken is None,
    )


class _Findings:
    """Collects hits, each place of a check once, as severe as the profile says."""

    def __init__(self, means: Means) -> None:
        self.found: list[Finding] = []
        self.allowances = Allowances(means.today, frozenset(CATEGORIES))
        self._severities = means.profile.severities
        self._seen: set[tuple[str, str, str, str]] = set()

    def take(self, check: Check, hits: Iterable[Hit]) -> None:
        for hit in hits:
            place = hit.node.place
            # One place, one finding: what many operations share is wrong once.
            key = (check.id, place.source, place.pointer, hit.detail if check.id in _WHOLE else "")
            if key in self._seen:
                continue
            self._seen.add(key)
            severity = self._severity(check, hit.severity)
            if severity is not None:
                accepted = self.allowances.of(hit.node, check.id)
                self.found.append(Finding(check, hit.detail, place, severity, suppression=accepted))

    def add(self, check: Check, place: Place, detail: str) -> None:
        severity = self._severity(check, None)
        if severity is not None:
            self.found.append(Finding(check, detail, place, severity))

    def _severity(self, check: Check, own: Severity | None) -> Severity | None:
        """The profile's word stands in the place of the check's; what is milder in this place stays so."""
        if check.id not in self._severities:
            return check.severity if own is None else own
        said = self._severities[check.id]
        return said if said is None or own is None else min(said, own)

    def tallies(self) -> Iterator[Tally]:
        by_check: dict[str, list[Severity]] = {}
        for finding in self.found:
            if finding.suppression is None:
                by_check.setdefault(finding.check.id, []).append(finding.severity)
        for check, severities in by_check.items():
            yield Tally(check, CATEGORIES[check], max(severities), len(severities), check in _WHOLE)


def _numbers(scored: Score, operations: int) -> dict[str, int | float]:
    lost: dict[Category, float] = dict(scored.categories)
    return {
        "score": scored.score,
        "operations": operations,
        **{f"lost.{name}": round(points, 2) for name, points in lost.items()},
        **{f"lost.{check}": round(points, 2) for check, points in scored.checks.items()},
    }


def _notes(scored: Score, profile: Profile) -> Iterator[str]:
    yield f"Score {scored.score} of 100 (profile {profile.name})."
    for name, points in scored.categories.items():
        if points:
            mine = [
                f"{check.removeprefix('openapi.')} {lost:.1f}"
                for check, lost in scored.checks.items()
                if CATEGORIES[check] == name
            ]
            more = f" and {len(mine) - _TOLD_LOSSES} more" if len(mine) > _TOLD_LOSSES else ""
            told = ", ".join(mine[:_TOLD_LOSSES]) + more
            yield f"{name}: {points:.1f} of {POINTS[name]} points lost ({told})."
