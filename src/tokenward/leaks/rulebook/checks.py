"""The checks of a rule file: `[check.NAME]` in its head, read as strictly as its rules.

What a check may do is bounded here, before anything is sent: https, to a host that is written out, with the
credential in one place. A rule names the check by which its provider is asked.
"""

import re
from collections.abc import Mapping
from typing import Any

from tokenward.leaks.rule import Check, Expected, RuleError

_TYPES: Mapping[str, type] = {
    "method": str,
    "url": str,
    "headers": dict,
    "basic": str,
    "body": str,
    "valid": list,
    "refused": list,
    "docs": str,
}
_NEEDED = ("method", "url", "valid", "docs")

_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
# A name with a top-level domain, so that it is no address, and no port, user or template in it.
_URL = re.compile(rf"https://(?:{_LABEL}\.)+[a-z]{{2,}}/[!-z|~{{}}]*")
_TEMPLATE = re.compile(r"(?:[^{}]|\{secret\}|\{pair\})*")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_NOT_OURS = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})
"""Headers that follow from how a request is sent."""


def read_checks(table: object) -> dict[str, Check]:
    """The checks of a file, by name.

    Raises:
        RuleError: one is not as it should be; the message names it.
    """
    if not isinstance(table, dict):
        raise RuleError("check is not a table of checks: write [check.NAME]")
    checks = {}
    for name, row in table.items():
        try:
            checks[name] = _read(row)
        except RuleError as error:
            raise RuleError(f"check {name}: {error}") from error
    return checks


def _read(row: object) -> Check:
    if not isinstance(row, dict):
        raise RuleError("is not a table")
    for name, value in row.items():
        if name not in _TYPES:
            raise RuleError(f"unknown field {name}")
        if type(value) is not _TYPES[name]:
            raise RuleError(f"{name} is not a {_TYPES[name].__name__}")
    missing = [name for name in _NEEDED if not row.get(name)]
    if missing:
        raise RuleError(f"{missing[0]} is missing")
    if not all(isinstance(value, str) for value in row.get("headers", {}).values()):
        raise RuleError("headers are texts")
    valid, refused = (tuple(_expected(each) for each in row.get(name, ())) for name in ("valid", "refused"))
    check = Check(**{**row, "valid": valid, "refused": refused})
    _hold(check)
    return check


def _expected(row: Any) -> Expected:  # noqa: ANN401 - TOML
    """`200`, or `{ status = 200, at = ["ok"], is = [true] }`."""
    told = {"status": row} if type(row) is int else row
    if not isinstance(told, dict) or not {"status"} <= told.keys() <= {"status", "at", "is"}:
        raise RuleError("an answer is a status, or a table of status, at and is")
    status, at, values = told["status"], told.get("at", []), told.get("is", [])
    # What a redirect, a limit or a broken server answers says nothing about a credential.
    if type(status) is not int or not (200 <= status < 300 or 400 <= status < 500) or status == 429:
        raise RuleError(f"{status} is no status that says something")
    if not isinstance(at, list) or not all(isinstance(name, str) and name for name in at):
        raise RuleError("at is not a list of names")
    if not isinstance(values, list) or not all(type(value) in {str, bool} for value in values):
        raise RuleError("is is not a list of texts, true or false")
    if values and not at:
        raise RuleError("is goes with at")
    return Expected(status, tuple(at), tuple(values))


def _hold(check: Check) -> None:
    if check.method not in {"GET", "POST"}:
        raise RuleError("the method is GET or POST")
    if check.body and (check.method != "POST" or not check.body.isascii()):
        raise RuleError("a body is ASCII, and goes with POST")
    if not _URL.fullmatch(check.url):
        raise RuleError("the url is https, of a host that is written out, with a path and without a port")
    if not check.docs.startswith("https://"):
        raise RuleError("docs is the https address of a page")
    _hold_headers(check)
    if not check.basic.isascii() or not all(_TEMPLATE.fullmatch(text) for text in check.texts):
        raise RuleError("braces stand for {secret} and {pair} only")
    if sum(text.count("{secret}") for text in check.texts) != 1:
        raise RuleError("{secret} stands in one place")
    both = {one.status for one in check.valid for other in check.refused if _overlap(one, other)}
    if both:
        raise RuleError(f"{min(both)} is both valid and refused")


def _hold_headers(check: Check) -> None:
    for name, value in check.headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _NOT_OURS:
            raise RuleError(f"no check sends a header {name}")
        if not _PRINTABLE.fullmatch(value):
            raise RuleError(f"the header {name} is not printable ASCII")
    if check.basic and "authorization" in map(str.lower, check.headers):
        raise RuleError("basic and a header Authorization exclude each other")


def _overlap(one: Expected, other: Expected) -> bool:
    """Whether an answer could be both. Of two bodies that is not told."""
    return one.status == other.status and (not one.at or not other.at or one == other)
