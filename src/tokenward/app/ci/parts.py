"""The parts of a run: each looks at one kind of thing and tells what it found, whatever stands in its way."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tokenward.app.check import check, summary
from tokenward.app.ci.documents import api_documents, touched
from tokenward.app.ci.policy_report import configuration_rows, failed_rows
from tokenward.app.config import load
from tokenward.app.openapi_audit import CannotAudit, audit
from tokenward.app.policy_tests import beside, read_suites
from tokenward.app.policy_trial import try_suites
from tokenward.app.reports.model import Problem, Report, Row
from tokenward.app.reports.words import count, headline
from tokenward.app.scan_command import ScanFailed, failures_told, scan_report
from tokenward.app.scan_command import Wanted as WantedScan
from tokenward.app.scan_sources import Asked
from tokenward.base.files import from_here
from tokenward.base.secret import Secret


@dataclass(frozen=True, slots=True)
class Part:
    """What a part says.

    Attributes:
        name: "scan", "openapi", "check", "test" or "probe".
        told: in a line, what came of it.
        rows: what it found.
        accepted: what somebody accepted in the files themselves.
        problems: what it could not look at.
        complete: False if it was ended early.
    """

    name: str
    told: str
    rows: tuple[Row, ...] = ()
    accepted: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()
    complete: bool = True


def scanned(changed: str, key: bytes | None) -> Part:
    """Leaked credentials, in the files that are here or in the commits since a revision."""
    asked = Asked(revisions=f"{changed}..HEAD") if changed else Asked()
    try:
        with failures_told():
            report = scan_report(WantedScan(asked), key=key)
    except ScanFailed as error:
        return Part("scan", "it could not be made", problems=(Problem(".", str(error)),))
    return _of("scan", report)


def audited(named: Iterable[str], changed: frozenset[str] | None) -> Part:
    """OpenAPI documents: those named or else all that are here; with `changed`, what was touched."""
    documents = list(named) or list(api_documents())
    chosen = [each for each in documents if changed is None or touched(each, changed)]
    reports: list[Report] = []
    problems: list[Problem] = []
    for document in chosen:
        try:
            reports.append(audit(document))
        except CannotAudit as error:
            problems.append(Problem(document, str(error)))
        except OSError as error:
            problems.append(Problem(document, error.strerror or str(error)))
    if not documents:
        return Part("openapi", "there is no OpenAPI document")
    rows = tuple(row for report in reports for row in report.rows)
    told = f"{count(len(rows), 'finding')} in {count(len(chosen), 'document')}"
    if len(chosen) < len(documents):
        told += f"; {len(documents) - len(chosen):,} are as they were"
    return Part(
        "openapi",
        told,
        rows,
        tuple(row for report in reports for row in report.accepted),
        (*problems, *(problem for report in reports for problem in report.problems)),
        all(report.complete for report in reports),
    )


def without_configuration(name: str, config: Path, *, named: bool) -> Part:
    """What a part says that has none to look at: where somebody named one, that is a problem."""
    why = f"there is no {config}"
    return Part(name, why, problems=(Problem(str(config), why),) if named else ())


def checked(config: Path) -> Part:
    """The configuration."""
    found = check(config).findings
    return Part("check", f"{config}: {summary(found)}", configuration_rows(found))


def tested(config: Path) -> Part:
    """The policy tests beside the configuration; only where that has no errors."""
    configuration = load(config).configuration
    paths = beside(config)
    if not paths:
        return Part("test", "there is no file of policy tests")
    if configuration is None:
        why = "nothing was tried: the configuration has errors"
        return Part("test", why, problems=tuple(Problem(from_here(path), why) for path in paths))
    read = read_suites(paths, configuration.settings)
    if read.findings:
        return Part("test", "nothing was tried: the tests have errors", configuration_rows(read.findings))
    tried = asyncio.run(try_suites(configuration, read.suites))
    failed = failed_rows(tried)
    return Part("test", f"{len(tried) - len(failed)} passed, {len(failed)} failed", failed)


def probed(url: str, token: Secret, *, permitted: bool) -> Part:
    """A live API, with one good token."""
    # Imported where it is asked for: it brings a server along.
    from tokenward.app.probing import report_on  # noqa: PLC0415
    from tokenward.auditor.probing.asked import Asked as AskedProbe  # noqa: PLC0415
    from tokenward.auditor.probing.wire import CannotProbe  # noqa: PLC0415

    try:
        report = report_on(AskedProbe(url=url, token=token), permitted=permitted)
    except CannotProbe as error:
        return Part("probe", "it could not be done", problems=(Problem(url, str(error)),))
    return _of("probe", report)


def _of(name: str, report: Report) -> Part:
    told = f"{headline(report)}: {report.pace}" if report.pace else headline(report)
    return Part(name, told, report.rows, report.accepted, report.problems, report.complete)
