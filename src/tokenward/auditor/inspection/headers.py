"""The credentials in a header of HTTP."""

import re
from collections.abc import Iterator

from tokenward.auditor.inspection.credential import Presented, Scheme

_SCHEMES: dict[str, Scheme] = {"bearer": "bearer", "dpop": "dpop", "basic": "basic", "token": "bearer"}
_WITH_SCHEME = re.compile(r"(bearer|dpop|basic|token)[ \t]+(?![=:])(\S.*)", re.IGNORECASE | re.DOTALL)
_KEYS = frozenset(
    ("x-api-key", "api-key", "apikey", "x-auth-token", "x-access-token", "x-amz-security-token",
     "private-token", "x-vault-token", "x-goog-api-key", "x-csrf-token", "ocp-apim-subscription-key")
)  # fmt: skip
_HEADER = re.compile(
    rf"(authorization|proxy-authorization|dpop|cookie|{'|'.join(sorted(_KEYS))})[ \t]*:[ \t]*(.*)",
    re.IGNORECASE | re.DOTALL,
)
MAX_COOKIES = 50
_SESSION = 16  # characters: a shorter cookie is a setting, unless its name says otherwise
_TELLING = re.compile(r"sess|token|auth|jwt|sid", re.IGNORECASE)


def is_header(line: str) -> bool:
    """Whether a line is a header that carries credentials."""
    return _HEADER.fullmatch(line.strip()) is not None


def from_header(line: str, to: str = "") -> Iterator[Presented]:
    """The credentials in a header line, such as `Authorization: Bearer …`; none in other headers.

    Args:
        line: of the form `Name: value`.
        to: the origin that it is sent to, if known.
    """
    found = _HEADER.fullmatch(line.strip())
    if found is None or not found[2].strip():
        return
    name, value = found[1].lower(), found[2].strip()
    if name == "cookie":
        for pair in value.split(";")[:MAX_COOKIES]:
            cookie, _, content = pair.strip().partition("=")
            if len(content) >= _SESSION or _TELLING.search(cookie):
                yield Presented(content.strip('"'), f"the cookie {cookie}", "cookie", to)
    elif name == "dpop":
        yield Presented(value, "the DPoP header", "proof", to)
    elif name in _KEYS:
        yield Presented(value, f"the {found[1]} header", "", to)
    else:
        yield with_scheme(value, f"the {found[1]} header", to)


def with_scheme(value: str, place: str, to: str = "") -> Presented:
    """What follows a scheme such as Bearer (RFC 9110 §11.4), or the whole where there is none."""
    found = _WITH_SCHEME.fullmatch(value)
    if found is None:
        return Presented(value, place, "", to)
    return Presented(found[2].strip(), f"{place} ({found[1]})", _SCHEMES[found[1].lower()], to)


def has_scheme(text: str) -> bool:
    """Whether a text is a scheme and what follows it."""
    return _WITH_SCHEME.fullmatch(text) is not None
