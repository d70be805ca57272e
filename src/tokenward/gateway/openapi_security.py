"""What a document's `security` says about scopes (OpenAPI 3.1 §4.8.30), in the policy's terms.

The policy needs one set of scopes, all of which a token must have. A document can say more than that
(alternatives, optional security); where it does, the configuration must choose.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokenward.gateway.policy import PolicyProblem

Location = tuple[str | int, ...]

_SCOPED = ("oauth2", "openIdConnect")  # no set: a hostile document may put anything there, hashable or not
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 §3.3


@dataclass(frozen=True, slots=True)
class Demand:
    """What the document demands of callers of one operation.

    Attributes:
        scopes: all of them, or None where the document names none.
        anonymous: `security: []` or an empty alternative: nobody needs a credential.
        location: where it says so.
    """

    scopes: frozenset[str] | None
    anonymous: bool
    location: Location


def bad_scopes(scopes: frozenset[str]) -> list[str]:
    """Those that are no scope tokens."""
    return sorted(scope for scope in scopes if not _SCOPE_TOKEN.fullmatch(scope))


def demand(document: Mapping[str, Any], operation: Mapping[str, Any], at: Location) -> Demand | PolicyProblem:
    """What the operation's own `security`, or else the document's, demands."""
    location: Location = ("security",) if "security" not in operation else (*at, "security")
    security = operation.get("security", document.get("security"))
    if security is None:
        return Demand(None, anonymous=False, location=location)
    if not isinstance(security, Sequence) or isinstance(security, str):
        return _malformed(location)
    alternatives: set[frozenset[str]] = set()
    anonymous = not security
    for index, requirement in enumerate(security):
        if not isinstance(requirement, Mapping):
            return _malformed((*location, index))
        anonymous |= not requirement
        scopes: set[str] = set()
        for name, wanted in requirement.items():
            found = _scopes(document, name, wanted, (*location, index, name))
            if isinstance(found, PolicyProblem):
                return found
            scopes |= found
        if requirement:
            alternatives.add(frozenset(scopes))
    if len(alternatives) > 1:
        return PolicyProblem(
            location,
            "document",
            "the alternatives ask for different scopes",
            "Name the scopes of this operation in the configuration, or make the alternatives agree.",
        )
    only = next(iter(alternatives), frozenset())
    return Demand(only or None, anonymous, location)


def _scopes(
    document: Mapping[str, Any], name: object, wanted: object, at: Location
) -> frozenset[str] | PolicyProblem:
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, Mapping) else None
    scheme = schemes.get(name) if isinstance(schemes, Mapping) else None
    if not isinstance(scheme, Mapping):
        return PolicyProblem(
            at,
            "document",
            f"the security scheme {name!r} is not declared",
            "Declare it below components.securitySchemes.",
        )
    if not isinstance(wanted, Sequence) or isinstance(wanted, str):
        return _malformed(at)
    if scheme.get("type") not in _SCOPED:
        return frozenset()  # for other types the list holds role names at best, never scopes
    if not all(isinstance(scope, str) for scope in wanted):
        return _malformed(at)
    scopes = frozenset(wanted)
    if bad := bad_scopes(scopes):
        return PolicyProblem(
            at, "document", f"{bad[0]!r} is no scope", "Use visible ASCII without quotes and backslashes."
        )
    return scopes


def _malformed(at: Location) -> PolicyProblem:
    return PolicyProblem(
        at,
        "document",
        "`security` is not a list of objects that map a scheme to a list of scopes",
        "Write it like `security: [{oauth: [accounts:read]}]`.",
    )
