"""Asking a validator, and telling what failed without a word of the caller's.

A validator's own message quotes the value, and making one for a schema with alternatives can take a thousand
times as long as the answer. So the answer comes first, and the reason only where it is cheap.
"""

from typing import NamedTuple

from jsonschema_rs import Draft202012Validator, ValidationError

UNTOLD = "schema"
"""The rule that is told where finding out would take too long."""


class Failure(NamedTuple):
    """Where a value fails: a JSON pointer into it with only documented names, and the schema's keyword."""

    pointer: str
    rule: str


def judged(
    validator: Draft202012Validator, value: object, names: frozenset[str], *, tell: bool = True
) -> Failure | None:
    """None if the value is valid.

    Args:
        validator: of the schema.
        value: as parsed.
        names: those of properties that may be told; any other is a `*`.
        tell: whether to find out where it fails.
    """
    if validator.is_valid(value):
        return None
    if not tell:
        return Failure("", UNTOLD)
    try:
        validator.validate(value)
    except ValidationError as error:
        pointer = "".join(f"/{_told(key, names)}" for key in error.instance_path)
        return Failure(pointer, error.kind.name)
    return Failure("", UNTOLD)  # one of the two is wrong, and the stricter counts


def _told(key: str | int, names: frozenset[str]) -> str:
    if isinstance(key, int):
        return str(key)
    return key.replace("~", "~0").replace("/", "~1") if key in names else "*"  # RFC 6901 §3
