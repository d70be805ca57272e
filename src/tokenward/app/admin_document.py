"""The OpenAPI document of the admin API, made of the table of its operations."""

import importlib.metadata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from tokenward.app.admin_input import Query
from tokenward.app.admin_operations import Operation
from tokenward.base.problems import TOO_MANY_REQUESTS, UNAUTHORIZED_ADMIN, UNAVAILABLE, WRONG_HOST, Problem

OPENAPI = "3.1.0"
SERVER = "http://127.0.0.1:8081"
PROMETHEUS = "text/plain; version=0.0.4"

_SCHEME = "adminToken"
_REF = "#/components/schemas/{model}"
_ABOUT = """
Health, metrics and management of a Tokenward. It listens on loopback only, and answers 421 to any host name
but one of loopback. Whoever holds the admin token manages everything: keep it as you keep a root password.

Everything but health and metrics asks for the token. Bodies are JSON in UTF-8 without a member twice; members
and parameters that are not documented are refused. A refusal is a problem document (RFC 9457), whose `detail`
says what to mend: 422 with a `pointer` means that the input is not as this document says, without one that it
is and still cannot be had, such as a scope that no API has. Nothing is done by halves.
"""
_AUTHENTICATION = (
    "The admin token, opaque (`tkw_ad_…`), which `tokenward init` writes into the file that `admin.token` of "
    "tokenward.yaml names. It has no scopes and no end; replace the file to end it."
)
_PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "properties": {
        "type": {"type": "string", "pattern": "^urn:tokenward:problem:[a-z_]{1,60}$"},
        "title": {"type": "string", "maxLength": 300},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "maxLength": 10_000},
        "pointer": {"type": "string", "maxLength": 2_000, "description": "Where in the input (RFC 6901)."},
    },
    "required": ["type", "title", "status"],
    "additionalProperties": False,
}
_HEADERS: Mapping[str, Any] = {
    "Retry-After": {
        "required": True,
        "description": "Seconds.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 3600},
    },
    "WWW-Authenticate": {
        "required": True,
        "description": "How to authenticate (RFC 9110 §11.6.1).",
        "schema": {"type": "string", "const": 'Bearer realm="admin"'},
    },
    "RateLimit": {
        "required": True,
        "description": "How many calls are left (draft-ietf-httpapi-ratelimit-headers).",
        "schema": {"type": "string", "pattern": '^"(managing|anybody|guessing)";r=[0-9]{1,4}$'},
    },
    "RateLimit-Policy": {
        "required": True,
        "description": "How many calls there are in how many seconds.",
        "schema": {"type": "string", "pattern": '^"(managing|anybody|guessing)";q=[0-9]{1,4};w=[0-9]{1,4}$'},
    },
}
_PACE = ("RateLimit", "RateLimit-Policy")
_TELLING: Mapping[Problem, tuple[str, ...]] = {
    UNAUTHORIZED_ADMIN: ("WWW-Authenticate", *_PACE),
    UNAVAILABLE: ("Retry-After", *_PACE),
    TOO_MANY_REQUESTS: ("Retry-After", *_PACE),
    WRONG_HOST: (),
}


