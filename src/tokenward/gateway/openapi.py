"""From an OpenAPI document and its configuration to the operations that the gateway lets pass.

The document is the allow-list. What it leaves open, the configuration says; what neither says on purpose, or
both say differently, is a problem, and an API with problems does not start.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote

from tokenward.base.problems import Refusal
from tokenward.gateway.contract.compiling import Contracts, Place
from tokenward.gateway.deprecation import deprecation
from tokenward.gateway.openapi_security import Demand, Location, bad_scopes, demand
from tokenward.gateway.paths import canonical_path
from tokenward.gateway.policy import Operation, PolicyProblem, is_parameter, shape
from tokenward.gateway.tiers import TIERS, Tier

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""The fields of a Path Item that are operations (OpenAPI 3.1 §4.8.9)."""

RISK = "x-tokenward-risk"
WEBSOCKET = "x-tokenward-websocket"
_MAX_REFERENCES = 8


@dataclass(frozen=True, slots=True)
class OperationRule:
    """What the configuration says about one operation; None where it leaves that to the document."""

    risk: str | None = None
    scopes: frozenset[str] | None = None
    websocket: bool = False
    details: str | None = None


@dataclass(frozen=True, slots=True)
class ApiRules:
    """What the configuration says about one API's operations.

    Attributes:
        risk: the tier of operations about which nothing else says one.
        operations: by operationId or by `METHOD /path`.
        tiers: by name, where not all are as usual.
        contract: whether what is documented of parameters and bodies is enforced, only reported, or neither.
    """

    risk: str | None = None
    operations: Mapping[str, OperationRule] = field(default_factory=lambda: MappingProxyType({}))
    tiers: Mapping[str, Tier] = field(default_factory=lambda: TIERS)
    contract: Literal["enforce", "report", "off"] = "off"


@dataclass(frozen=True, slots=True)
class _Documented:
    """An operation as it stands in the document."""

    method: str
    template: str
    operation_id: str
    item: Mapping[str, Any]
    body: Mapping[str, Any]
    at: Location

    @property
    def label(self) -> str:
        return f"{self.method} {self.template}"


def operations(
    document: Mapping[str, Any], rules: ApiRules
) -> tuple[tuple[Operation, ...], list[PolicyProblem]]:
    """The operations of an API, and everything that must be mended first.

    Args:
        document: a parsed OpenAPI 3.0 or 3.1 document.
        rules: its configuration. Locations in it begin at these rules: `("operations", "getIt", "risk")`.

    Returns:
        The operations, unless one of the problems is an error, and every problem that was found.
    """
    version = document.get("openapi")
    if not isinstance(version, str) or not version.startswith(("3.0.", "3.1.")):
        problem = _in_document(
            ("openapi",), "this is no OpenAPI 3.0 or 3.1 document", "Convert it to OpenAPI 3.1."
        )
        return (), [problem]
    problems: list[PolicyProblem] = []
    documented: list[_Documented] = []
    for found in _walk(document):
        if isinstance(found, PolicyProblem):
            problems.append(found)
        else:
            documented.append(found)
    problems += _same_twice(documented)
    problems += _unknown_rules(documented, rules)
    allowed: list[Operation] = []
    for operation in documented:
        judged = _judge(document, operation, rules)
        if isinstance(judged, Operation):
            ending, wrong = deprecation(operation.body, operation.at)
            allowed.append(replace(judged, deprecation=ending))
            problems += wrong
        else:
            problems += judged
    if rules.contract != "off":
        allowed = _with_contracts(
            document, documented, allowed, problems, enforced=rules.contract == "enforce"
        )
    if not documented and not problems:
        problems.append(
            _in_document(("paths",), "it documents no operation", "An API without operations is closed.")
        )
    return (() if _errors(problems) else tuple(allowed)), problems


def _with_contracts(
    document: Mapping[str, Any],
    documented: list[_Documented],
    allowed: list[Operation],
    problems: list[PolicyProblem],
    *,
    enforced: bool,
) -> list[Operation]:
    contracts = Contracts(document, enforced=enforced)
    makers = [contracts.read(Place(it.item, it.body, it.at, it.template)) for it in documented]
    problems += contracts.schemas.problems
    if _errors(problems):
        return []
    return [replace(each, contract=make()) for each, make in zip(allowed, makers, strict=True)]


