"""Every schema that an operation takes or answers with, each once a direction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple

from tokenward.auditor.openapi.nodes import Node
from tokenward.auditor.openapi.references import Library
from tokenward.auditor.openapi.together import MOST_SCHEMAS, NOTHING, bounds_of, parts, said_of
from tokenward.auditor.openapi.view import Api, Operation, Parameter

Direction = Literal["request", "response", "error"]

COMBINATIONS = ("allOf", "anyOf", "oneOf", "$ref", "not")
"""Keywords by which other schemas say what passes."""
_MAPS = ("properties", "patternProperties", "dependentSchemas")
_ALTERNATIVES = ("anyOf", "oneOf")
_MOST_COMPANIES = 8  # in which one schema is looked at; each differs from the others in its bounds
_SINGLE = ("items", "additionalProperties", "unevaluatedProperties", "contains", "then", "else")


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """A schema in use.

    Attributes:
        node: with references followed.
        name: of the property or parameter it is for; "" for a body and for items without one.
        direction: whether it is taken, answered, or answered as a refusal.
        operation: the first that uses it.
        parameter: that it is the whole schema of; None in bodies and below.
        is_property: it is that of a property, which `name` is.
        part: it is one of `allOf`, hence no schema that stands alone.
        types: what it lets pass, as far as it says.
        beside: the bounds by other schemas of the same value (`together`).
        said: its own keywords, those bounds, and the ones of its parts.
    """

    node: Node
    name: str
    direction: Direction
    operation: Operation
    parameter: Parameter | None
    is_property: bool
    part: bool
    types: frozenset[str]
    beside: Mapping[str, Any]
    said: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Such as "'limit', of GET /pets"; "The body, first in POST /pets"."""
        label = self.operation.label
        where = f"first in {label}" if self.parameter is None else f"of {label}"
        return f"{self.name!r}, {where}" if self.name else f"The body, {where}"


def types_of(node: Node) -> frozenset[str]:
    """The `type` of a schema, or what its other keywords tell."""
    fields = node.fields
    said = fields.get("type")
    if isinstance(said, str):
        return frozenset({said})
    if isinstance(said, list):
        return frozenset(each for each in said if isinstance(each, str))
    if "properties" in fields or "additionalProperties" in fields:
        return frozenset({"object"})
    return frozenset({"array"}) if "items" in fields else frozenset()


def passing_types(node: Node, library: Library) -> frozenset[str]:
    """The types of a schema, of its parts and of its alternatives, with references followed."""
    waiting, seen, found = [node], set[int](), set[str]()
    while waiting and len(seen) < MOST_SCHEMAS:
        for each in parts(waiting.pop(), library):
            if id(each.value) not in seen:
                seen.add(id(each.value))
                found |= types_of(each)
                branches = (branch for key in _ALTERNATIVES for branch in each.items(key))
                waiting += islice(branches, MOST_SCHEMAS)
    return frozenset(found)


def walk(api: Api, library: Library) -> Iterator[Schema]:
    """All of them, in no order worth to mention."""
    seen: dict[Direction, _Seen] = {"request": {}, "response": {}, "error": {}}
    for start in _starts(api):
        _gather(start, library, seen[start.direction])
    for schemas in seen.values():
        for each in schemas.values():
            yield from each


_Seen = dict[int, list[Schema]]
"""By the identity of its value: a schema in each company where more might be wrong with it."""


class _Start(NamedTuple):
    node: Node
    direction: Direction
    operation: Operation
    parameter: Parameter | None = None


class _Step(NamedTuple):
    node: Node
    name: str
    parameter: Parameter | None = None
    is_property: bool = False
    part: bool = False
    beside: Mapping[str, Any] = NOTHING


def _starts(api: Api) -> Iterator[_Start]:
    for operation in api.operations:
        for parameter in operation.parameters:
            if parameter.schema is not None:
                yield _Start(parameter.schema, "request", operation, parameter)
        ours = operation.kind == "path"  # what a callback is sent comes from us, and what it answers does not
        for media in operation.body:
            if media.schema is not None:
                yield _Start(media.schema, "request" if ours else "response", operation)
        for response in operation.responses:
            direction: Direction = "request" if not ours else "error" if response.is_error else "response"
            for media in response.media:
                if media.schema is not None:
                    yield _Start(media.schema, direction, operation)


def _gather(start: _Start, library: Library, known: _Seen) -> None:
    unwanted = "readOnly" if start.direction == "request" else "writeOnly"
    name = "" if start.parameter is None else start.parameter.name
    stack = [_Step(start.node, name, start.parameter)]
    while stack:
        step = stack.pop()
        node = library.resolve(step.node)
        value = node.value
        if type(value) is not dict or value.get(unwanted) is True or step.node.value.get(unwanted) is True:
            continue
        before = known.setdefault(id(value), [])
        if _seen_so(step, before):
            continue
        if not before:
            stack += _children(node, step)
        elif not step.part and not step.beside:
            before.clear()  # what is wrong in company is wrong with it alone, too
        said = said_of(node, library, step.beside)
        before.append(
            Schema(
                node,
                step.name,
                start.direction,
                start.operation,
                step.parameter,
                step.is_property,
                step.part,
                types_of(node),
                step.beside,
                said,
            )
        )
        stack += _companions(node, step, said)


def _seen_so(step: _Step, before: Sequence[Schema]) -> bool:
    """Whether it was looked at in company that says no more: then nothing more is wrong with it here."""
    in_company = step.part or bool(step.beside)
    return (in_company and len(before) >= _MOST_COMPANIES) or any(
        (step.part or not each.part) and each.beside.items() <= step.beside.items() for each in before
    )


def _children(node: Node, step: _Step) -> Iterator[_Step]:
    value = node.value
    for key in _MAPS:
        if key in value:
            yield from (
                _Step(each, str(each.key), is_property=key == "properties") for each in node.members(key)
            )
    for key in _SINGLE:
        if type(value.get(key)) is dict:
            yield _Step(Node(node.file, value[key], node, key), step.name)
    for each in node.items("prefixItems"):
        yield step._replace(node=each, part=False, beside=NOTHING)


def _companions(node: Node, step: _Step, said: Mapping[str, Any]) -> Iterator[_Step]:
    """The schemas of the same value: for each of them counts what the others say."""
    value = node.value
    if "allOf" in value or "anyOf" in value or "oneOf" in value:
        beside = bounds_of(said)
        for key in _ALTERNATIVES:
            yield from (step._replace(node=each, beside=beside) for each in node.items(key))
        yield from (step._replace(node=each, part=True, beside=beside) for each in node.items("allOf"))
