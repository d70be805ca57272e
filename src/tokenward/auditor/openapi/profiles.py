"""Who may call, and hence what weighs how much: three profiles in place of a switch for each check."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tokenward.base.severity import Severity

INFO, LOW, MEDIUM, HIGH = Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH


@dataclass(frozen=True, slots=True)
class Profile:
    """Severities that differ from those of the checks.

    Attributes:
        name: for `--profile`.
        says: for whom it is, in a sentence.
        severities: by id of check; None: the check does not count.
    """

    name: str
    says: str
    severities: Mapping[str, Severity | None]


def _of(name: str, says: str, **severities: Severity | None) -> Profile:
    named = {f"openapi.{check.replace('_', '-')}": severity for check, severity in severities.items()}
    return Profile(name, says, MappingProxyType(named))


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        each.name: each
        for each in (
            _of("public", "Anybody on the internet may call: every check counts as it is."),
            _of(
                "partner",
                "Known parties call under a contract: what only slows strangers down weighs less.",
                read_unprotected=HIGH,  # a partner API has nothing for strangers
                rate_limit_undocumented=INFO,
                response_429_missing=INFO,
                retry_after_missing=INFO,
                hsts_missing=None,  # no browsers
                server_trial=None,  # partners need a place to try
                server_undescribed=INFO,
                id_guessable=INFO,
            ),
            _of(
                "internal",
                "Only services of the same house call: what helps strangers weighs less.",
                server_trial=None,
                server_internal=None,
                server_unnamed=None,
                hsts_missing=None,
                internal_published=None,
                read_unprotected=MEDIUM,
                rate_limit_undocumented=INFO,
                response_429_missing=INFO,
                retry_after_missing=INFO,
                id_guessable=INFO,
                string_unrestricted=None,
                string_unbounded=INFO,
                array_unbounded=INFO,
                number_unbounded=INFO,
                server_http=MEDIUM,  # a mesh may encrypt beneath
            ),
        )
    }
)
"""By name."""
