"""What is given away: secrets, numbers that identify people, traces of the machine room."""

import re
from collections.abc import Iterator

from tokenward.auditor.openapi.rule import Hit, OperationRule, Rule, SchemaRule, Subject, data_check
from tokenward.auditor.openapi.schemas import Schema
from tokenward.auditor.openapi.view import Operation
from tokenward.auditor.openapi.words import (
    CARD_SECRETS,
    INTERNALS,
    PERSONAL_NUMBERS,
    STORED_SECRETS,
)
from tokenward.base.severity import Severity

_ONCE = re.compile(r"\bonce\b", re.IGNORECASE)
_MASKED = ("masked", "redacted", "truncated", "obfuscated", "last four", "last 4")


def _tells(schema: Schema) -> bool:
    """It is a property that holds a text or a number, not one that says whether there is one."""
    if schema.direction == "request" or not schema.is_property:
        return False
    described = schema.node.text("description").lower()
    masked = any(word in described for word in _MASKED)
    return not masked and not (schema.types & {"boolean", "object", "array"})


def _secret_answered(schema: Schema) -> Iterator[Hit]:
    if schema.name in STORED_SECRETS and _tells(schema) and schema.operation.kind == "path":
        once = schema.operation.method == "POST"
        if once and _ONCE.search(schema.node.text("description")):
            return
        told = f"{schema.name!r}, first in {schema.operation.label}."
        yield Hit(schema.node, told, Severity.MEDIUM if once else None)


def _personal_answered(schema: Schema) -> Iterator[Hit]:
    if schema.name in PERSONAL_NUMBERS and _tells(schema) and schema.operation.kind == "path":
        worse = Severity.HIGH if schema.name in CARD_SECRETS else None
        yield Hit(schema.node, f"{schema.name!r}, first in {schema.operation.label}.", worse)


def _personal_in_url(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    for each in operation.parameters:
        if each.where in {"path", "query"} and each.name in PERSONAL_NUMBERS:
            yield Hit(each.node, f"The {each.where} parameter {each.name!r} of {operation.label}.")


def _internals(schema: Schema) -> Iterator[Hit]:
    if schema.direction == "error" and schema.is_property and schema.name in INTERNALS:
        yield Hit(schema.node, f"{schema.name!r} in a refusal of {schema.operation.label}.")


RULES: tuple[Rule, ...] = (
    SchemaRule(
        data_check(
            "secret-in-answer",
            "Secrets are answered",
            Severity.HIGH,
            why="A password or key in an answer lies in caches, logs and browsers; and it is kept in "
            "a readable form.",
            attack="Whoever may read one record, or one log, has what opens the account.",
            fix="Mark it `writeOnly: true`, and show a secret once, in the answer of the POST that made it, "
            "with a `description` that says so.",
            references=("OWASP API3:2023", "CWE-200", "CWE-522"),
            recommendation="like-passwords",
        ),
        "data",
        _secret_answered,
    ),
    SchemaRule(
        data_check(
            "personal-data-in-answer",
            "Numbers that identify or pay are answered",
            Severity.MEDIUM,
            why="What is answered is also stored by clients; each caller that may see a record sees "
            "this too.",
            attack="One broken check of who owns a record gives away identities and means of payment.",
            fix="Answer it masked, or only by an operation with a scope of its own.",
            references=("OWASP API3:2023", "CWE-359"),
            recommendation="access-by-risk",
        ),
        "data",
        _personal_answered,
    ),
    OperationRule(
        data_check(
            "personal-data-in-url",
            "Numbers that identify or pay, in the URL",
            Severity.MEDIUM,
            why="URLs stay in logs of servers and proxies, in histories of browsers and in `Referer` "
            "headers.",
            attack="Whoever can read a log of any machine on the way collects identities.",
            fix="Take it from the body of a POST, or name the record by a random id.",
            references=("OWASP API3:2023", "RFC 9110 §17.9", "CWE-598"),
            recommendation="like-passwords",
        ),
        "data",
        _personal_in_url,
    ),
    SchemaRule(
        data_check(
            "error-internals",
            "Refusals tell of the machine room",
            Severity.MEDIUM,
            why="Traces, queries and names of classes tell versions, paths and structures.",
            attack="Each error that is provoked is a map for the next attempt.",
            fix="Answer `application/problem+json` with an id, and write the rest into the log.",
            references=("OWASP API8:2023", "RFC 9457 §5", "CWE-209"),
            recommendation="trust-no-one",
        ),
        "data",
        _internals,
    ),
)
