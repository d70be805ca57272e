"""What a rule is: a check, its part of the score, and the function that finds it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi.nodes import Node
from tokenward.auditor.openapi.references import Library
from tokenward.auditor.openapi.schemas import Schema
from tokenward.auditor.openapi.view import Api, Operation
from tokenward.base.severity import Severity

Category = Literal[
    "authentication", "authorization", "transport", "data", "responses", "inventory", "secrets", "document"
]


class Hit(NamedTuple):
    """One place that a rule found.

    Attributes:
        node: where.
        detail: what is peculiar to it.
        severity: where it is not that of the check.
    """

    node: Node
    detail: str
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What the rules look at."""

    api: Api
    library: Library


@dataclass(frozen=True, slots=True)
class ApiRule:
    """A rule that looks at the whole."""

    check: Check
    category: Category
    find: Callable[[Subject], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class OperationRule:
    """A rule that looks at each operation."""

    check: Check
    category: Category
    find: Callable[[Operation, Subject], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class SchemaRule:
    """A rule that looks at each schema in use."""

    check: Check
    category: Category
    find: Callable[[Schema], Iterable[Hit]]


Rule = ApiRule | OperationRule | SchemaRule


def data_check(
    name: str,
    title: str,
    severity: Severity,
    *,
    why: str,
    attack: str,
    fix: str,
    references: tuple[str, ...],
    recommendation: str = "validate-thoroughly",
) -> Check:
    """A check of data: what most of them recommend is to validate; `name` is without `openapi.`."""
    return Check(f"openapi.{name}", title, severity, why, attack, fix, references, recommendation)


def plural(number: int, what: str) -> str:
    """Such as "1 operation", "3 operations"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
