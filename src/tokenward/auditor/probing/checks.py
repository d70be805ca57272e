"""Everything that a probe looks for."""

from tokenward.auditor.findings import Check
from tokenward.auditor.probing.request_checks import REQUEST_CHECKS
from tokenward.auditor.probing.token_checks import token_checks

CHECKS: dict[str, Check] = {check.id: check for check in (*token_checks(), *REQUEST_CHECKS)}
"""By id."""
