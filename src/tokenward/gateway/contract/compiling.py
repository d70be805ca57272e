"""From an operation of the document to its contract. What cannot be checked as documented is a problem."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tokenward.gateway import headers
from tokenward.gateway.contract import media_types
from tokenward.gateway.contract.form_rules import form_rule
from tokenward.gateway.contract.forms import FormRule
from tokenward.gateway.contract.json_text import MAX_LEVELS
from tokenward.gateway.contract.looks import looks
from tokenward.gateway.contract.media_types import FORM, MULTIPART
from tokenward.gateway.contract.operation import BodyRule, MediaRule, OperationContract
from tokenward.gateway.contract.parameters import InPath, Parameter, Parameters
from tokenward.gateway.contract.schemas import Location, Schemas
from tokenward.gateway.contract.shapes import ALL, items, properties, types
from tokenward.gateway.contract.text_values import Form
from tokenward.gateway.policy import is_parameter

_PLACES = ("path", "query", "header", "cookie")
_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}  # OpenAPI 3.1 §4.8.12.2
_NEVER = frozenset({"accept", "content-type", "authorization"})  # §4.8.12.1: such definitions are ignored
_SCALARS = frozenset({"string", "number", "integer", "boolean"})


@dataclass(frozen=True, slots=True)
class Place:
    """An operation as it stands in the document.

    Attributes:
        item: the path item, with what is shared by its operations.
        body: the operation.
        at: where the operation is.
        template: its path, of which each parameter is a whole segment.
    """

    item: Mapping[str, Any]
    body: Mapping[str, Any]
    at: Location
    template: str


class _Unusable(Exception):  # noqa: N818 - says what it is
    """The parameter cannot be checked; the problem is noted."""


class Contracts:
    """Compiles the contracts of one document's operations: first all are read, then all are made.

    Attributes:
        schemas: of the document, and every problem with it.
    """

    def __init__(self, document: Mapping[str, Any], *, enforced: bool) -> None:
        self.schemas = Schemas(document)
        self._enforced = enforced
        self._known_looks: dict[str, tuple[int, ...] | None] = {}

    def read(self, place: Place) -> Callable[[], OperationContract]:
        """Take an operation in. What makes its contract, once all are read and there is no problem."""
        parameters = [made for made in map(self._parameter, self._documented(place)) if made is not None]
        in_path = [
            (number, segment[1:-1])
            for number, segment in enumerate(place.template[1:].split("/"))
            if is_parameter(segment)
        ]
        body = self._body(place)

        def make() -> OperationContract:
            made = {(where, name): build() for where, name, build in parameters}
            by_place = {
                where: tuple(each for (at, _), each in made.items() if at == where) for where in _PLACES
            }
            return OperationContract(
                self._enforced,
                Parameters(
                    query=by_place["query"],
                    path=tuple(
                        InPath(number, made["path", name])
                        for number, name in in_path
                        if ("path", name) in made
                    ),
                    headers=by_place["header"],
                    cookies=by_place["cookie"],
                    names=frozenset(self.schemas.names),
                ),
                body() if body is not None else None,
            )

        return make

    def _documented(self, place: Place) -> list[tuple[Mapping[str, Any], Location]]:
        """The operation's parameters, which replace those of the path item of the same name and place."""
        found: dict[tuple[object, object], tuple[Mapping[str, Any], Location]] = {}
        for parent, at in ((place.item, place.at[:-1]), (place.body, place.at)):
            listed = parent.get("parameters", [])
            if not isinstance(listed, list):
                self.schemas.problem((*at, "parameters"), "`parameters` is no list", "Write one object each.")
                continue
            for index, node in enumerate(listed):
                resolved = self.schemas.resolve(node, (*at, "parameters", index))
                if resolved is None:
                    continue
                parameter, where = resolved
                if (
                    not isinstance(parameter, Mapping)
                    or not isinstance(parameter.get("name"), str)
                    or parameter.get("in") not in _PLACES
                ):
                    self.schemas.problem(where, "this is no parameter", "Give it `name`, `in` and `schema`.")
                    continue
                found[parameter["in"], parameter["name"]] = (parameter, where)
        return list(found.values())

    def _parameter(
        self, documented: tuple[Mapping[str, Any], Location]
    ) -> tuple[str, str, Callable[[], Parameter]] | None:
        node, at = documented
        place, name = node["in"], node["name"]
        if place == "header":
            name = name.lower()
            if name in _NEVER:
                return None
            if headers.verdict(name.encode("latin-1", "replace")) is not headers.Verdict.FORWARD:
                self.schemas.warn(
                    at, f"the header {node['name']} never reaches the API", "Choose another name."
                )
        required = node.get("required") is True or place == "path"
        content = node.get("content")
        if isinstance(content, Mapping) and len(content) == 1:
            return self._of_content(node, at, required=required)
        if "schema" not in node:
            self.schemas.problem(at, f"{node['name']} has no schema", "Say what it may be.")
            return None
        schema = self.schemas.add(node["schema"], (*at, "schema"))
        try:
            form, members = self._form(node, at, schema)
        except _Unusable:
            return None

        def build() -> Parameter:
            return Parameter(
                name,
                place,
                required,
                self.schemas.validator(schema),
                form,
                members,
                allow_empty=node.get("allowEmptyValue") is True and place == "query",
                allow_reserved=node.get("allowReserved") is True,
            )

        return place, name, build

    def _of_content(
        self, node: Mapping[str, Any], at: Location, *, required: bool
    ) -> tuple[str, str, Callable[[], Parameter]] | None:
        key, media = next(iter(node["content"].items()))
        try:
            is_json = media_types.parse(str(key)).is_json
        except ValueError:
            is_json = False
        if not is_json or not isinstance(media, Mapping):
            self.schemas.problem(
                (*at, "content"), "only JSON is read in a parameter", "Use `schema` and a style."
            )
            return None
        schema = self.schemas.add(media.get("schema", True), (*at, "content", key, "schema"))
        place, name = node["in"], node["name"].lower() if node["in"] == "header" else node["name"]
        return place, name, lambda: Parameter(name, place, required, self.schemas.validator(schema), None)

    def _form(
        self, node: Mapping[str, Any], at: Location, schema: str
    ) -> tuple[Form, Mapping[str, tuple[str, frozenset[str]]] | None]:
        """How the text is read, and for an object of several parameters what they are."""
        place, name = node["in"], node["name"]
        style = node.get("style", _STYLES[place])
        explode = node.get("explode", style in {"form", "deepObject"})
        definition = self.schemas.definition(schema)
        admitted = types(self.schemas, definition)
        kinds = {"array", "object"} & admitted if admitted != ALL else set()
        if len(kinds) > 1 or (kinds and admitted & _SCALARS):
            raise self._unusable(at, f"{name} may be a list or object, or something else", "Decide for one.")
        if style != _STYLES[place] and (place, style, kinds) != ("query", "deepObject", {"object"}):
            raise self._unusable(
                (*at, "style") if "style" in node else at,
                f"the style {style} is not read here"
                + (" for what is no object" if style == "deepObject" else ""),
                f"Use {_STYLES[place]}" + (", or deepObject for an object." if place == "query" else "."),
            )
        if place == "cookie" and kinds:
            raise self._unusable(at, f"{name} is a list or object, which no cookie is", "Use a text.")
        if "array" in kinds:
            separator = None if style == "form" and explode else b","
            return Form(self._flat(items(self.schemas, definition), name, at), None, True, separator), None
        if not kinds:
            return Form(admitted if admitted != ALL else frozenset({"string"})), None
        named = {
            key: self._flat(each, f"{name}.{key}", at)
            for key, each in properties(self.schemas, definition).items()
        }
        if style == "deepObject":
            return Form(frozenset()), {f"{name}[{key}]": (key, each) for key, each in named.items()}
        if style == "form" and explode:
            return Form(frozenset()), {key: (key, each) for key, each in named.items()}
        return Form(frozenset(), named, False, b",", pairs=bool(explode)), None

    def _flat(self, admitted: frozenset[str], name: str, at: Location) -> frozenset[str]:
        if admitted == ALL:
            return frozenset({"string"})
        if admitted & {"array", "object"}:
            raise self._unusable(
                at, f"{name} nests, for which no style says how it is written", "Use `content` with JSON."
            )
        return admitted

    def _unusable(self, at: Location, text: str, remedy: str) -> _Unusable:
        self.schemas.problem(at, text, remedy)
        return _Unusable()

    def _body(self, place: Place) -> Callable[[], BodyRule] | None:
        if "requestBody" not in place.body:
            return None
        resolved = self.schemas.resolve(place.body["requestBody"], (*place.at, "requestBody"))
        if resolved is None:
            return None
        node, at = resolved
        content = node.get("content") if isinstance(node, Mapping) else None
        if not isinstance(node, Mapping) or not isinstance(content, Mapping):
            self.schemas.problem(at, "the request body has no `content`", "Map media types to schemas.")
            return None
        required = node.get("required") is True
        read: dict[tuple[str, str], tuple[str | None, FormRule | None]] = {}
        for key, media in content.items():
            where = (*at, "content", key)
            try:
                media_type = media_types.parse(str(key))
            except ValueError:
                self.schemas.problem(where, "this is no media type", "Write it like application/json.")
                continue
            if not isinstance(media, Mapping):
                self.schemas.problem(where, "this is no object", "Write one with a `schema`.")
                continue
            name, form, kind = None, None, (media_type.type, media_type.subtype)
            if media_type.is_json or (media_type.subtype == "*" and "schema" in media):
                name = self.schemas.add(media.get("schema", True), (*where, "schema"))
            elif kind in {FORM, MULTIPART} and "schema" in media:
                name = self.schemas.add(media["schema"], (*where, "schema"))
                form = form_rule(self.schemas, name, media, kind, (*where, "schema"))
            read[kind] = (name, form)
            if name is not None and self._looks(name) is None:
                self.schemas.problem(where, "its schema is too large to check bodies by", "Simplify it.")
        return lambda: BodyRule(required, {key: self._media(*it) for key, it in read.items()})

    def _media(self, name: str | None, form: FormRule | None) -> MediaRule:
        if name is None:
            return MediaRule()
        return MediaRule(self.schemas.validator(name), self._looks(name) or (), form)

    def _looks(self, name: str) -> tuple[int, ...] | None:
        if name not in self._known_looks:
            self._known_looks[name] = looks(self.schemas, name, MAX_LEVELS)
        return self._known_looks[name]
