"""One question to a provider, put together. Nothing of it is ever shown: it holds the credential."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from tokenward.leaks.rule import Check

_SENDABLE = re.compile(rb"[\x21-\x7e]{1,1500}")
_PLACEHOLDER = re.compile(r"\{(secret|pair)\}")


class CannotAsk(ValueError):  # noqa: N818 - reads as the condition it is
    """The question cannot be put. The text says why, without the credential."""


@dataclass(frozen=True, slots=True)
class Request:
    """What goes out.

    Attributes:
        method: of HTTP.
        url: with the credential, if it stands there.
        headers: by name.
        body: of a POST.
    """

    method: Literal["GET", "POST"]
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


def request(check: Check, secret: bytes, pair: str = "") -> Request:
    """The question of that check about one credential.

    Args:
        check: how the provider is asked.
        secret: the credential.
        pair: what was found beside it; "" for nothing.

    Raises:
        CannotAsk: a part is missing, or is nothing that HTTP carries as it is.
    """
    if not _SENDABLE.fullmatch(secret):
        raise CannotAsk("it has characters that no request carries")
    parts = {"secret": secret.decode("ascii"), "pair": pair}
    if any("{pair}" in text for text in check.texts) and not _SENDABLE.fullmatch(pair.encode()):
        raise CannotAsk("the part that belongs to it was not found beside it")
    headers = {name: _filled(value, parts) for name, value in check.headers.items()}
    if check.basic:
        both = _filled(check.basic, parts).encode("ascii")
        headers["Authorization"] = f"Basic {base64.b64encode(both).decode()}"
    # RFC 3986 §3.3: a colon needs no escape in a path.
    url = _filled(check.url, {name: quote(part, safe=":") for name, part in parts.items()})
    return Request(check.method, url, headers, check.body.encode("ascii") if check.body else None)


def _filled(template: str, parts: Mapping[str, str]) -> str:
    """In one pass: what is filled in is not looked into."""
    return _PLACEHOLDER.sub(lambda found: parts[found[1]], template)
