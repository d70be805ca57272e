"""From an OpenAPI document to what is wrong with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tokenward.auditor.findings import Check, Finding, Place, Result
from tokenward.base.severity import Severity

Keys = Sequence[str | int]

HTTP_BASIC = Check(
    "openapi.http-basic",
    "HTTP Basic authentication",
    Severity.MEDIUM,
    why="The password itself travels with every call, does not expire and is good for everything.",
    attack="Whoever reads one request, in a log or a proxy, signs in as its user until the password changes.",
    fix="Take OAuth 2 with short-lived access tokens, or an API key where no person is concerned.",
    references=("RFC 7617 §4", "OWASP API2:2023"),
    recommendation="no-basic",
)


def audit_document(
    document: Mapping[str, Any], source: str, line_of: Callable[[Keys], tuple[int, int]]
) -> Result:
    """What is wrong with a parsed document.

    Args:
        document: the data.
        source: its file or address.
        line_of: line and column of a place in it.
    """
    return Result(source, tuple(_basic(document, source, line_of)))


def _basic(
    document: Mapping[str, Any], source: str, line_of: Callable[[Keys], tuple[int, int]]
) -> Iterator[Finding]:
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, Mapping) else None
    for name, scheme in schemes.items() if isinstance(schemes, Mapping) else ():
        if not isinstance(scheme, Mapping):
            continue
        if scheme.get("type") == "http" and str(scheme.get("scheme")).lower() == "basic":
            keys = ("components", "securitySchemes", name)
            pointer = "/" + "/".join(key.replace("~", "~0").replace("/", "~1") for key in keys)
            yield Finding.of(HTTP_BASIC, Place(source, pointer, *line_of(keys)), f"The scheme {name!r}.")
