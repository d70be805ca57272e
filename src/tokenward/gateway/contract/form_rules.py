"""From the schema of a form to how its fields are read (OpenAPI 3.1 §4.8.14.4, §4.8.15)."""

from collections.abc import Iterator, Mapping
from typing import Any

from tokenward.gateway.contract.forms import FormRule
from tokenward.gateway.contract.media_types import MULTIPART
from tokenward.gateway.contract.schemas import Location, Schema, Schemas
from tokenward.gateway.contract.shapes import ALL, facets, items, types
from tokenward.gateway.contract.text_values import Form

_SCALARS = frozenset({"string", "number", "integer", "boolean"})
_OF_FILES = frozenset({"contentMediaType", "contentEncoding"})


def form_rule(
    schemas: Schemas, schema: str, media: Mapping[str, Any], media_type: tuple[str, str], at: Location
) -> FormRule | None:
    """How a form of that media type is read; None for one with files, or open to any: it has to stream."""
    documented = _properties(schemas, schemas.definition(schema))
    told = [each for named in documented.values() for each in named]
    if media_type == MULTIPART and any(_is_file(schemas, each) for each in told or [{}]):
        return None
    said = media.get("encoding", {})
    encodings = said if isinstance(said, Mapping) else {}
    fields = {
        name: _field(schemas, each, encodings.get(name, {}), (*at, name)) for name, each in documented.items()
    }
    return FormRule(fields, media_type == MULTIPART)


def _properties(schemas: Schemas, schema: Schema) -> dict[str, list[Schema]]:
    found: dict[str, list[Schema]] = {}
    for facet in facets(schemas, schema):
        named = facet.get("properties")
        for name, each in named.items() if isinstance(named, dict) else ():
            found.setdefault(name, []).append(each)
    return found


def _field(schemas: Schemas, told: list[Schema], encoding: object, at: Location) -> Form | None:
    admitted = ALL.intersection(*(types(schemas, each) for each in told))
    kinds = {"array", "object"} & admitted if admitted != ALL else set()
    if len(kinds) > 1 or (kinds and admitted & _SCALARS):
        schemas.problem(
            at, "this field of a form may be a list or object, or something else", "Decide for one."
        )
    if "object" in kinds:
        return None
    if "array" not in kinds:
        return Form(admitted if admitted != ALL else frozenset({"string"}))
    item = ALL.intersection(*(items(schemas, each) for each in told))
    if item != ALL and item & {"array", "object"}:
        return None
    exploded = not isinstance(encoding, Mapping) or encoding.get("explode", True)
    separator = None if exploded else b","
    return Form(item if item != ALL else frozenset({"string"}), None, True, separator)


def _is_file(schemas: Schemas, schema: Schema) -> bool:
    """OpenAPI 3.0 §4.7.14.2 (`binary`) and 3.1 §4.8.14.4: or nothing is said of it at all."""
    return any(_says_file(facet) or facet == {} for facet in _with_items(schemas, schema))


def _says_file(facet: Mapping[str, Any]) -> bool:
    return facet.get("format") == "binary" or not _OF_FILES.isdisjoint(facet)


def _with_items(schemas: Schemas, schema: Schema) -> Iterator[Mapping[str, Any]]:
    for facet in facets(schemas, schema):
        yield facet
        each = facet.get("items")
        if isinstance(each, dict):
            yield from facets(schemas, each)
