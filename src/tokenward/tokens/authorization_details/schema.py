"""What a type's fields may hold: a small part of JSON Schema, in which nothing is left open.

Every value has a largest extent, and no member is taken that was not described. Numbers with fractions are no
type here: programs round them differently, and an amount is a text with a pattern in every payment protocol.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jsonschema_rs import Draft202012Validator, RegexOptions

from tokenward.tokens.authorization_details.plain_text import MAX_LENGTH, why_misleading
from tokenward.tokens.credential_guard import why_no_claim_name
from tokenward.tokens.strict_json import MAX_INTEGER

Location = tuple[str | int, ...]
Schema = Mapping[str, Any]

RESERVED = frozenset({"type", "locations"})
"""Members of every type, which none describes (RFC 9396 §2): they need no mention."""

MAX_FIELDS = 20
MAX_ITEMS = 20
MAX_CHOICES = 100

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_LINEAR = RegexOptions(size_limit=1 << 18, dfa_size_limit=1 << 18)

_KEYWORDS: Mapping[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern"}),
    "integer": frozenset({"minimum", "maximum"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "object": frozenset({"properties"}),
}
_ALWAYS = frozenset({"type", "title", "description"})


class Mistake(NamedTuple):
    """Something in the description of a type that must be mended.

    Attributes:
        location: the keys that lead to it, from the type's own description.
        text: what is wrong.
        remedy: what to do.
    """

    location: Location
    text: str
    remedy: str


def validator(fields: Mapping[str, Schema], optional: frozenset[str]) -> Draft202012Validator:
    """A validator of the members beside those of `RESERVED`. `mistakes` must have found none."""
    return Draft202012Validator(
        _object(fields, optional), pattern_options=_LINEAR, validate_formats=False, offline=True
    )


def leaves(fields: Mapping[str, Schema]) -> Iterator[tuple[str, Schema]]:
    """Every value that a person can be told, by its name: `payee`, or `account.iban` of one in an object."""
    for name, schema in fields.items():
        if schema.get("type") == "object":
            for inner, each in schema["properties"].items():
                yield f"{name}.{inner}", each
        else:
            yield name, schema


def mistakes(fields: Mapping[str, object]) -> Iterator[Mistake]:
    """What is wrong with fields. Locations begin with a field's name."""
    yield from _of_properties(fields, (), RESERVED, nested=False)


def _object(properties: Mapping[str, Schema], optional: frozenset[str] = frozenset()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _closed(schema) for name, schema in properties.items()},
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _closed(schema: Schema) -> dict[str, Any]:
    if "enum" in schema:
        return {"enum": list(schema["enum"])}
    told = {key: value for key, value in schema.items() if key not in {"title", "description"}}
    if told["type"] == "object":
        return _object(told["properties"])
    if told["type"] == "array":
        told["items"] = _closed(told["items"])
    if "pattern" in told:
        told["pattern"] = _whole(told["pattern"])
    return told


def _whole(pattern: str) -> str:
    """JSON Schema looks for a pattern anywhere in a text; here the whole of it has to fit."""
    return f"^(?:{pattern})$"


def _of_properties(
    fields: Mapping[str, object], at: Location, reserved: frozenset[str], *, nested: bool
) -> Iterator[Mistake]:
    if len(fields) > MAX_FIELDS:
        yield Mistake(at, f"more than {MAX_FIELDS} fields", "nobody reads so many: make several types")
    for name, schema in fields.items():
        here = (*at, name)
        if not _NAME.fullmatch(name):
            yield Mistake(here, "this is no name of a field", "use letters, digits and _, a letter first")
        elif name in reserved:
            yield Mistake(here, f"every type has {name} already", "remove it")
        elif why := why_no_claim_name(name):
            yield Mistake(
                here, f"backends get this as a claim, and {why}", "call it by what it is, or drop it"
            )
        else:
            yield from _of_schema(schema, here, nested=nested)


