"""From the text of a parameter to the value that its schema speaks of (OpenAPI 3.1 §4.8.12.3).

Text becomes a number or a boolean only in the spelling of JSON, and only where the schema admits that type:
what only a lenient program would read (`+1`, `007`, `True`) fails.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,32})?(?:[eE][+-]?[0-9]{1,2})?")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_BOOLEANS = {"true": True, "false": False}

Value = str | int | float | bool | None
Decoder = Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class Form:
    """How a value is written.

    Attributes:
        types: that a scalar may have, or an item of a list.
        properties: of an object that is written as one text: their types by name. None for anything else.
        is_list: whether it is a list.
        separator: between the items or members of one text; None where each is a text of its own.
        pairs: whether members are written `name=value`, rather than name and value in turn.
    """

    types: frozenset[str]
    properties: Mapping[str, frozenset[str]] | None = None
    is_list: bool = False
    separator: bytes | None = None
    pairs: bool = False

    def read(self, texts: list[bytes], decode: Decoder) -> object:
        """The value.

        Args:
            texts: as sent, in that order.
            decode: how texts of this place are encoded.

        Raises:
            ValueError: several texts for one value, or one that cannot be decoded. It names the rule.
        """
        if self.is_list:
            parts = texts if self.separator is None else _split(one(texts), self.separator)
            return [scalar(decode(each), self.types) for each in parts]
        text = one(texts)
        if self.properties is None or self.separator is None:
            return scalar(decode(text), self.types)
        parts = _split(text, self.separator)
        if self.pairs:
            members = [(name, value) for name, _, value in (part.partition(b"=") for part in parts)]
        elif len(parts) % 2:
            raise ValueError("style")
        else:
            members = list(zip(parts[::2], parts[1::2], strict=True))
        value = {}
        for raw, member in members:
            name = decode(raw)
            if name in value:
                raise ValueError("repeated")
            value[name] = scalar(decode(member), self.properties.get(name, frozenset({"string"})))
        return value


def percent_decoded(text: bytes) -> str:
    """A text of a path (RFC 3986 §2.1).

    Raises:
        ValueError: "encoding": what two programs would decode to different texts.
    """
    if _BAD_ESCAPE.search(text):
        raise ValueError("encoding")
    return plain(unquote_to_bytes(text))


def form_decoded(text: bytes) -> str:
    """A text of a query, where `+` is a space (HTML's `application/x-www-form-urlencoded`).

    Raises:
        ValueError: as above.
    """
    return percent_decoded(text.replace(b"+", b" "))


def plain(text: bytes) -> str:
    """A text of a header or cookie, which is not encoded any further.

    Raises:
        ValueError: as above.
    """
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("encoding") from None


def scalar(text: str, types: frozenset[str]) -> Value:
    """The value that the text stands for, of the most particular type that it has the form of."""
    if "number" in types and _NUMBER.fullmatch(text):
        return float(text) if set(text) & set(".eE") else int(text)
    if "integer" in types and _INTEGER.fullmatch(text):
        return int(text)
    if "boolean" in types and text in _BOOLEANS:
        return _BOOLEANS[text]
    return text


def one(texts: list[bytes]) -> bytes:
    """The only one.

    Raises:
        ValueError: "repeated".
    """
    if len(texts) != 1:
        raise ValueError("repeated")
    return texts[0]


def _split(text: bytes, separator: bytes) -> list[bytes]:
    return text.split(separator) if text else []
