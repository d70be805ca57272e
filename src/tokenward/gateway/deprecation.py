"""Operations on their way out: what a document says of it, as headers (RFC 9745, RFC 8594).

OpenAPI knows `deprecated: true` and no dates. These are extensions of ours, beside it in the operation.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from tokenward.gateway.policy import Deprecation, PolicyProblem

SINCE = "x-tokenward-deprecated"
SUNSET = "x-tokenward-sunset"
LINK = "x-tokenward-deprecation-link"

_LINK = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,500}")

Location = tuple[str | int, ...]


def deprecation(operation: Mapping[str, Any], at: Location) -> tuple[Deprecation | None, list[PolicyProblem]]:
    """What an operation's answers tell of its end, if it is on its way out; and what is wrong about it."""
    problems: list[PolicyProblem] = []
    since = _read(operation, SINCE, at, problems)
    sunset = _read(operation, SUNSET, at, problems)
    link = operation.get(LINK)
    if link is not None and not (isinstance(link, str) and _LINK.fullmatch(link)):
        problems.append(_problem((*at, LINK), "this is no URL", "Write one that begins with https://."))
    if since is not None and sunset is not None and sunset < since:  # RFC 9745 §4
        problems.append(_problem((*at, SUNSET), "it ends before it is deprecated", "Mend one of the dates."))
    marked = operation.get("deprecated") is True
    if marked and SINCE not in operation:
        text = "it is deprecated, and no answer tells since when (RFC 9745)"
        problems.append(
            PolicyProblem(at, "document", text, f"Set {SINCE}, and {SUNSET} for its end.", "warning")
        )
    if since is not None and not marked:
        problems.append(
            _problem((*at, SINCE), "it has a date and is not deprecated", "Set deprecated: true.")
        )
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    told = tuple(_told(since, sunset, link))
    return (Deprecation(told, sunset) if told else None), problems


def _told(since: float | None, sunset: float | None, link: str | None) -> Iterator[tuple[bytes, bytes]]:
    if since is not None:
        yield b"deprecation", f"@{since:.0f}".encode()  # RFC 9745 §2.1: a Date of RFC 9651
    if sunset is not None:
        yield b"sunset", formatdate(sunset, usegmt=True).encode()  # RFC 8594 §3
    if link is not None and (since, sunset) != (None, None):
        relation = "deprecation" if since is not None else "sunset"  # RFC 9745 §3, RFC 8594 §6
        yield b"link", f'<{link}>; rel="{relation}"; type="text/html"'.encode()


def _read(
    operation: Mapping[str, Any], key: str, at: Location, problems: list[PolicyProblem]
) -> float | None:
    if key not in operation:
        return None
    try:
        return _moment(operation[key])
    except ValueError:
        remedy = "Write a date such as 2027-03-31, or one with time and zone."
        problems.append(_problem((*at, key), "this is no date", remedy))
        return None


def _moment(text: object) -> float:
    """Seconds since 1970 of an ISO 8601 date, midnight UTC, or of a date with time and zone."""
    if not isinstance(text, str):
        raise ValueError("no text")  # noqa: TRY004 - a value of a document
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        if len(text) != len("2027-03-31"):
            raise ValueError("a time without a zone")
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def _problem(at: Location, text: str, remedy: str) -> PolicyProblem:
    return PolicyProblem(at, "document", text, remedy)
