"""All checks of OpenAPI documents, in the order of the reference page."""

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi.checks import (
    access,
    addresses,
    authorization,
    bounds,
    credentials,
    disclosure,
    document,
    inventory,
    responses,
    schemes,
    secrets,
    transport,
    undescribed,
)
from tokenward.auditor.openapi.rule import Category, Rule
from tokenward.auditor.openapi.suppression import USELESS

RULES: tuple[Rule, ...] = (
    *access.RULES,
    *schemes.RULES,
    *credentials.RULES,
    *authorization.RULES,
    *transport.RULES,
    *bounds.RULES,
    *undescribed.RULES,
    *disclosure.RULES,
    *addresses.RULES,
    *responses.RULES,
    *inventory.RULES,
)

CHECKS: tuple[tuple[Check, Category], ...] = (
    *((rule.check, rule.category) for rule in RULES),
    (secrets.CHECK, "secrets"),
    (document.DUPLICATE_KEY, "document"),
    (document.AMBIGUOUS, "document"),
    (USELESS, "document"),
)
"""Every check with its category, those that are no rule of the table among them."""

CATEGORIES = {check.id: category for check, category in CHECKS}
