"""What `tokenward check` and `tokenward test` say, as rows of a report."""

from collections.abc import Iterable
from typing import Final

from tokenward.app.findings import Finding
from tokenward.app.policy_trial import Tried
from tokenward.app.reports.audits import fingerprint
from tokenward.app.reports.model import Kind, Location, Row
from tokenward.base.files import from_here
from tokenward.base.severity import Severity

_SEVERITIES: Final = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.INFO}

FAILED_TEST: Final = Kind(
    id="policy.test-failed",
    title="A policy test fails",
    severity=Severity.HIGH,
    help="The policy decides something else than a test beside it expects: `tokenward test` shows the steps.",
    tags=("security", "as-code"),
    attack="Whoever the test keeps out is let in, or whoever it lets in is kept out.",
)


def configuration_rows(findings: Iterable[Finding]) -> tuple[Row, ...]:
    """A row for each problem of the configuration: an error is of high severity, a warning of medium.

    That a secret is not here is told, and no more: where a change is looked at its secrets seldom are.
    """
    return tuple(_configuration_row(finding) for finding in findings)


def failed_rows(tried: Iterable[Tried]) -> tuple[Row, ...]:
    """A row for each policy test that failed."""
    return tuple(_failed_row(each) for each in tried if not each.outcome.passed)


def _configuration_row(finding: Finding) -> Row:
    severity = Severity.INFO if finding.code == "secret-missing" else _SEVERITIES[finding.severity]
    kind = Kind(
        id=f"configuration.{finding.code}",
        title=f"Configuration: {finding.code.replace('-', ' ')}",
        severity=severity,
        help="`tokenward check` tells every problem of the configuration.",
        tags=("security", "as-code"),
    )
    return Row(
        kind=kind,
        severity=severity,
        message=f"{kind.title}: {finding.text}.",
        detail=finding.text,
        locations=(Location(from_here(finding.file), finding.line, finding.column),),
        next=finding.remedy,
        fingerprint=fingerprint(kind.id, from_here(finding.file), finding.text),
    )


def _failed_row(tried: Tried) -> Row:
    test, outcome = tried.test, tried.outcome
    wanted = f"{test.expect} {test.operation or ''}".rstrip()
    decided = f"{outcome.decided} {outcome.operation}".rstrip()
    detail = f"{test.name}: {test.request} should be {wanted}, and is {decided}"
    return Row(
        kind=FAILED_TEST,
        severity=FAILED_TEST.severity,
        message=f"{FAILED_TEST.title}: {detail}.",
        detail=detail,
        locations=(Location(from_here(tried.suite.source.path), tried.line),),
        why="; ".join(step.why for step in outcome.steps if not step.passed),
        next="Mend the policy, or the test if that is what is wrong.",
        fingerprint=fingerprint(FAILED_TEST.id, from_here(tried.suite.source.path), test.name),
    )