class _Schemas(GenerateJsonSchema):
    """Schemas without a title for every member: names say it."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - as pydantic has it
        """Never."""
        return False

    def dict_schema(self, schema: Any) -> dict[str, Any]:  # noqa: ANN401 - as pydantic has it
        """With `propertyNames`: by `patternProperties` alone, other names would be allowed, and are not."""
        made = super().dict_schema(schema)
        if patterns := made.pop("patternProperties", None):
            ((pattern, value),) = patterns.items()
            made |= {"propertyNames": {"type": "string", "pattern": pattern}, "additionalProperties": value}
        return made


def document(operations: Sequence[Operation], *, server: str = SERVER) -> dict[str, Any]:
    """The document.

    Args:
        operations: all that is served.
        server: where.

    Raises:
        ValueError: two operations have one name, or one method and path.
    """
    names = [each.name for each in operations]
    places = [(each.method, each.path) for each in operations]
    if len(set(names)) < len(names) or len(set(places)) < len(places):
        raise ValueError("an operation is listed twice")
    schemas, definitions = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        made = _operation(each, schemas)
        if links := _links(each, operations):
            made["responses"][str(each.status)]["links"] = links
        paths.setdefault(each.path, {})[each.method.lower()] = made
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "Tokenward admin API",
            "version": importlib.metadata.version("tokenward"),
            "description": _ABOUT.strip(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server, "description": "The admin listener of one machine."}],
        "security": [{_SCHEME: []}],
        "paths": paths,
        "components": {
            "schemas": {**definitions, "Problem": dict(_PROBLEM)},
            "responses": dict(_responses(operations)),
            "headers": dict(_HEADERS),
            "securitySchemes": {
                _SCHEME: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "opaque",
                    "description": _AUTHENTICATION,
                }
            },
        },
    }


def _schemas(operations: Sequence[Operation]) -> tuple[dict[tuple[str, str], Any], dict[str, Any]]:
    """The schema of each body, answer and parameter, by operation and name; and what they share."""
    wanted: list[tuple[tuple[str, str], JsonSchemaMode, TypeAdapter[Any]]] = []
    for each in operations:
        if each.takes is not None:
            wanted.append(((each.name, "<"), "validation", TypeAdapter(each.takes[1])))
        if each.answers not in (None, str):
            wanted.append(((each.name, ">"), "serialization", TypeAdapter(each.answers)))
        for name, kind in each.named.items():
            wanted.append(((each.name, name), "validation", TypeAdapter(kind)))
    made, shared = TypeAdapter.json_schemas(wanted, ref_template=_REF, schema_generator=_Schemas)
    return {key: schema for (key, _), schema in made.items()}, shared.get("$defs", {})


def _operation(operation: Operation, schemas: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    summary, _, rest = operation.description.partition("\n\n")
    summary, _, more = summary.replace("\n", " ").partition(". ")
    description = "\n\n".join(part for part in (more, rest) if part)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": schemas[operation.name, name]}
        for name in operation.named
    ]
    if operation.asks is not None:
        parameters += _query(operation.asks[1])
    return {
        "operationId": operation.name,
        "summary": summary.removesuffix("."),
        **({"description": description} if description else {}),
        **({"security": [], "x-tokenward-risk": "public"} if operation.public else {}),
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": _body(schemas[operation.name, "<"])} if operation.takes is not None else {}),
        "responses": {
            str(operation.status): _success(operation, schemas.get((operation.name, ">"))),
            **{
                str(status): {"$ref": f"#/components/responses/{name}"}
                for status, name in _refused(operation)
            },
        },
    }


def _links(operation: Operation, operations: Sequence[Operation]) -> dict[str, Any]:
    """What may be done with that which was just made, by the id in the answer."""
    if operation.status != 201:
        return {}
    members = getattr(operation.answers, "__annotations__", {})
    return {
        each.name: {"operationId": each.name, "parameters": {name: f"$response.body#/{name}"}}
        for each in operations
        for name in each.named
        if name in members
    }


def _query(model: type[Query]) -> list[dict[str, Any]]:
    schema = model.model_json_schema(schema_generator=_Schemas)
    found = []
    for name, its in schema["properties"].items():
        # A query has no null: what is optional is left out.
        whole = {**its, **next((each for each in its.get("anyOf", ()) if each.get("type") != "null"), {})}
        said = {key: value for key, value in whole.items() if key not in ("anyOf", "description")}
        if said.get("default", 0) is None:
            del said["default"]
        found.append({
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": its.get("description", ""),
            "schema": said,
        })  # fmt: skip
    return found


def _body(schema: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _success(operation: Operation, schema: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    told = {"description": "Done.", "headers": _told(_PACE)}
    if operation.answers is None:
        return told
    if operation.answers is str:
        text = {"type": "string", "maxLength": 10_000_000}
        return {**told, "content": {PROMETHEUS: {"schema": text}}}
    return {**told, "content": {"application/json": {"schema": schema}}}


def _told(headers: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}


def _refused(operation: Operation) -> list[tuple[int, str]]:
    """The statuses of its refusals, and the names of these responses."""
    by_status: dict[int, list[Problem]] = {}
    for problem in operation.problems:
        by_status.setdefault(problem.status, []).append(problem)
    return [(status, _name(problems)) for status, problems in sorted(by_status.items())]


def _name(problems: Iterable[Problem]) -> str:
    return "_or_".join(sorted(each.code for each in problems))


def _responses(operations: Sequence[Operation]) -> Iterable[tuple[str, Any]]:
    """Each set of problems of one status that some operation answers."""
    found: dict[str, list[Problem]] = {}
    for operation in operations:
        by_status: dict[int, list[Problem]] = {}
        for problem in operation.problems:
            by_status.setdefault(problem.status, []).append(problem)
        found |= {_name(problems): problems for problems in by_status.values()}
    for name, problems in sorted(found.items()):
        codes = [f"urn:tokenward:problem:{each.code}" for each in problems]
        narrowed = {"properties": {"type": {"enum": codes}, "status": {"const": problems[0].status}}}
        schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, narrowed]}
        headers = _TELLING.get(problems[0], _PACE)
        yield (
            name,
            {
                "description": " ".join(each.text for each in problems),
                **({"headers": _told(headers)} if headers else {}),
                "content": {"application/problem+json": {"schema": schema}},
            },
        )
