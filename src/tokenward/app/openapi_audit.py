"""What `tokenward audit openapi` does, whoever calls it: from a document to a report."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from tokenward.app.reports.audits import audit_report
from tokenward.app.reports.model import Report
from tokenward.auditor.openapi.audit import Means, audit_document
from tokenward.auditor.openapi.profiles import PROFILES
from tokenward.auditor.openapi.reading import NotOpenApi
from tokenward.auditor.openapi.references import BOUNDS, read_file
from tokenward.auditor.recognition import Recogniser
from tokenward.base.addresses import is_loopback
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.documents.reading import parse_leniently
from tokenward.base.documents.source import Source, SourceError

TITLE = "Audit of an OpenAPI document"
FETCH_SECONDS = 60.0
_LOOPBACK = ("127.0.0.0/8", "::1/128")


class CannotAudit(Exception):  # noqa: N818 - says what it is
    """The document could not be read at all, or is none; the message is for people."""


def audit(document: str, profile: str = "public") -> Report:
    """Audit the document in the file of that name, or at that address.

    Args:
        document: a path, or a URL with `https:`; with `http:` only on this machine.
        profile: who may call, a name of `PROFILES`.

    Raises:
        CannotAudit: it cannot be read.
    """
    now = SYSTEM_CLOCK.time()
    started = SYSTEM_CLOCK.monotonic()
    address = document.startswith(("http://", "https://"))
    content = _fetch(document) if address else read_file(Path(document), _refusal_of(document))
    source = _read(content, document, address=address)
    location = "" if address else str(Path(document).resolve())
    means = Means(
        today=datetime.fromtimestamp(now, UTC).date(),
        profile=PROFILES[profile],
        recogniser=_recogniser(),
        base=None if address else Path(location).parent,
    )
    try:
        result = audit_document(source, document, location, means)
    except NotOpenApi as error:
        raise CannotAudit(f"{document}: {error}") from None
    took = SYSTEM_CLOCK.monotonic() - started
    report = audit_report("audit", TITLE, result, at=now)
    return _timed(report, took)


def _refusal_of(document: str) -> Callable[[str], CannotAudit]:
    return lambda why: CannotAudit(f"{document}: {why}")


def _timed(report: Report, took: float) -> Report:
    return replace(
        report,
        summary={**report.summary, "seconds": round(took, 3)},
        pace=f"{report.pace} in {took:.1f} s",
    )


@cache
def _recogniser() -> Recogniser:
    from tokenward.app.recognising import leak_rules  # noqa: PLC0415 - costs what only an audit has use for

    return leak_rules("openapi.yaml")


def _read(content: bytes, document: str, *, address: bool) -> Source:
    named = Path(urlsplit(document).path if address else document)
    try:
        return parse_leniently(content, named, BOUNDS)
    except SourceError as error:
        raise CannotAudit(f"{document}:{error.line}:{error.column}: {error.text}: {error.remedy}") from None


def _fetch(url: str) -> bytes:
    from tokenward.base.outbound import OutboundClient, OutboundError  # noqa: PLC0415 - files need no network

    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        raise CannotAudit(f"{url!r} is no address: write it as https://api.example/openapi.yaml") from None
    local = is_loopback(host)
    client = OutboundClient(
        allow=_LOOPBACK if local else (),
        https_only=not local,
        timeout=FETCH_SECONDS,
        max_bytes=BOUNDS.size,
    )
    try:
        return client.get(url)
    except OutboundError as error:
        hint = ""
        if error.code in {"address_refused", "redirect_refused"}:
            hint = "; fetch it with a tool of your choice, and audit the file"
        raise CannotAudit(f"the document was not fetched: {error.detail}{hint}") from None
