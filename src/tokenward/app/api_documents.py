"""One API of the configuration and its OpenAPI document, together: operations, scopes, and what is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokenward.app.api_settings import ApiSettings, BoundSettings, CorsSettings, OperationSettings
from tokenward.app.detail_settings import usable
from tokenward.app.findings import Finding, Remark, placed, unreadable
from tokenward.app.settings import Settings
from tokenward.app.snapshot import Snapshot
from tokenward.app.tier_settings import tuned
from tokenward.app.values import RESERVED_SCOPES
from tokenward.app.yaml_source import read
from tokenward.base.documents.source import Source, SourceError
from tokenward.gateway.answer_headers import AnswerHeaders, answer_headers
from tokenward.gateway.bounds import UNBOUND, Bounds
from tokenward.gateway.cors import HEADERS as CORS_HEADERS
from tokenward.gateway.cors import Cors
from tokenward.gateway.limits import UNLIMITED, Limit, Limits
from tokenward.gateway.openapi import RISK, ApiRules, OperationRule, operations
from tokenward.gateway.policy import Api, Operation, PolicyProblem, is_parameter
from tokenward.gateway.tiers import Tier
from tokenward.gateway.upstreams import HealthCheck, Pool
from tokenward.issuer.settings import PROTOCOL_SCOPES, Resource
from tokenward.tokens.credential_guard import why_no_claim_value

_Tree = dict[str, "_Tree"]  # a node per segment; a template that ends at a node is a leaf of it
_END = "/"  # no segment holds one
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1


@dataclass(frozen=True, slots=True)
class ApiDocument:
    """What came of reading one API.

    Attributes:
        api: for the gateway; without operations if the document cannot be read.
        resource: for the issuer.
        findings: in the document.
        problems: in the configuration; their locations begin with the API's name.
    """

    api: Api
    resource: Resource
    findings: tuple[Finding, ...] = ()
    problems: tuple[PolicyProblem, ...] = ()


def read_api(settings: Settings, name: str, base_dir: Path, files: Snapshot | None = None) -> ApiDocument:
    """Read the document of the API `name`; never raises for what it holds."""
    own = settings.apis[name]
    audience = settings.audience(name)
    nothing = ApiDocument(
        Api(
            name,
            settings.mount(name),
            _pool(own),
            audience,
            (),
            _cors(own.cors),
            _answers(settings, own),
            reports_until=0.0 if own.report_only is None else own.report_only.ends_at,
        ),
        Resource(
            audience,
            name,
            {},
            introspection=own.claims.introspection,
            sector=audience if own.claims.subject == "pairwise" else "",
            details=usable(own.authorization_details_types, audience),
        ),
    )
    path = base_dir / own.openapi
    try:
        source = read_document(path, files)
    except SourceError as error:
        if error.code == "no-such-file":
            problem = PolicyProblem((name, "openapi"), "config", error.text, error.remedy)
            return replace(nothing, problems=(problem,))
        return replace(nothing, findings=(unreadable(path, error),))
    allowed, problems = operations(source.data, rules(own, tuned(settings.tiers)))
    remarks = (
        *(
            Remark(it.location, it.severity, "openapi", it.text, it.remedy)
            for it in problems
            if it.source == "document"
        ),
        *_reserved_scopes(allowed),
        *_public_writes(allowed),
        *_open_by_default(allowed, own, source.data),
        *_shadowed(allowed),
    )
    return ApiDocument(
        replace(nothing.api, operations=tuple(_edged(name, own, each) for each in allowed)),
        replace(
            nothing.resource,
            name=_title(source.data) or name,
            scopes=_scopes(allowed, scope_descriptions(source.data)),
        ),
        tuple(placed(source, remark) for remark in remarks),
        tuple(replace(it, location=(name, *it.location)) for it in problems if it.source == "config"),
    )


def read_document(path: Path, files: Snapshot | None = None) -> Source:
    """The OpenAPI document at `path`; its data is an object.

    Raises:
        SourceError: it cannot be read, or is no object.
    """
    source = read(path, files)
    if not isinstance(source.data, dict):
        raise SourceError(
            "openapi", "this is no OpenAPI document", "write an object with `openapi` and `paths`"
        )
    return source


def scope_descriptions(document: Mapping[str, Any]) -> dict[str, str]:
    """Scope → description, as the document's OAuth 2 schemes tell them (OpenAPI 3.1 §4.8.28)."""
    descriptions: dict[str, str] = {}
    for scheme in _objects(_object(_object(document, "components"), "securitySchemes")):
        for flow in _objects(_object(scheme, "flows")):
            for scope, text in _object(flow, "scopes").items():
                if isinstance(text, str):
                    descriptions.setdefault(scope, text)
    return descriptions


def _pool(own: ApiSettings) -> Pool:
    asked = own.health
    health = HealthCheck(asked.path, asked.interval, asked.timeout) if asked is not None else None
    return Pool(own.upstream or (own.url or "",), health)


def rules(own: ApiSettings, tiers: Mapping[str, Tier]) -> ApiRules:
    """What the configuration says of an API's operations."""
    return ApiRules(
        own.risk,
        {
            key: OperationRule(
                it.risk,
                None if it.scopes is None else frozenset(it.scopes),
                websocket=it.websocket,
                details=it.authorization_details,
            )
            for key, it in own.operations.items()
        },
        tiers,
        own.contract,
    )


