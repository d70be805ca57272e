"""The parameter `authorization_details` (RFC 9396 §2): one JSON array, read strictly and bounded."""

import json
from collections.abc import Sequence

from tokenward.tokens.authorization_details.types import Detail
from tokenward.tokens.credential_guard import CredentialInClaim, check_claims
from tokenward.tokens.strict_json import extent, read_value

PARAMETER = "authorization_details"

MAX_LENGTH = 3_000
"""Characters of the parameter: it travels in a URL, with everything else that is asked for."""

MAX_DETAILS = 5
"""Elements: a person has to read them all."""

_MAX_LEVELS = 4  # the array, an element, a field of it, a list or an object in that
_MAX_VALUES = 200


def read_parameter(text: str) -> tuple[Detail, ...]:
    """The elements, each with a `type`.

    Raises:
        ValueError: it is anything but one array of objects with a type, is too large, holds the same twice,
            or a credential. The message quotes nothing.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"more than {MAX_LENGTH} characters")
    levels, values = extent(text, _MAX_LEVELS)
    if levels > _MAX_LEVELS or values > _MAX_VALUES:
        raise ValueError(f"more than {_MAX_LEVELS} levels or {_MAX_VALUES} values")
    try:
        text.encode()  # lone surrogates are no text: UnicodeEncodeError is a ValueError
        details = read_value(text)
    except ValueError:
        raise ValueError("no strict JSON") from None
    if not isinstance(details, list) or not 0 < len(details) <= MAX_DETAILS:
        raise ValueError(f"no array of 1 to {MAX_DETAILS} elements")
    if not all(isinstance(each, dict) and isinstance(each.get("type"), str) for each in details):
        raise ValueError("an element that is no object with a type")
    if len(set(map(_key, details))) != len(details):
        raise ValueError("the same is there twice")
    try:
        check_claims({PARAMETER: details})
    except CredentialInClaim as found:
        raise ValueError(str(found)) from None
    return tuple(details)


def written(details: Sequence[Detail]) -> str | None:
    """The elements as JSON, to be kept; None where there are none."""
    return json.dumps(list(details), separators=(",", ":")) if details else None


def read_written(text: str | None) -> tuple[Detail, ...]:
    """What `written` wrote."""
    return () if text is None else tuple(json.loads(text))


def is_part(details: Sequence[Detail], of: Sequence[Detail]) -> bool:
    """Whether each of the elements is among the others, exactly (RFC 9396 §6.1 leaves it to us)."""
    return set(map(_key, details)) <= set(map(_key, of))


def _key(detail: Detail) -> str:
    """Python takes 1 for true; JSON does not."""
    return json.dumps(detail, sort_keys=True)
