"""The schemas of one document, all in one dialect: JSON Schema 2020-12 as a request has to fulfil it.

OpenAPI 3.1 writes 2020-12 itself; 3.0 writes a relative of draft 4 and is translated (`nullable`, boolean
`exclusiveMinimum`). References are followed inside the document only. What does not constrain a request is
left out, and what the server alone may set (`readOnly`) is refused in one.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import jsonschema_rs
from jsonschema_rs import Draft202012Validator, FancyRegexOptions, RegexOptions, Registry

from tokenward.gateway.policy import PolicyProblem

Location = tuple[str | int, ...]
Schema = dict[str, Any] | bool

MAX_REFERENCES = 8

_RESOURCE = "urn:tokenward:contract"
_DEFINITION = "#/$defs/"
_BROKEN = "broken"  # what stands for a reference that leads nowhere; a problem says so
_DIALECTS = ("https://json-schema.org/draft/2020-12/schema", "https://spec.openapis.org/oas/3.1/dialect/base")

# A linear-time engine: no pattern can be made to take long by what a caller sends.
_LINEAR = RegexOptions(size_limit=1 << 20, dfa_size_limit=1 << 20)
_BACKTRACKING = FancyRegexOptions(size_limit=1 << 20)

# Where a schema holds further ones: in an object by name, in a list, or straight.
_BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas"})
_LISTED = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_STRAIGHT = frozenset(
    {
        "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
        "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip

# Says nothing about a request, or says it by a base URI that nothing here follows.
_LEFT_OUT = frozenset(
    {
        "title", "description", "default", "example", "examples", "deprecated", "externalDocs", "xml",
        "discriminator", "readOnly", "writeOnly", "nullable", "$comment", "$schema", "$id", "$anchor",
        "$dynamicAnchor", "$defs", "definitions", "contentSchema",
    }
)  # fmt: skip
_UNFOLLOWED = frozenset({"$dynamicRef", "$recursiveRef"})

# OpenAPI 3.0 §4.4: formats of numbers, which JSON Schema knows for texts only.
_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


class Schemas:
    """Collects the schemas of a document, and makes validators of them.

    Attributes:
        document: the whole of it.
        problems: everything found that must be mended, in order.
        names: of every property that a schema documents.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.problems: list[PolicyProblem] = []
        self.names: set[str] = set()
        self._old = str(document.get("openapi")).startswith("3.0.")
        self._numbers: dict[Location, int] = {}
        self._defs: dict[str, Schema] = {_BROKEN: True}
        self._waiting: list[tuple[int, object, Location]] = []
        self._patterns: dict[str, str] = {}
        self._validators: dict[str, Draft202012Validator] = {}
        self._registry: Registry | None = None
        dialect = document.get("jsonSchemaDialect", _DIALECTS[0])
        if not self._old and dialect not in _DIALECTS:
            self.problem(
                ("jsonSchemaDialect",), "this dialect of JSON Schema is not known here", "Use 2020-12."
            )

    def problem(self, at: Location, text: str, remedy: str) -> None:
        """Note an error of the document."""
        self.problems.append(PolicyProblem(at, "document", text, remedy))

    def warn(self, at: Location, text: str, remedy: str) -> None:
        """Note something that is probably not meant."""
        self.problems.append(PolicyProblem(at, "document", text, remedy, "warning"))

    def resolve(self, node: object, at: Location) -> tuple[object, Location] | None:
        """What an object that is no schema stands for, by its `$ref` if it has one, and where that is.

        None, and a problem, where the reference is broken.
        """
        for _ in range(MAX_REFERENCES):
            if not isinstance(node, Mapping) or "$ref" not in node:
                return node, at
            found = self._target(node["$ref"], (*at, "$ref"))
            if found is None:
                return None
            node, at = found
        self.problem(at, "the references run in a circle, or too deep", "Point at the object itself.")
        return None

    def add(self, node: object, at: Location) -> str:
        """Take a schema in, with all that it refers to. Its name, for `validator` and `definition`."""
        if isinstance(node, Mapping) and "$ref" in node and (self._old or len(node) == 1):
            name = self._reference(node["$ref"], (*at, "$ref")).removeprefix(_DEFINITION)
        else:
            name = self._number(node, at)
        while self._waiting:
            number, waiting, place = self._waiting.pop()
            self._defs[str(number)] = self._checked(self._translated(waiting, place), place)
        self._registry = None
        return name

    def definition(self, name: str) -> Schema:
        """A schema that was taken in; its references are `#/$defs/NAME`, each a name for this function."""
        return self._defs[name]

    def validator(self, name: str) -> Draft202012Validator:
        """A validator of a schema that was taken in. To be asked once there are no problems."""
        if self._registry is None:
            self._registry = Registry([(_RESOURCE, {"$defs": self._defs})])
        if name not in self._validators:
            self._validators[name] = Draft202012Validator(
                {"$ref": _RESOURCE + _DEFINITION + name},
                registry=self._registry,
                pattern_options=_LINEAR,
                validate_formats=True,
                offline=True,
            )
        return self._validators[name]

    def _number(self, node: object, at: Location) -> str:
        if at not in self._numbers:
            self._numbers[at] = len(self._numbers)
            self._waiting.append((self._numbers[at], node, at))
        return str(self._numbers[at])

    def _target(self, reference: object, at: Location) -> tuple[object, Location] | None:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            self.problem(
                at, "the reference leaves the document", "Bundle the document into one, with #/ references."
            )
            return None
        node: object = self.document
        location: list[str | int] = []
        for part in reference[2:].split("/"):
            key: str | int = _unescaped(part)
            if isinstance(node, Mapping) and key in node:
                node = node[key]
            elif isinstance(node, list) and part.isascii() and part.isdigit() and int(part) < len(node):
                key = int(part)
                node = node[key]
            else:
                self.problem(
                    at, "the reference points at nothing", "Mend it, or write what it should point at."
                )
                return None
            location.append(key)
        return node, tuple(location)

    def _translated(self, node: object, at: Location) -> Schema:
        if isinstance(node, bool):
            return node
        if not isinstance(node, Mapping):
            self.problem(at, "this is no schema", "A schema is an object.")
            return True
        if "$ref" in node and self._old:  # OpenAPI 3.0 §4.7.23: what stands beside it is ignored
            node = {"$ref": node["$ref"]}
        told: dict[str, Any] = {}
        for key, value in node.items():
            if key in _LEFT_OUT or key.startswith("x-"):
                continue
            told[key] = self._keyword(key, value, (*at, key))
        if self._old:
            _from_3_0(node, told)
        self._without_read_only(node, told, at)
        bounds = _RANGES.get(node.get("format", "")) if isinstance(node.get("format"), str) else None
        if bounds is not None:
            told["allOf"] = [*told.get("allOf", ()), {"minimum": bounds[0], "maximum": bounds[1]}]
        return told

    def _keyword(self, key: str, value: object, at: Location) -> Any:  # noqa: ANN401 - any JSON
        if key == "$ref":
            return self._reference(value, at)
        if key in _UNFOLLOWED:
            self.problem(at, f"{key} is not followed here", "Use $ref.")
        if key == "pattern" and isinstance(value, str):
            self._check_pattern(value, at)
        if key == "patternProperties" and isinstance(value, Mapping):
            for pattern in value:
                self._check_pattern(pattern, (*at, pattern))
        if key in _BY_NAME and isinstance(value, Mapping):
            if key == "properties":
                self.names.update(value)
            return {name: self._translated(each, (*at, name)) for name, each in value.items()}
        if key in _LISTED and isinstance(value, list):
            return [self._translated(each, (*at, index)) for index, each in enumerate(value)]
        if key in _STRAIGHT:
            return self._translated(value, at)
        return value

    def _reference(self, value: object, at: Location) -> str:
        found = self._target(value, at)
        seen = {found[1]} if found else set()
        while found is not None and isinstance(found[0], Mapping) and set(found[0]) == {"$ref"}:
            found = self._target(found[0]["$ref"], (*found[1], "$ref"))
            if found is not None and found[1] in seen:
                self.problem(at, "the references run in a circle", "Point at a schema.")
                found = None
            elif found is not None:
                seen.add(found[1])
        return _DEFINITION + (self._number(*found) if found is not None else _BROKEN)

    def _without_read_only(self, node: Mapping[str, Any], told: dict[str, Any], at: Location) -> None:
        """What only the server sets is neither asked of a request nor taken from it (OpenAPI 3.0 §4.7.24)."""
        properties = node.get("properties")
        if not isinstance(properties, Mapping):
            return
        own = [
            name for name, each in properties.items() if self._is_read_only(each, (*at, "properties", name))
        ]
        for name in own:
            told["properties"][name] = False
        if own and isinstance(told.get("required"), list):
            told["required"] = [name for name in told["required"] if name not in own]

    def _is_read_only(self, node: object, at: Location) -> bool:
        for _ in range(MAX_REFERENCES):
            if not isinstance(node, Mapping):
                return False
            if node.get("readOnly") is True and not (self._old and "$ref" in node):
                return True
            if "$ref" not in node:
                return False
            found = self._target(node["$ref"], (*at, "$ref"))
            if found is None:
                return False
            node, at = found
        return False

    def _check_pattern(self, pattern: str, at: Location) -> None:
        if pattern not in self._patterns:
            self._patterns[pattern] = _why_no_pattern(pattern)
        if why := self._patterns[pattern]:
            remedy = "Write it without lookaround and backreferences: these can be made to take for ever."
            self.problem(at, why, remedy)

    def _checked(self, schema: Schema, at: Location) -> Schema:
        """It, if it is a schema. A pattern is not looked at again: that has been done, with a better text."""
        try:
            jsonschema_rs.meta.validate(schema)
        except jsonschema_rs.ValidationError as error:
            place = list(error.instance_path)
            if place and place[-1] != "pattern":
                keyword = next((str(key) for key in reversed(place) if isinstance(key, str)), "this")
                self.problem(
                    (*at, *place), f"`{keyword}` has a value that JSON Schema does not know", "Mend it."
                )
            elif not place:
                self.problem(at, "this is no schema", "A schema is an object.")
            return True
        return schema


def _from_3_0(node: Mapping[str, Any], told: dict[str, Any]) -> None:
    """OpenAPI 3.0 §4.7.24, in the words of 2020-12."""
    if node.get("nullable") is True and isinstance(told.get("type"), str):
        told["type"] = [told["type"], "null"]
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(told.get(exclusive), bool) and told.pop(exclusive) and bound in told:
            told[exclusive] = told.pop(bound)


def _unescaped(part: str) -> str:
    """RFC 6901 §4, §6: a pointer in a URI fragment."""
    return unquote(part).replace("~1", "/").replace("~0", "~")


def _why_no_pattern(pattern: str) -> str:
    for options, why in ((_LINEAR, ""), (_BACKTRACKING, "the pattern needs an engine that backtracks")):
        try:
            Draft202012Validator({"pattern": pattern}, pattern_options=options)
        except ValueError:
            continue
        return why
    return "this is no regular expression, or too large a one"
