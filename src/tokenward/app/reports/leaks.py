"""From the result of a scan to a report."""

from collections.abc import Iterator, Sequence

from tokenward.app.reports.model import Kind, Location, Problem, Report, Row
from tokenward.app.reports.words import confidence_word, count, idle_note, size
from tokenward.base.severity import Confidence
from tokenward.leaks.findings import Place
from tokenward.leaks.result import Finding, ScanResult
from tokenward.leaks.rule import Rule

OURS = "Tokenward"
"""The provider of the rules for tokens that we issue, and can cut off."""

FALSE_ALARM = (
    "A false alarm is accepted with a comment `tokenward:allow reason=…` beside it, or in a baseline."
)

_OURS = (
    "Tell its issuer, by `POST /leaks`, `tokenward scan --report-to` or `tokenward tokens revoke`: it ends "
    "at once, with all that follows from it. Keep the new one out of the files."
)
_ENDED = "It is over, with all that followed from it. Keep the new one out of the files."
_AT_ISSUER = "Exchange it where it was issued, and keep the new one out of the files."
_ANYWHERE = "Replace it wherever it opens something, and keep the new one out of the files."
_NOT_ENOUGH = "Deleting the line is not enough."


def leak_report(result: ScanResult, *, at: float, lasting_key: bool, unused: int = 0) -> Report:
    """The report on leaked secrets.

    Args:
        result: of the scan.
        at: when it ended, in seconds since 1970.
        lasting_key: whether "hmac:" fingerprints were made under a baseline's key, so that another run gives
            the same.
        unused: how many entries of the baseline accept nothing any more. 0 for a scan of only a part: what it
            did not look at is not gone.
    """
    kinds = {each.rule.id: _kind(each.rule) for each in (*result.findings, *result.accepted)}
    rows = tuple(_row(finding, kinds, lasting_key=lasting_key) for finding in result.findings)
    accepted = tuple(_row(finding, kinds, lasting_key=lasting_key) for finding in result.accepted)
    return Report(
        part="scan",
        title="Leaked secrets",
        subject=result.source,
        at=at,
        rows=rows,
        accepted=accepted,
        problems=tuple(Problem(each.path, each.why, each.skipped) for each in result.troubles),
        summary={"files": result.files, "bytes": result.size, "seconds": round(result.seconds, 3)},
        pace=_pace(result),
        notes=tuple(_notes(rows, unused)),
        complete=not result.interrupted,
    )


def _notes(rows: Sequence[Row], unused: int) -> Iterator[str]:
    if rows:
        yield FALSE_ALARM
    if unused:
        yield idle_note(unused)


def _kind(rule: Rule) -> Kind:
    return Kind(
        id=rule.id,
        title=rule.what,
        severity=rule.severity,
        confidence=rule.confidence,
        help="\n\n".join(
            (f"Whoever reads this file can use the {rule.what} as its owner could.", _next(rule))
        ),
        uri=rule.rotate,
        tags=("security", "secret"),
    )


def _row(finding: Finding, kinds: dict[str, Kind], *, lasting_key: bool) -> Row:
    rule = finding.rule
    certainty = confidence_word(finding.confidence).capitalize()
    ended = finding.validity is not None and finding.validity.state == "ended"
    return Row(
        kind=kinds[rule.id],
        severity=finding.severity,
        confidence=finding.confidence,
        message=f"{certainty} leak: {rule.what}.",
        shown=finding.masked,
        locations=tuple(location(place) for place in finding.places),
        why=finding.why,
        next=_ENDED if ended else _next(rule, doubtful=finding.confidence is Confidence.LOW),
        fingerprint=finding.fingerprint,
        lasting=lasting_key or not finding.fingerprint.startswith("hmac:"),
        facts=finding.facts,
        acceptance=finding.acceptance,
        validity=finding.validity,
    )


def location(place: Place) -> Location:
    """A place as reports tell it."""
    return Location(place.path, place.line, place.column, place.decoded, place.commit)


def _next(rule: Rule, *, doubtful: bool = False) -> str:
    does = _OURS if rule.provider == OURS else f"{_AT_ISSUER if rule.rotate else _ANYWHERE} {_NOT_ENOUGH}"
    return f"Look whether it is real. If so: {does[0].lower()}{does[1:]}" if doubtful else does


def _pace(result: ScanResult) -> str:
    told = f"{count(result.files, 'file')}, {size(result.size)} in {result.seconds:.1f} s"
    if result.size >= 1_000_000 and result.seconds:  # of less, the rate of a start-up would be told
        told += f" ({size(round(result.size / result.seconds))}/s)"
    return told
