"""From the result of an audit, a probe or an inspection to a report."""

import hashlib
from collections.abc import Mapping

from tokenward.app.reports.model import Kind, Location, Part, Problem, Report, Row
from tokenward.auditor.findings import Check, Finding, Result
from tokenward.leaks.result import Acceptance


def audit_report(part: Part, title: str, result: Result, *, at: float) -> Report:
    """The report on what the auditor found, worst first and then by place.

    Args:
        part: the command.
        title: such as "Audit of an OpenAPI document".
        result: what was found.
        at: when it ended, in seconds since 1970.
    """
    found = sorted(
        result.findings,
        key=lambda it: (-it.severity, it.place.source, it.place.line, it.place.pointer, it.check.id),
    )
    kinds = {finding.check.id: _kind(finding.check) for finding in found}
    return Report(
        part=part,
        title=title,
        subject=result.subject,
        at=at,
        rows=tuple(_row(each, kinds) for each in found if each.suppression is None),
        accepted=tuple(_row(each, kinds) for each in found if each.suppression is not None),
        problems=tuple(Problem(each.what, each.why, each.skipped) for each in result.unseen),
        summary=result.numbers,
        pace=result.pace,
        notes=result.notes,
        complete=result.complete,
        sections=result.sections,
    )


def _kind(check: Check) -> Kind:
    return Kind(
        id=check.id,
        title=check.title,
        severity=check.severity,
        help=f"{check.why}\n\n{check.attack}\n\n{check.fix}",
        tags=("security", check.recommendation),
        attack=check.attack,
        references=check.references,
    )


def _row(finding: Finding, kinds: Mapping[str, Kind]) -> Row:
    check, place = finding.check, finding.place
    return Row(
        kind=kinds[check.id],
        severity=finding.severity,
        confidence=finding.confidence,
        message=f"{check.title}: {finding.detail}" if finding.detail else f"{check.title}.",
        detail=finding.detail,
        locations=(Location(place.source, place.line, place.column, pointer=place.pointer),),
        why=check.why,
        next=check.fix,
        fingerprint=fingerprint(check.id, place.source, place.pointer or str(place.line)),
        facts=finding.facts,
        acceptance=_acceptance(finding),
    )


def _acceptance(finding: Finding) -> Acceptance | None:
    said = finding.suppression
    return None if said is None else Acceptance("comment", said.reason, until=said.until.isoformat())


def fingerprint(*names: str) -> str:
    """Of a thing by what it is and where: lines may move, and words be improved."""
    named = "\n".join(names).encode("utf-8", "surrogateescape")
    return f"sha256:{hashlib.sha256(named).hexdigest()}"
