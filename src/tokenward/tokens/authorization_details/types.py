"""A type of authorization details (RFC 9396 §2.1), and the one reading of what a request says in it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema_rs import Draft202012Validator

from tokenward.tokens.authorization_details import schema, wording
from tokenward.tokens.authorization_details.plain_text import why_misleading
from tokenward.tokens.authorization_details.schema import RESERVED, Mistake, Schema
from tokenward.tokens.authorization_details.wording import Told

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._~:/-]{0,99}")
"""Of a type: a word, or a URI of one's own (RFC 9396 §2.1)."""

Detail = Mapping[str, Any]
"""One element of `authorization_details`."""


@dataclass(frozen=True, slots=True)
class DetailType:
    """One type, of one API.

    Attributes:
        name: the value of `type`.
        audience: of the API.
        says: the sentence for people, with `{field}` where a value belongs.
        fields: name → the schema of its value.
        optional: those of the fields that may be missing.

    Raises:
        ValueError: `mistakes` finds something.
    """

    name: str
    audience: str
    says: str
    fields: Mapping[str, Schema]
    optional: frozenset[str] = frozenset()
    _validator: Draft202012Validator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for mistake in mistakes(self.name, self.says, self.fields, self.optional):
            raise ValueError(f"{self.name}: {mistake.text}")
        object.__setattr__(self, "_validator", schema.validator(self.fields, self.optional))

    def why_not(self, detail: Detail) -> str:
        """Why an element of this type cannot be granted, in words that quote no value; "" if it can."""
        if "locations" in detail and detail["locations"] != [self.audience]:  # RFC 9396 §2.2
            return f"locations are not [{self.audience}]"
        given = {name: value for name, value in detail.items() if name not in RESERVED}
        if not self._validator.is_valid(given):
            error = next(iter(self._validator.iter_errors(given)))
            place = "/".join(map(str, error.instance_path))
            return (
                f"{self.name} differs from its schema {f'at {place}' if place else 'in what members it has'}"
            )
        return next(filter(None, map(why_misleading, _texts(given))), "")

    def told(self, detail: Detail) -> Told:
        """An element that can be granted, for people to read."""
        return wording.told(self.says, self.fields, detail)


def mistakes(name: str, says: str, fields: Mapping[str, Any], optional: frozenset[str]) -> Iterator[Mistake]:
    """What is wrong with the description of a type. Locations begin with `says`, `fields` or `optional`."""
    if not NAME.fullmatch(name):
        yield Mistake((), "this is no name of a type", "use letters, digits and . _ ~ : / -, a letter first")
    found = [Mistake(("fields", *it.location), it.text, it.remedy) for it in schema.mistakes(fields)]
    yield from found
    for unknown in sorted(optional - fields.keys()):
        yield Mistake(("optional",), f"there is no field {unknown!r}", "name fields that may be missing")
    # Of a field whose schema is to be mended it cannot be said yet what there is to tell.
    broken = {str(it.location[1]) for it in found if len(it.location) > 1}
    sound = {field: each for field, each in fields.items() if field not in broken}
    yield from wording.mistakes(says, sound, optional, broken)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