def _of_schema(schema: object, at: Location, *, nested: bool) -> Iterator[Mistake]:
    if not isinstance(schema, Mapping):
        yield Mistake(at, "this lets anything through", "say its type, such as {type: string, maxLength: 70}")
        return
    if "enum" in schema:
        yield from _of_enum(schema, at)
        return
    kind = schema.get("type")
    if kind == "number":
        remedy = "write it as a string with a pattern, or as an integer of the smallest unit"
        yield Mistake((*at, "type"), "programs read fractions differently", remedy)
    elif kind == "boolean":
        yield Mistake(
            (*at, "type"), "nobody can read true or false in a sentence", "use an enum of words that say it"
        )
    elif not isinstance(kind, str) or kind not in _KEYWORDS or (nested and kind in {"array", "object"}):
        known = "string, integer" if nested else ", ".join(_KEYWORDS)
        yield Mistake(at, "its type is none that is known here", f"use `enum`, or one of {known}")
    else:
        yield from _unknown_keywords(schema, at, _KEYWORDS[kind] | _ALWAYS)
        yield from _OF_KIND[kind](schema, at)


def _unknown_keywords(schema: Schema, at: Location, known: frozenset[str]) -> Iterator[Mistake]:
    for key in schema:
        if key not in known:
            yield Mistake((*at, key), f"{key!r} means nothing here", f"use {', '.join(sorted(known))}")
    title = schema.get("title")
    if title is not None and (not isinstance(title, str) or len(title) > 60 or why_misleading(title)):
        yield Mistake((*at, "title"), "this is no title", "write 1 to 60 printable characters")


def _of_enum(schema: Schema, at: Location) -> Iterator[Mistake]:
    yield from _unknown_keywords(schema, at, _ALWAYS | {"enum"})
    values = schema["enum"]
    if (
        not isinstance(values, list)
        or not 0 < len(values) <= MAX_CHOICES
        or len(set(map(repr, values))) != len(values)
    ):
        yield Mistake((*at, "enum"), "this is no list of choices", f"list 1 to {MAX_CHOICES}, each once")
        return
    for number, value in enumerate(values):
        if not isinstance(value, str) or len(value) > MAX_LENGTH or why_misleading(value):
            remedy = "write a text, in quotes where YAML would read something else"
            yield Mistake((*at, "enum", number), "this choice is no plain text", remedy)


def _of_string(schema: Schema, at: Location) -> Iterator[Mistake]:
    yield from _bound(schema, at, "maxLength", 1, MAX_LENGTH)
    if "minLength" in schema:
        yield from _bound(schema, at, "minLength", 0, MAX_LENGTH)
    if "pattern" in schema and not _compiles(schema["pattern"]):
        remedy = "write a regular expression without lookaround and backreferences"
        yield Mistake((*at, "pattern"), "this pattern cannot be used", remedy)


def _of_integer(schema: Schema, at: Location) -> Iterator[Mistake]:
    for key in ("minimum", "maximum"):
        yield from _bound(schema, at, key, -MAX_INTEGER, MAX_INTEGER)


def _of_array(schema: Schema, at: Location) -> Iterator[Mistake]:
    yield from _bound(schema, at, "maxItems", 1, MAX_ITEMS)
    if "minItems" in schema:
        yield from _bound(schema, at, "minItems", 0, MAX_ITEMS)
    yield from _of_schema(schema.get("items"), (*at, "items"), nested=True)


def _of_object(schema: Schema, at: Location) -> Iterator[Mistake]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        yield Mistake(at, "this lets anything through", "describe each member under `properties`")
    else:
        yield from _of_properties(properties, (*at, "properties"), frozenset(), nested=True)


_OF_KIND = {"string": _of_string, "integer": _of_integer, "array": _of_array, "object": _of_object}


def _bound(schema: Schema, at: Location, key: str, least: int, most: int) -> Iterator[Mistake]:
    value = schema.get(key)
    if type(value) is not int or not least <= value <= most:
        text = f"{key} is missing: there is no bound" if value is None else f"{key} is no bound that fits"
        yield Mistake((*at, key) if key in schema else at, text, f"set {key} to {least} to {most}")


def _compiles(pattern: object) -> bool:
    if not isinstance(pattern, str):
        return False
    try:
        for each in (pattern, _whole(pattern)):
            Draft202012Validator({"pattern": each}, pattern_options=_LINEAR)
    except ValueError:
        return False
    return True
