"""What they found and we did not, place by place, with the reason that holds at that place.

Each reason is looked up in the document, none is taken on trust: a place where none holds is told as open.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from openapi.programs import Keys, Row
from openapi.rules import OURS

from tokenward.auditor.openapi.nodes import File, Node
from tokenward.auditor.openapi.reading import read_api
from tokenward.auditor.openapi.references import BOUNDS, Library
from tokenward.auditor.openapi.schemas import walk
from tokenward.auditor.openapi.together import bounds_of
from tokenward.auditor.openapi.view import Api, Operation
from tokenward.auditor.openapi.words import FREE_TEXT, is_credential
from tokenward.base.documents.reading import parse_leniently

OPEN = "**open**: no reason of the table holds"
UNPLACED = "not comparable: their place is `paths` as a whole"
_BELOW = frozenset({"items", "properties", "anyOf", "oneOf", "allOf", "not"})
_SAYS_MORE = ("enum", "const", "format", "pattern", "allOf", "anyOf", "oneOf", "minimum", "maximum")


@dataclass(frozen=True)
class Missed:
    """A place that a rule of theirs names and no check of ours."""

    document: str
    rule: str
    keys: Keys
    reason: str

    @property
    def open(self) -> bool:
        """No reason is known but that we do not look there."""
        return self.reason == OPEN


@dataclass
class Seen:
    """What the reasons look at.

    Attributes:
        taken: the places of schemas of what is taken, with the names of what they are for.
        answered: of what is answered.
        bounded: of those of what is taken that others beside them bound wherever they are met.
        operations: by the keys of their places.
    """

    root: Node
    api: Api
    taken: dict[Keys, str] = field(default_factory=dict)
    answered: dict[Keys, str] = field(default_factory=dict)
    bounded: set[Keys] = field(default_factory=set)
    operations: dict[Keys, Operation] = field(default_factory=dict)

    def value(self, keys: Keys) -> object:
        """What stands at that place; None where nothing does."""
        value = self.root.value
        for key in keys:
            if isinstance(value, list) and key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            else:
                value = value.get(key) if isinstance(value, dict) else None
        return value

    def objects(self, keys: Keys) -> tuple[dict[str, object], ...]:
        """What stands there; where that is a mere keyword, what it is one of."""
        value = self.value(keys)
        value = value if isinstance(value, dict) else self.value(keys[:-1])
        return (value,) if isinstance(value, dict) else ()

    def schema(self, keys: Keys, among: dict[Keys, str]) -> bool:
        """The place, or what it is a keyword of, is one of these schemas."""
        return keys in among or keys[:-1] in among

    def operation(self, keys: Keys) -> Operation | None:
        """The one that the place is in."""
        return self.operations.get(keys[:3])


_Holds = Callable[[Keys, Seen], bool]


def _not_taken(keys: Keys, seen: Seen) -> bool:
    answered = seen.schema(keys, seen.answered) or keys[3:4] == ("responses",)
    return answered and not seen.schema(keys, seen.taken)


def _in_no_use(keys: Keys, seen: Seen) -> bool:
    used = seen.schema(keys, seen.taken) or seen.schema(keys, seen.answered)
    return not used and keys[0] in {"components", "definitions", "parameters", "responses"}


def _says_more(keys: Keys, seen: Seen) -> bool:
    return any(key in each for each in seen.objects(keys) for key in _SAYS_MORE)


def _bounded_beside(keys: Keys, seen: Seen) -> bool:
    return keys in seen.bounded or keys[:-1] in seen.bounded


def _jsonp(keys: Keys, seen: Seen) -> bool:
    return any("JSONP" in str(each.get("description", "")) for each in seen.objects(keys))


def _free_text(keys: Keys, seen: Seen) -> bool:
    return any(seen.taken.get(each, "") in FREE_TEXT for each in (keys, keys[:-1]))


def _covered(first: str) -> _Holds:
    def holds(keys: Keys, seen: Seen) -> bool:
        operation = seen.operation(keys)
        said = set() if operation is None else {each.status.upper() for each in operation.responses}
        return "DEFAULT" in said or first + "XX" in said

    return holds


def _status(*statuses: str) -> _Holds:
    def holds(keys: Keys, seen: Seen) -> bool:
        operation = seen.operation(keys)
        return operation is not None and any(each.status in statuses for each in operation.responses)

    return holds


def _nobody_asked(keys: Keys, seen: Seen) -> bool:
    operation = seen.operation(keys)
    return operation is not None and not operation.protected


def _nothing_taken(keys: Keys, seen: Seen) -> bool:
    operation = seen.operation(keys)
    return (
        operation is not None
        and operation.body_node is None
        and all(each.where == "path" for each in operation.parameters)
    )


def _no_credential(keys: Keys, seen: Seen) -> bool:
    names = [each.get("name") for each in seen.objects(keys)]
    return any(isinstance(name, str) and not is_credential(name) for name in names)


def _a_scheme(keys: Keys, seen: Seen) -> bool:
    names = {each.parameter for each in seen.api.schemes.values() if each.where == "query"}
    return any(each.get("name") in names for each in seen.objects(keys))


def _described(keys: Keys, seen: Seen) -> bool:
    return any(each.get("description") for each in seen.objects(keys))


def _limits_somewhere(keys: Keys, seen: Seen) -> bool:  # noqa: ARG001 - the form of a reason
    return any(
        "ratelimit" in name.replace("-", "")
        for call in seen.api.calls
        for each in call.responses
        for name in each.headers
    )


_SCHEMAS: tuple[tuple[str, _Holds], ...] = (
    ("refused: limits an answer, which keeps nobody from anything", _not_taken),
    ("refused: no operation uses the schema", _in_no_use),
    ("said otherwise: `enum`, `format`, `pattern`, bounds or alternatives restrict it", _says_more),
    ("said otherwise: another part of `allOf` bounds it", _bounded_beside),
)


def _response(first: str, *statuses: str) -> tuple[tuple[str, _Holds], ...]:
    return (
        ("said otherwise: `default` or the class of statuses is documented", _covered(first)),
        ("said otherwise: the status is documented, without a body", _status(*statuses)),
    )


REASONS: dict[str, tuple[tuple[str, _Holds], ...]] = {
    "owasp:api2:2023-no-credentials-in-url": (
        ("our check that says the same: `api-key-in-query` at the scheme", _a_scheme),
        ("refused: the name is that of a page, an id or a key's number, and no credential's", _no_credential),
    ),
    "owasp:api7:2023-concerning-url-parameter": (
        ("refused: the name of a function (JSONP), and no address", _jsonp),
    ),
    "owasp:api4:2023-rate-limit": (
        ("said otherwise: headers tell the limit in other answers; ours is one finding a document",
         _limits_somewhere),
    ),
    "owasp:api4:2023-rate-limit-responses-429": _response("4", "429"),
    "owasp:api8:2023-define-error-validation": (
        *_response("4", "400", "422"),
        ("refused: nothing is taken that could be wrong", _nothing_taken),
    ),
    "owasp:api8:2023-define-error-responses-401": (
        *_response("4", "401"),
        ("refused: a credential is not asked for, or not needed; 401 is never answered", _nobody_asked),
    ),
    "owasp:api8:2023-define-error-responses-500": _response("5", "500", "503"),
    "owasp:api9:2023-inventory-environment": (
        ("refused: the server is described; a word such as `production` is not demanded", _described),
    ),
    "owasp:api4:2023-string-restricted": (
        ("refused: free text, such as a comment, has a length and no pattern", _free_text),
        *_SCHEMAS,
    ),
    **dict.fromkeys(
        (
            "owasp:api3:2023-no-additionalProperties",
            "owasp:api3:2023-constrained-additionalProperties",
            "owasp:api3:2023-no-unevaluatedProperties",
            "owasp:api3:2023-constrained-unevaluatedProperties",
            "owasp:api4:2023-array-limit",
            "owasp:api4:2023-string-limit",
            "owasp:api4:2023-integer-limit",
            "owasp:api4:2023-integer-limit-legacy",
            "owasp:api4:2023-integer-format",
        ),
        _SCHEMAS,
    ),
}  # fmt: skip


def missed(row: Row, path: Path) -> Iterator[Missed]:
    """The places of one document that both programs finished."""
    seen = _see(path)
    for rule, places in row.theirs.places.items():
        if rule in OURS:
            ours = {keys for check in OURS[rule] for keys in row.ours.places.get(check, ())}
            for keys in places:
                if not any(_same(each, keys) for each in ours):
                    yield Missed(row.name, rule, keys, _reason(rule, keys, seen))


def _reason(rule: str, keys: Keys, seen: Seen) -> str:
    found = next((told for told, holds in REASONS.get(rule, ()) if holds(keys, seen)), OPEN)
    return UNPLACED if found == OPEN and keys == ("paths",) else found


def _same(ours: Keys, theirs: Keys) -> bool:
    """One of the places is in the other, and no schema lies between; the root is in every place."""
    shorter, longer = sorted((ours, theirs), key=len)
    if not ours:
        return True
    between = longer[len(shorter) :]
    return len(between) <= 2 and longer[: len(shorter)] == shorter and not _BELOW & set(between)


def _see(path: Path) -> Seen:
    source = parse_leniently(path.read_bytes(), path, BOUNDS)
    library = Library(File(path.name, str(path), source), path.parent)
    api = read_api(library)
    seen = Seen(library.root, api)
    alone = set()
    for schema in walk(api, library):
        taken = schema.direction == "request"
        places = seen.taken if taken else seen.answered
        keys = tuple(map(str, schema.node.keys()))
        places[keys] = schema.name
        if taken:
            more = bounds_of(schema.said).keys() - schema.node.fields.keys()
            (seen.bounded if more else alone).add(keys)
    seen.bounded -= alone
    seen.operations = {tuple(map(str, each.node.keys())): each for each in api.operations}
    return seen