def _errors(problems: list[PolicyProblem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _walk(document: Mapping[str, Any]) -> Iterator[_Documented | PolicyProblem]:
    paths = document.get("paths", {})
    if not isinstance(paths, Mapping):
        yield _in_document(("paths",), "`paths` is not an object", "Map each path to its operations.")
        return
    for template, item in paths.items():
        if not isinstance(template, str) or template.startswith("x-"):
            continue
        at: Location = ("paths", template)
        canonical = _template(template, at)
        resolved = _resolve(document, item, at)
        if isinstance(canonical, PolicyProblem):
            yield canonical
        elif isinstance(resolved, PolicyProblem):
            yield resolved
        else:
            yield from _of_item(canonical, resolved, at)


def _of_item(template: str, item: Mapping[str, Any], at: Location) -> Iterator[_Documented | PolicyProblem]:
    for method in METHODS:
        if method not in item:
            continue
        body = item[method]
        here = (*at, method)
        operation_id = (
            body.get("operationId", f"{method.upper()} {template}") if isinstance(body, Mapping) else None
        )
        if not isinstance(operation_id, str):
            yield _in_document(
                here, "the operation is malformed", "An operation is an object, its id a text."
            )
        elif method == "trace":
            yield _in_document(here, "TRACE would echo credentials", "Remove it (RFC 9110 §9.3.8).")
        else:
            yield _Documented(method.upper(), template, operation_id, item, body, here)


def _template(template: str, at: Location) -> str | PolicyProblem:
    """The template with its literal segments in canonical spelling."""
    names: set[str] = set()
    segments = template.split("/")
    for index, segment in enumerate(segments):
        if is_parameter(segment):
            if segment in names:
                return _in_document(at, f"{segment} is there twice", "Give each parameter its own name.")
            names.add(segment)
        elif "{" in segment or "}" in segment:
            return _in_document(
                at,
                f"{segment!r} mixes text and parameter in one segment",
                "Make the parameter the whole segment, and check its form in the API.",
            )
        else:
            segments[index] = quote(segment, safe="!$&'()*+,=:@%;?#\\~")
    spelt = "/".join(segments)
    try:
        literal = "/".join("x" if is_parameter(segment) else segment for segment in segments)
        canonical = canonical_path(literal.encode("ascii"))
    except Refusal as refusal:
        return _in_document(
            at,
            f"no request can reach this path, because such paths are refused: {refusal.detail}",
            "Write plain segments: no empty or dot segment, no `;`, `?`, `#`, `%2F` or backslash.",
        )
    if canonical != literal:
        fixed = zip(segments, canonical.split("/"), strict=True)
        spelt = "/".join(segment if is_parameter(segment) else plain for segment, plain in fixed)
    return spelt


def _resolve(document: Mapping[str, Any], item: object, at: Location) -> Mapping[str, Any] | PolicyProblem:
    """The path item, with a `$ref` followed inside this document only."""
    for _ in range(_MAX_REFERENCES):
        if not isinstance(item, Mapping):
            return _in_document(at, "the path item is not an object", "Map methods to operations.")
        if "$ref" not in item:
            return item
        reference = item["$ref"]
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return _in_document(
                (*at, "$ref"), "the reference leaves the document", "Bundle the document into one."
            )
        if len(item) > 1:
            return _in_document(
                (*at, "$ref"), "there is more beside $ref, which tools merge differently", "Move it."
            )
        item = _pointed_at(document, reference)
    return _in_document(
        (*at, "$ref"), "the references run in a circle, or too deep", "Point at the path item."
    )


def _pointed_at(document: Mapping[str, Any], reference: str) -> object:
    target: object = document
    for part in reference[2:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")  # RFC 6901 §4
        target = target.get(key) if isinstance(target, Mapping) else None
    return target


def _same_twice(documented: list[_Documented]) -> Iterator[PolicyProblem]:
    templates: dict[str, str] = {}
    told: set[str] = set()
    ids = Counter(operation.operation_id for operation in documented)
    for operation in documented:
        first = templates.setdefault(shape(operation.template), str(operation.at[1]))
        if first != operation.at[1] and operation.at[1] not in told:
            told.add(str(operation.at[1]))
            yield _in_document(operation.at[:2], f"it matches the same paths as {first}", "Merge the two.")
        if ids[operation.operation_id] > 1:
            yield _in_document(
                (*operation.at, "operationId"), f"{operation.operation_id} is there twice", "Make it unique."
            )


def _unknown_rules(documented: list[_Documented], rules: ApiRules) -> Iterator[PolicyProblem]:
    known = {operation.operation_id for operation in documented} | {
        operation.label for operation in documented
    }
    for name in rules.operations:
        if name not in known:
            yield _in_config(
                ("operations", name),
                f"the document has no operation {name}",
                'Use an operationId of the document, or "METHOD /path" as it stands there.',
            )
    for operation in documented:
        if operation.operation_id != operation.label and {operation.operation_id, operation.label} <= set(
            rules.operations
        ):
            yield _in_config(
                ("operations", operation.label),
                f"{operation.operation_id} has two entries",
                "Keep one of them.",
            )


def _judge(
    document: Mapping[str, Any], operation: _Documented, rules: ApiRules
) -> Operation | list[PolicyProblem]:
    name = operation.operation_id if operation.operation_id in rules.operations else operation.label
    rule = rules.operations.get(name, OperationRule())
    config: Location = ("operations", name)
    tier = _tier(operation, rule, rules, config)
    demanded = demand(document, operation.body, operation.at)
    if isinstance(demanded, PolicyProblem) and rule.scopes is not None:
        # The configuration chooses where the document leaves alternatives; it cannot mend a broken one.
        demanded = (
            Demand(None, anonymous=False, location=demanded.location) if _is_choice(demanded) else demanded
        )
    if isinstance(tier, PolicyProblem) or isinstance(demanded, PolicyProblem):
        return [problem for problem in (tier, demanded) if isinstance(problem, PolicyProblem)]
    scopes = rule.scopes if rule.scopes is not None else demanded.scopes or frozenset()
    problems = [
        *_contradictions(operation, tier, rule, demanded, config),
        *_no_websocket(operation, rule, config),
    ]
    if tier.needs_scope and not scopes and rule.details is None:
        problems.append(
            _in_document(
                operation.at,
                f"{operation.label} has tier {tier.name} and no scope",
                "Name a scope in `security` with an oauth2 scheme, or under `scopes` in the configuration; "
                "or a type under `authorization_details` there.",
            )
        )
    if problems:
        return problems
    return Operation(
        operation.method,
        operation.template,
        operation.operation_id,
        tier,
        scopes,
        websocket=rule.websocket or operation.body.get(WEBSOCKET, False),
        details=rule.details,
    )


def _no_websocket(operation: _Documented, rule: OperationRule, config: Location) -> Iterator[PolicyProblem]:
    documented = operation.body.get(WEBSOCKET, False)
    if not isinstance(documented, bool):
        yield _in_document((*operation.at, WEBSOCKET), "this is neither true nor false", "Write one of them.")
    elif operation.method != "GET" and (documented or rule.websocket):
        source, where = (
            (_in_document, (*operation.at, WEBSOCKET)) if documented else (_in_config, (*config, "websocket"))
        )
        yield source(where, "a WebSocket begins with GET", "Say so of a GET operation, or leave it out.")


def _is_choice(problem: PolicyProblem) -> bool:
    return problem.text == "the alternatives ask for different scopes"


def _tier(
    operation: _Documented, rule: OperationRule, rules: ApiRules, config: Location
) -> Tier | PolicyProblem:
    documented = operation.body.get(RISK)
    if rule.risk is not None and documented is not None and rule.risk != documented:
        return _in_config(
            (*config, "risk"),
            f"the document says {documented} about {operation.label}, the configuration {rule.risk}",
            "Say it in one place.",
        )
    for name, where, source in (
        (rule.risk, (*config, "risk"), _in_config),
        (documented, (*operation.at, RISK), _in_document),
        (rules.risk, ("risk",), _in_config),
    ):
        if name is None:
            continue
        tier = rules.tiers.get(name) if isinstance(name, str) else None
        if tier is None:
            return source(where, f"there is no risk tier {name!r}", f"Choose one of {', '.join(TIERS)}.")
        return tier
    return _in_document(
        operation.at,
        f"nobody said how risky {operation.label} is",
        f"Set `{RISK}`, or `risk` for the operation or the API in the configuration: {', '.join(TIERS)}.",
    )


def _contradictions(
    operation: _Documented, tier: Tier, rule: OperationRule, demanded: Demand, config: Location
) -> Iterator[PolicyProblem]:
    if rule.scopes is not None and demanded.scopes is not None and rule.scopes != demanded.scopes:
        yield _in_config(
            (*config, "scopes"),
            f"the document asks for {' '.join(sorted(demanded.scopes))}, the configuration for "
            f"{' '.join(sorted(rule.scopes)) or 'none'}",
            "Say it in one place.",
        )
    if rule.scopes is not None and (bad := bad_scopes(rule.scopes)):
        yield _in_config((*config, "scopes"), f"{bad[0]!r} is no scope", "Use visible ASCII without quotes.")
    if tier.anonymous and rule.details is not None:
        yield _in_config(
            (*config, "authorization_details"),
            f"{operation.label} is public and asks for authorization details",
            "Drop one of the two.",
        )
    if tier.anonymous and (rule.scopes or demanded.scopes):
        source, where = (
            (_in_config, (*config, "scopes")) if rule.scopes else (_in_document, demanded.location)
        )
        yield source(where, f"{operation.label} is public and asks for scopes", "Drop one of the two.")
    if not tier.anonymous and demanded.anonymous:
        yield _in_document(
            demanded.location,
            f"the document lets anybody call {operation.label}, its tier is {tier.name}",
            "Remove the empty security requirement, or make the operation public on purpose.",
        )


def _in_document(at: Location, text: str, remedy: str) -> PolicyProblem:
    return PolicyProblem(at, "document", text, remedy)


def _in_config(at: Location, text: str, remedy: str) -> PolicyProblem:
    return PolicyProblem(at, "config", text, remedy)
