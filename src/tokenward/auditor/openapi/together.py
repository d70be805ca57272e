"""What several schemas say of one value: one, the parts of its `allOf`, and that whose alternative it is.

A bound counts wherever it stands: `{allOf: [{$ref: '#/components/schemas/Name'}, {maxLength: 80}]}` takes no
more than 80 characters, whatever `Name` says.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from tokenward.auditor.openapi.nodes import Node
from tokenward.auditor.openapi.references import Library

BOUNDS = (
    "enum", "const", "format", "pattern", "maxLength", "minimum", "exclusiveMinimum", "maximum",
    "exclusiveMaximum", "maxItems", "maxProperties", "not",
)  # fmt: skip
"""Keywords that leave less of a value, whichever of the schemas has them."""

NOTHING: Mapping[str, Any] = {}

MOST_SCHEMAS = 100
"""Of one value that are looked at: a document may be somebody's who wants to keep us busy."""


def parts(node: Node, library: Library) -> Iterator[Node]:
    """A schema and the parts of its `allOf`, and theirs, each once, with references followed."""
    waiting, seen = [node], set[int]()
    while waiting and len(seen) < MOST_SCHEMAS:
        each = library.resolve(waiting.pop())
        if type(each.value) is dict and id(each.value) not in seen:
            seen.add(id(each.value))
            yield each
            waiting += islice(each.items("allOf"), MOST_SCHEMAS)


def bounds_of(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of its members that are bounds."""
    return {key: fields[key] for key in BOUNDS if key in fields}


def said_of(node: Node, library: Library, beside: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is said of a value: all that the schema says, and the bounds of the others.

    Args:
        node: the schema, with references followed.
        library: for those of its parts.
        beside: bounds by schemas that count as well.
    """
    fields = node.fields
    if "allOf" not in fields:
        return {**beside, **fields} if beside else fields
    joined = dict(beside)
    for part in parts(node, library):
        joined.update(bounds_of(part.fields))
    # What its parts say is in it now: it is no combination of which nothing is known.
    return {**joined, **{key: value for key, value in fields.items() if key != "allOf"}}
