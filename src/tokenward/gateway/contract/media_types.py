"""Media types of request bodies (RFC 9110 §8.3.1), and which documented range one falls into."""

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

T = TypeVar("T")

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 §5.6.2
_TYPE = re.compile(rf"({_TOKEN})/({_TOKEN})")
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*(?:({_TOKEN})=({_TOKEN}|"(?:[^"\\\x00-\x1f]|\\[\x20-\x7e])*"))?')


FORM = ("application", "x-www-form-urlencoded")
MULTIPART = ("multipart", "form-data")


class MediaType(NamedTuple):
    """A media type in lower case; `charset` and `boundary` are "" where none is named."""

    type: str
    subtype: str
    charset: str = ""
    boundary: str = ""

    @property
    def is_json(self) -> bool:
        """RFC 8259 §11, RFC 6839 §3.1."""
        return self.subtype == "json" or self.subtype.endswith("+json")


def parse(text: str) -> MediaType:
    """What a Content-Type says.

    Raises:
        ValueError: it is malformed, or says a parameter twice: of two charsets, programs pick either.
    """
    found = _TYPE.match(text)
    if found is None:
        raise ValueError("malformed")
    parameters: dict[str, str] = {}
    at = found.end()
    while at < len(text):
        parameter = _PARAMETER.match(text, at)
        if parameter is None:
            raise ValueError("malformed")
        at = parameter.end()
        if parameter[1]:
            name = parameter[1].lower()
            if name in parameters:
                raise ValueError("repeated")
            parameters[name] = parameter[2].strip('"')
    charset, boundary = parameters.get("charset", "").lower(), parameters.get("boundary", "")
    return MediaType(found[1].lower(), found[2].lower(), charset, boundary)


def chosen(sent: MediaType, documented: Mapping[tuple[str, str], T]) -> T | None:
    """What is documented for it: of an exact type, else of `type/*`, else of `*/*` (OpenAPI 3.1 §4.8.13)."""
    for key in ((sent.type, sent.subtype), (sent.type, "*"), ("*", "*")):
        if key in documented:
            return documented[key]
    return None
