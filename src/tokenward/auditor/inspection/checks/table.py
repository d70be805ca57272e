"""Every check of a credential. A new one is a row in the module of its family."""

from tokenward.auditor.inspection.checks import (
    algorithms,
    claims,
    contents,
    dates,
    form,
    headers,
    presentation,
    proofs,
)
from tokenward.auditor.inspection.checks.kit import Lint

FAMILIES: dict[str, tuple[Lint, ...]] = {
    "Algorithm and key": algorithms.LINTS,
    "Header": headers.LINTS,
    "Life": dates.LINTS,
    "Claims": claims.LINTS,
    "What can be read in it": contents.LINTS,
    "Form": form.LINTS,
    "How it is presented": presentation.LINTS,
    "DPoP proofs": proofs.LINTS,
}

LINTS: tuple[Lint, ...] = tuple(lint for family in FAMILIES.values() for lint in family)
