"""What whoever is let in may do."""

from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi.rule import ApiRule, Hit, OperationRule, Rule, SchemaRule, Subject
from tokenward.auditor.openapi.schemas import Schema, passing_types
from tokenward.auditor.openapi.view import Operation
from tokenward.auditor.openapi.words import PRIVILEGES, RECORD_IDS, words
from tokenward.base.severity import Severity

_SCOPED = frozenset({"oauth2", "openIdConnect"})
_ADMIN = frozenset({"admin", "admins", "administrator", "administration", "superuser", "root", "backoffice"})
_ENOUGH = 4  # operations, below which one scope for all is what there is to say


def _scope_undeclared(subject: Subject) -> Iterator[Hit]:
    api = subject.api
    for requirement in [*api.requirements, *(it for each in api.operations for it in each.security or ())]:
        for name, scopes in requirement.wanted.items():
            scheme = api.schemes.get(name)
            if scheme is None or scheme.kind != "oauth2" or not scheme.flows:
                continue
            declared = frozenset().union(*(flow.scopes for flow in scheme.flows))
            for scope in scopes:
                if scope not in declared:
                    yield Hit(requirement.node, f"{scope[:100]!r} is not among the scopes of {name!r}.")


def _no_scope(subject: Subject) -> Iterator[Hit]:
    """One finding a place of `security`: the document's covers many operations."""
    api = subject.api
    for each in api.calls:
        if not each.writes:
            continue
        for requirement in each.security or ():
            kinds = {api.schemes[name].kind for name in requirement.wanted if name in api.schemes}
            if kinds & _SCOPED and not any(requirement.wanted.values()):
                yield Hit(
                    requirement.node, f"{each.label} and maybe more: any token of any application will do."
                )


def _one_scope(subject: Subject) -> Iterator[Hit]:
    api = subject.api
    by_scope: dict[str, list[Operation]] = {}
    scoped: list[Operation] = []
    for each in api.calls:
        wanted = {scope for it in each.security or () for scopes in it.wanted.values() for scope in scopes}
        if wanted:
            scoped.append(each)
        for scope in wanted:
            by_scope.setdefault(scope, []).append(each)
    for scope, those in by_scope.items():
        writing = sum(each.writes for each in those)
        if (
            len(those) >= _ENOUGH
            and len(those) == len(scoped)
            and 0 < writing < len(those)
            and len(by_scope) == 1
        ):
            told = f"{scope[:100]!r} opens all {len(those):,} operations, of which {writing:,} write."
            yield Hit(those[0].security_node or those[0].node, told)


def _admin(subject: Subject) -> Iterator[Hit]:
    api = subject.api
    ordinary = {_demand(each) for each in api.calls if not _is_admin(each)}
    for each in api.calls:
        if _is_admin(each) and each.protected and _demand(each) in ordinary:
            yield Hit(each.node, f"{each.label} asks for what ordinary operations ask for.")


def _is_admin(operation: Operation) -> bool:
    return any(word in _ADMIN for word in words(operation.path))


def _demand(operation: Operation) -> frozenset[tuple[tuple[str, tuple[str, ...]], ...]]:
    return frozenset(tuple(sorted(each.wanted.items())) for each in operation.security or ())


def _guessable(operation: Operation, subject: Subject) -> Iterator[Hit]:
    for each in operation.parameters:
        if each.schema is None or each.where not in {"path", "query"} or not RECORD_IDS.fullmatch(each.name):
            continue
        if "integer" in passing_types(each.schema, subject.library):
            severity = None if each.where == "path" else Severity.INFO
            yield Hit(each.node, f"The {each.where} parameter {each.name!r} of {operation.label}.", severity)


def _privileged(schema: Schema) -> Iterator[Hit]:
    asked = schema.direction == "request" and schema.is_property and schema.name in PRIVILEGES
    if asked and not _is_admin(schema.operation):
        yield Hit(schema.node, f"{schema.name!r}, first in {schema.operation.label}.")


def _open_object(schema: Schema) -> Iterator[Hit]:
    fields = schema.node.fields
    if schema.direction != "request" or schema.part or not _is_record(schema):
        return
    if "allOf" in fields:  # closing that takes `unevaluatedProperties`, which 3.0 does not have
        return
    said = fields.get("additionalProperties", fields.get("unevaluatedProperties"))
    if said is None or said is True:
        how = "says nothing of further properties" if said is None else "takes any further property"
        severity = Severity.INFO if said is None else None
        name = f"{schema.name!r}" if schema.name else "The body"
        yield Hit(schema.node, f"{name}, first in {schema.operation.label}, {how}.", severity)


