"""Reading JSON that a caller sent: strict, and within bounds that are held before anything is parsed.

What two parsers would read differently (RFC 8259 §4, §8; RFC 7493 §2) is refused: the backend has another.
"""

from typing import Any, NamedTuple

from tokenward.tokens import strict_json

MAX_LEVELS = 32
MAX_VALUES = 50_000


class JsonTrouble(Exception):  # noqa: N818 - says what it is
    """It cannot be read.

    Attributes:
        kind: `json`, or `size` where it is too deep or holds too many values.
        rule: which rule it breaks.
    """

    def __init__(self, kind: str, rule: str) -> None:
        super().__init__(rule)
        self.kind = kind
        self.rule = rule


class Json(NamedTuple):
    """A JSON value, and how deep and how large it is at most."""

    value: Any
    levels: int
    values: int


def read_json(data: bytes) -> Json:
    """The JSON value that `data` holds.

    Raises:
        JsonTrouble: it is none, or breaks a bound.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise JsonTrouble("json", "utf-8") from None
    try:
        levels, values = strict_json.extent(text, MAX_LEVELS)
        if levels > MAX_LEVELS:
            raise JsonTrouble("size", "levels")
        if values > MAX_VALUES:
            raise JsonTrouble("size", "values")
        return Json(strict_json.read_value(text), levels, values)
    except ValueError:
        raise JsonTrouble("json", "syntax") from None
