"""What a provider's answer says about the credential: what the check lists, and otherwise nothing."""

from collections.abc import Sequence
from typing import Literal

from tokenward.base.outbound import Answer
from tokenward.leaks.rule import Check, Expected
from tokenward.tokens import strict_json

SLOW_DOWN = 429  # RFC 6585 §4

_LEVELS = 12


def reads_body(check: Check) -> bool:
    """Whether the status is not enough; no other body is ever read, since it is about somebody's account."""
    return any(expected.at for expected in (*check.valid, *check.refused))


def judge(check: Check, answer: Answer) -> Literal["valid", "refused", "unknown"]:
    """What follows from it."""
    if _among(check.valid, answer):
        return "valid"
    return "refused" if _among(check.refused, answer) else "unknown"


def _among(listed: Sequence[Expected], answer: Answer) -> bool:
    return any(answer.status == expected.status and _holds(expected, answer.body) for expected in listed)


def _holds(expected: Expected, body: bytes) -> bool:
    if not expected.at:
        return True
    found = _json(body)
    for name in expected.at:
        found = found.get(name) if isinstance(found, dict) else None
    if not expected.values:
        return found is not None
    # True is 1 in Python, and not in JSON.
    return any(type(found) is type(value) and found == value for value in expected.values)


def _json(body: bytes) -> object:
    try:
        text = body.decode("utf-8")
        return strict_json.read_value(text) if strict_json.extent(text, _LEVELS)[0] <= _LEVELS else None
    except ValueError:
        return None