def _is_record(schema: Schema) -> bool:
    return "object" in schema.types and "properties" in schema.node.fields


RULES: tuple[Rule, ...] = (
    ApiRule(
        Check(
            "openapi.scope-undeclared",
            "An unknown scope is asked for",
            Severity.MEDIUM,
            why="No application can ask for a scope that the authorization server does not know, or "
            "it means nothing.",
            attack="What is meant to be guarded is guarded by nothing, once somebody turns the check "
            "off to make it work.",
            fix="Declare the scope in the flow, or mend its name.",
            references=("OpenAPI 3.1 §4.8.30", "OWASP API5:2023"),
            recommendation="oauth",
        ),
        "authorization",
        _scope_undeclared,
    ),
    ApiRule(
        Check(
            "openapi.scope-missing",
            "Writing needs no scope",
            Severity.MEDIUM,
            why="Any token opens the operation, whatever its user agreed to.",
            attack="An application that was allowed to read the calendar writes to the account.",
            fix="Give each operation that changes something a scope, and ask for it.",
            references=("RFC 9700 §2.3", "OWASP API5:2023"),
            recommendation="oauth",
        ),
        "authorization",
        _no_scope,
    ),
    ApiRule(
        Check(
            "openapi.scope-for-all",
            "One scope for everything",
            Severity.MEDIUM,
            why="Whoever may read may write: a leaked token of the least important application is "
            "good for all.",
            attack="A token from a dashboard that only reads deletes what it can see.",
            fix="Take one scope to read and another to write, at least.",
            references=("RFC 9700 §2.3", "OWASP API5:2023"),
            recommendation="oauth",
        ),
        "authorization",
        _one_scope,
    ),
    ApiRule(
        Check(
            "openapi.admin-shared",
            "Administration is no better guarded than the rest",
            Severity.MEDIUM,
            why="The same credential with the same scopes opens what administrators do, unless code "
            "alone tells them apart.",
            attack="An ordinary user tries the paths of administrators, and some of them forgot to look.",
            fix="Ask for another scheme, or a scope that ordinary clients cannot get.",
            references=("OWASP API5:2023",),
            recommendation="access-by-risk",
        ),
        "authorization",
        _admin,
    ),
    OperationRule(
        Check(
            "openapi.id-guessable",
            "Records are numbered",
            Severity.LOW,
            why="Whoever knows one id knows the next; each place that forgets to check the owner "
            "then shows all.",
            attack="A loop from 1 to a million asks for each record, and the API that forgot one "
            "check answers.",
            fix="Take random ids (UUIDs, `format: uuid`), and check the owner all the same.",
            references=("OWASP API1:2023", "RFC 9562 §8"),
            recommendation="access-by-risk",
        ),
        "authorization",
        _guessable,
    ),
    SchemaRule(
        Check(
            "openapi.privileged-field",
            "Callers may set what decides over rights",
            Severity.MEDIUM,
            why="A body takes a field such as a role, an owner or a balance, as if whoever calls "
            "could decide it.",
            attack='A user adds `"role": "admin"` to the change of a profile, and it is stored.',
            fix="Mark it `readOnly: true`, or take it out of the schema of requests; change it by "
            "operations of their own.",
            references=("OWASP API3:2023", "CWE-915"),
            recommendation="access-by-risk",
        ),
        "authorization",
        _privileged,
    ),
    SchemaRule(
        Check(
            "openapi.open-object",
            "Requests may carry fields that nobody documents",
            Severity.LOW,
            why="Schemas are open unless they say otherwise: what is sent beyond them reaches the "
            "code unchecked.",
            attack="A field that only the database knows, such as `isAdmin`, is sent along and stored.",
            fix="Write `additionalProperties: false`, and with `allOf` `unevaluatedProperties: false`.",
            references=("OWASP API3:2023", "JSON Schema Core §10.3.2.3", "CWE-915"),
            recommendation="validate-thoroughly",
        ),
        "authorization",
        _open_object,
    ),
)
