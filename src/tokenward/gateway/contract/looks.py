"""How often a validator looks at one value of a body, counted before any body comes.

A schema that refers to itself in alternatives looks at each level once for each of them: two that both
describe `child` make 2ⁿ looks of n levels, and a deep body would take longer than anybody can wait.
"""

from collections.abc import Iterator

from tokenward.gateway.contract.schemas import Schema, Schemas
from tokenward.gateway.contract.shapes import referred

_SAME = ("allOf", "anyOf", "oneOf")
_SAME_SINGLE = ("not", "if", "then", "else")
_ANY_MEMBER = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_ANY_ITEM = ("items", "contains", "unevaluatedItems")

_MAX_NODES = 5000
_CAP = 10**9

_Groups = list[list[Schema]]


def looks(schemas: Schemas, name: str, levels: int) -> tuple[int, ...] | None:
    """For a body of 0, 1, … `levels` levels, at most how many schemas look at one value of it.

    None if the schema is too large to tell.
    """
    nodes: dict[int, tuple[Schema, _Groups]] = {}
    root = schemas.definition(name)
    waiting = [root]
    left = [_MAX_NODES]
    while waiting:
        one = waiting.pop()
        if id(one) in nodes:
            continue
        groups = _groups(schemas, one, left)
        if left[0] < 0:
            return None
        nodes[id(one)] = (one, groups)
        waiting += [child for group in groups for child in group]
    row = dict.fromkeys(nodes, 1)
    told = [1]
    while len(told) <= levels:
        below = row
        row = {
            key: min(max((sum(below[id(child)] for child in group) for group in groups), default=1), _CAP)
            for key, (_, groups) in nodes.items()
        }
        told.append(max(told[-1], row[id(root)]))
        if row == below:  # a schema that never returns to itself ends here
            told += told[-1:] * (levels + 1 - len(told))
    return tuple(told)


def _groups(schemas: Schemas, schema: Schema, left: list[int]) -> _Groups:
    """The schemas of the values one level below, those together that look at the same value."""
    by_name: dict[str, list[Schema]] = {}
    members: list[Schema] = []
    elements: list[Schema] = []
    for facet in _facets(schemas, schema, left):
        for name, each in facet.get("properties", {}).items():
            by_name.setdefault(name, []).append(each)
        members += facet.get("patternProperties", {}).values()
        members += [facet[key] for key in _ANY_MEMBER if key in facet]
        elements += facet.get("prefixItems", ())
        elements += [facet[key] for key in _ANY_ITEM if key in facet]
    found = [[*group, *members] for group in by_name.values()] or [members]
    return [[each for each in group if isinstance(each, dict)] for group in (*found, elements)]


def _facets(schemas: Schemas, schema: Schema, left: list[int]) -> Iterator[dict]:  # type: ignore[type-arg]
    """As `shapes.facets`, and with what only decides between others. As often as it is looked at."""
    waiting = [schema]
    while waiting and left[0] >= 0:
        one = waiting.pop()
        left[0] -= 1
        if isinstance(one, bool):
            continue
        yield one
        if "$ref" in one:
            waiting.append(referred(schemas, one))
        for key in _SAME:
            waiting += one.get(key, ())
        waiting += [one[key] for key in _SAME_SINGLE if key in one]
        waiting += one.get("dependentSchemas", {}).values()
