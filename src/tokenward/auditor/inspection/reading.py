"""From what a person pastes to the credentials in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tokenward.auditor.inspection import curl, lenient
from tokenward.auditor.inspection.credential import Presented
from tokenward.auditor.inspection.headers import from_header, has_scheme, is_header, with_scheme
from tokenward.auditor.inspection.shell import BadCommand

MAX_INPUT = 1_048_576
"""Bytes: no server takes a header of a tenth of it."""

MAX_CREDENTIALS = 20
"""Nobody reads about more of them at once."""

_CURL = re.compile(r"(?:[$>%#]\s+)?(?:\w+=\S*\s+)*(?:\S*/)?curl(?:\.exe)?\s")
# sh, .env, cmd and PowerShell.
_VARIABLE = re.compile(
    r"(?:export\s+|set\s+|setx\s+|\$env:)?([A-Za-z_][A-Za-z0-9_.-]{0,100})\s*+=\s*+(\S.*)", re.IGNORECASE
)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_JWT = re.compile(r"eyJ[0-9A-Za-z_+/=-]+\.\S*")
_JWT_OVER_LINES = re.compile(r"eyJ[0-9A-Za-z_\s-]+(?:\.[0-9A-Za-z_\s-]*){1,4}")
_MEMBERS = ("access_token", "id_token", "refresh_token", "token", "logout_token", "client_assertion", "jwt")


class NothingToInspect(ValueError):  # noqa: N818 - says what it is
    """There is no credential in it; the message says why and what to hand over instead."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was found in it.

    Attributes:
        found: the credentials, as they stood there; at least one.
        notes: what the reader must know, a sentence each.
    """

    found: tuple[Presented, ...]
    notes: tuple[str, ...] = ()


def read(data: bytes) -> Read:
    """The credentials in a token, a header line, a curl command, an assignment, a URL or a token response.

    Args:
        data: up to `MAX_INPUT` bytes of UTF-8.

    Raises:
        NothingToInspect: there is none, or it is too large or no text.
    """
    if len(data) > MAX_INPUT:
        raise NothingToInspect(f"it is larger than {MAX_INPUT // 1024:,} KiB, and no credential is")
    try:
        text = data.decode("utf-8-sig").strip("\0 \t\r\n")
    except UnicodeDecodeError:
        raise NothingToInspect("it is no text in UTF-8, and credentials are") from None
    if not text:
        raise NothingToInspect("there is nothing in it")
    notes: list[str] = []
    found = [each for each in _found(text, notes) if each.text.strip()]
    if not found:
        raise NothingToInspect(" ".join(["there is no credential in it.", *notes]))
    if len(found) > MAX_CREDENTIALS:
        notes.append(f"It holds {len(found):,} credentials: the first {MAX_CREDENTIALS} are told.")
    return Read(tuple(found[:MAX_CREDENTIALS]), tuple(dict.fromkeys(notes)))


def _found(text: str, notes: list[str]) -> Iterator[Presented]:
    if _CURL.match(text):
        command = _command(text)
        notes += command.notes
        return iter(command.found)
    lines = [line.strip() for line in text.splitlines()]
    if any(map(is_header, lines)):
        return (each for line in lines for each in from_header(line))
    return _in_lines(text, lines, notes)


def _command(text: str) -> curl.Command:
    try:
        return curl.read(text)
    except BadCommand as error:
        raise NothingToInspect(f"the command cannot be read: {error}") from None


def _in_lines(text: str, lines: list[str], notes: list[str]) -> Iterator[Presented]:
    if has_scheme(text):
        yield with_scheme(text, "a header's value")
    elif text.startswith("{"):
        yield from _in_response(text)
    elif _URL.fullmatch(text):
        yield from curl.from_url(text)
    elif _JWT.fullmatch(text):  # whose padding is no assignment
        yield Presented(text, "what was handed over")
    elif assigned := [
        found for line in lines if (found := _VARIABLE.fullmatch(line)) and found[2].strip("=")
    ]:
        for each in assigned:
            yield from _assigned(each[1], _unquoted(each[2].strip()))
    elif len(lines) > 1 and _JWT_OVER_LINES.fullmatch(text):
        notes.append("It was broken into lines, which were joined.")
        yield Presented("".join(text.split()), "what was handed over")
    else:
        yield Presented(_unquoted(text), "what was handed over")


def _assigned(name: str, value: str) -> Iterator[Presented]:
    place = f"the variable {name}"
    yield with_scheme(value, place) if has_scheme(value) else Presented(value, place)


def _in_response(text: str) -> Iterator[Presented]:
    """The tokens in a token response (RFC 6749 §5.1), and a JWS in its JSON form as a whole."""
    document = lenient.read(text.encode())
    members = document.value if isinstance(document.value, dict) else {}
    found = False
    for name in _MEMBERS:
        if isinstance(value := members.get(name), str) and value:
            found = True
            yield Presented(value, f"the member {name}")
    if not found:
        yield Presented(text, "what was handed over")


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        return text[1:-1]
    return text
