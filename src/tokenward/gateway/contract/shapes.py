"""What a schema says of the form of a value: its types, its properties, its items.

A parameter arrives as text. What that text stands for follows from the types that its schema admits.
"""

from collections.abc import Iterator

from tokenward.gateway.contract.schemas import Schema, Schemas

ALL = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})

_MAX_NODES = 1000  # of one schema; a document may double itself with every reference


def types(schemas: Schemas, schema: Schema) -> frozenset[str]:
    """The types that a value may have, as far as `type`, `const`, `enum` and combinations of these tell."""
    return _types(schemas, schema, [_MAX_NODES])


def _types(schemas: Schemas, schema: Schema, left: list[int]) -> frozenset[str]:
    left[0] -= 1
    if isinstance(schema, bool) or left[0] < 0:
        return ALL
    admitted = ALL
    if "$ref" in schema:
        admitted &= _types(schemas, referred(schemas, schema), left)
    if "type" in schema:
        named = schema["type"]
        listed = frozenset([named] if isinstance(named, str) else named)
        admitted &= listed | ({"integer"} if "number" in listed else set())
    if "const" in schema:
        admitted &= {_type_of(schema["const"])}
    if "enum" in schema:
        admitted &= {_type_of(each) for each in schema["enum"]}
    for each in schema.get("allOf", ()):
        admitted &= _types(schemas, each, left)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            admitted &= frozenset().union(*(_types(schemas, each, left) for each in schema[key]))
    return admitted


def facets(schemas: Schemas, schema: Schema) -> Iterator[dict[str, object]]:
    """The schema and all that are combined in it, which speak of the same value."""
    waiting: list[Schema] = [schema]
    for _ in range(_MAX_NODES):
        if not waiting:
            return
        one = waiting.pop()
        if isinstance(one, bool):
            continue
        yield one
        if "$ref" in one:
            waiting.append(referred(schemas, one))
        for key in ("allOf", "anyOf", "oneOf"):
            waiting += one.get(key, ())


def properties(schemas: Schemas, schema: Schema) -> dict[str, frozenset[str]]:
    """Documented property → the types that it may have."""
    found: dict[str, frozenset[str]] = {}
    for facet in facets(schemas, schema):
        named = facet.get("properties")
        if isinstance(named, dict):
            for name, each in named.items():
                found[name] = found.get(name, ALL) & types(schemas, each)
    return found


def items(schemas: Schemas, schema: Schema) -> frozenset[str]:
    """The types that an item may have."""
    found = ALL
    for facet in facets(schemas, schema):
        each = facet.get("items")
        if isinstance(each, dict):
            found &= types(schemas, each)
    return found


def referred(schemas: Schemas, schema: dict[str, object]) -> Schema:
    """What `$ref` of a schema that was taken in points at."""
    return schemas.definition(str(schema["$ref"]).rpartition("/")[2])


def _type_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return {int: "integer", float: "number", str: "string", list: "array", dict: "object"}.get(
        type(value), "string"
    )