def _answers(settings: Settings, own: ApiSettings) -> AnswerHeaders:
    return answer_headers(own.answer_headers, https=settings.gateway.url.startswith("https:"))


def _cors(said: CorsSettings | None) -> Cors | None:
    if said is None:
        return None
    return Cors(
        frozenset(origin.encode() for origin in said.origins if origin != "*"),
        None if said.methods is None else frozenset(said.methods),
        CORS_HEADERS | frozenset(said.headers),
        said.credentials,
        said.max_age,
    )


_NOTHING_SAID = OperationSettings()


def _edged(name: str, own: ApiSettings, operation: Operation) -> Operation:
    """The operation with its limits and bounds, and those of its API, whose calls all count together."""
    said = own.operations.get(operation.operation_id) or own.operations.get(operation.label, _NOTHING_SAID)
    place = f"{name}/{operation.operation_id}"
    limits = (
        *(Limit(each.by, each.amount, name) for each in own.limits),
        *(Limit(each.by, each.amount, place) for each in said.limits),
    )
    bounds = _bounds(own.bounds) | _bounds(said.bounds)
    return replace(
        operation,
        limits=Limits.of(limits) if limits else UNLIMITED,
        bounds=Bounds(**bounds) if bounds else UNBOUND,
    )


def _bounds(said: BoundSettings | None) -> dict[str, int]:
    return {} if said is None else {name: value for name, value in said if value is not None}


def _scopes(allowed: Sequence[Operation], descriptions: Mapping[str, str]) -> dict[str, str]:
    """Scope → what it allows. Only scopes that open something: nobody should be asked for another."""
    scopes: dict[str, list[str]] = {}
    for operation in allowed:
        for scope in sorted(operation.scopes):
            scopes.setdefault(scope, []).append(operation.label)
    return {scope: descriptions.get(scope) or ", ".join(labels) for scope, labels in scopes.items()}


def _reserved_scopes(allowed: Sequence[Operation]) -> Iterator[Remark]:
    for operation in allowed:
        for scope in sorted(operation.scopes):
            if scope in PROTOCOL_SCOPES or scope.startswith(RESERVED_SCOPES):
                yield Remark(
                    _place(operation),
                    "error",
                    "scope",
                    f"{operation.label} asks for {scope}, which has a meaning of its own and opens no API",
                    "remove it from `security`, and name a scope of the API's own",
                )
            elif why := why_no_claim_value(scope):
                yield Remark(
                    _place(operation),
                    "error",
                    "scope",
                    f"{operation.label} asks for a scope that every token would carry, and {why}",
                    "choose another",
                )


def _public_writes(allowed: Sequence[Operation]) -> Iterator[Remark]:
    for operation in allowed:
        if operation.tier.anonymous and operation.method not in _SAFE_METHODS:
            yield Remark(
                _place(operation),
                "warning",
                "public-write",
                f"anybody on the internet may call {operation.label}",
                "give it a tier and a scope, unless that is meant",
            )


def _open_by_default(
    allowed: Sequence[Operation], own: ApiSettings, document: Mapping[str, Any]
) -> Iterator[Remark]:
    """Operations that are public because nobody said anything of them but of the whole API."""
    named = {name for name, it in own.operations.items() if it.risk is not None}
    for operation in allowed:
        item = _object(_object(document, "paths"), operation.template)
        in_document = RISK in _object(item, operation.method.lower())
        in_configuration = not named.isdisjoint({operation.operation_id, operation.label})
        if operation.tier.anonymous and not in_document and not in_configuration:
            yield Remark(
                _place(operation),
                "warning",
                "unprotected",
                f"anybody on the internet may call {operation.label}, since the API's risk is public",
                f"say `{RISK}: public` here if that is meant, and give the API another risk",
            )


def _shadowed(allowed: Sequence[Operation]) -> Iterator[Remark]:
    """Operations that some requests never reach, because a more literal path lacks the method."""
    paths: dict[str, list[Operation]] = {}
    for operation in allowed:
        paths.setdefault(operation.template, []).append(operation)
    tree: _Tree = {}
    for template in paths:
        node = tree
        for segment in template.split("/"):
            node = node.setdefault("{}" if is_parameter(segment) else segment, {})
        node[_END + template] = {}
    for literal, here in paths.items():
        methods = {operation.method for operation in here}
        for operation in (it for template in _covering(tree, literal) for it in paths[template]):
            if operation.method not in methods:
                yield Remark(
                    ("paths", literal),
                    "warning",
                    "shadowed",
                    f"{operation.method} {literal} is refused, although {operation.label} fits",
                    f"document {operation.method} below {literal} too, if it is meant to work",
                )


def _covering(tree: _Tree, literal: str) -> list[str]:
    """The templates that fit every request that `literal` fits, itself among them."""
    nodes = [tree]
    for segment in literal.split("/"):
        keys = ("{}",) if is_parameter(segment) else ("{}", segment)
        nodes = [node[key] for node in nodes for key in keys if key in node]
    return [key.removeprefix(_END) for node in nodes for key in node if key.startswith(_END)]


def _place(operation: Operation) -> tuple[str, ...]:
    return ("paths", operation.template, operation.method.lower())


def _title(document: Mapping[str, Any]) -> str:
    title = _object(document, "info").get("title")
    return title.strip()[:100] if isinstance(title, str) and title.isprintable() else ""


def _object(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _objects(parent: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (value for value in parent.values() if isinstance(value, dict))
