"""What `tokenward audit openapi` does, whoever calls it: from a document to a report."""

from pathlib import Path

from tokenward.app.api_documents import read_document
from tokenward.app.reports.audits import audit_report
from tokenward.app.reports.model import Report
from tokenward.auditor.openapi.audit import audit_document
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.documents.source import SourceError


class CannotAudit(Exception):  # noqa: N818 - says what it is
    """The document could not be read at all; the message is for people."""


def audit(document: str) -> Report:
    """Audit the document in the file of that name.

    Raises:
        CannotAudit: it cannot be read.
    """
    try:
        source = read_document(Path(document))
    except SourceError as error:
        raise CannotAudit(f"{document}:{error.line}:{error.column}: {error.text}: {error.remedy}") from None
    result = audit_document(source.data, document, source.line_of)
    return audit_report("audit", "Audit of an OpenAPI document", result, at=SYSTEM_CLOCK.time())
