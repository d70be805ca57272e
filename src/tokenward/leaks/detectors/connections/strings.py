"""Connection strings: one text that holds host, user and password."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from tokenward.leaks.detectors.compiling import compiled


@dataclass(frozen=True, slots=True)
class Credentials:
    """A password in its place, with what stands beside it.

    Attributes:
        start: offset of the password.
        end: offset after it.
        password: as it is written.
        user: b"" where none stands there.
        host: "" where none stands there.
        protocol: such as "postgresql".
    """

    start: int
    end: int
    password: bytes = field(repr=False)
    user: bytes
    host: str
    protocol: str

    @property
    def plain(self) -> bytes:
        """The password without the escapes of an address."""
        return unquote_to_bytes(self.password) if b"%" in self.password else self.password


# RFC 3986 §3.2.1 has this form of user information, and advises against it.
_ADDRESS: Final = (
    r"([A-Za-z][A-Za-z0-9+.\-]{1,24})://([^\s:@/\"'`<>\[\]{}(),;?#\\|]{0,80}):"
    r"([^\s@/\"'`<>{}\\]{3,200})@([\w\[][\w.\-:%\]]{0,200})"
)
# What hosts of repositories take beside a token in the user's place.
_NO_PASSWORDS: Final = frozenset({b"x-oauth-basic", b"x-token-auth"})
_JDBC: Final = (
    r"(?i)(jdbc:[a-z0-9:]{2,40}):(?://|@|thin:)?([\w.\-]*)[^\s\"'`<>]{0,300}?"
    r"[?;&](?:password|pwd)=([^\s\"'`<>&;]{3,200})"
)
_PAIRS: Final = (
    r"(?i)(?:server|data ?source|host|hostname|addr|(?:network )?address)\s?=\s?([^;\"'\n=]{1,120});"
    r"(?:[^;\"'\n]*;){0,15}?\s?(?:password|pwd)\s?=\s?([^;\"'\n]{3,120})"
)
_LIBPQ: Final = (
    r"(?:host|hostaddr)=([\w.\-/]{1,120})\s(?:\w+=[^\s\"'`]+\s){0,10}password=([^\s\"'`\\]{3,120})"
)
TRIGGERS: Final = (
    r"://[^\s:@/\"'`<>\[\]{}(),;?#\\|]{0,80}:[^\s@/\"'`<>{}\\]{3,200}@[\w\[]",
    r"(?i)jdbc:[a-z0-9:]{2,40}[^\s\"'`<>]{0,300}[?;&](?:password|pwd)=[^\s\"'`<>&;]{3}",
    r"(?i);\s?(?:password|pwd)\s?=\s?[^;\"'\n]{3}",
    r"(?:host|hostaddr)=[^\"'`\n]{1,300}\spassword=[^\s\"'`\\]{3}",
)
_USER: Final = r"(?i)(?:user(?:name|id)?|user id|uid)\s?=\s?([^;&\s\"']{1,80})"


@cache
def _patterns() -> dict[str, Any]:
    patterns = {"address": _ADDRESS, "jdbc": _JDBC, "pairs": _PAIRS, "libpq": _LIBPQ, "user": _USER}
    return {name: compiled(pattern) for name, pattern in patterns.items()}


def find(data: bytes, start: int) -> Iterator[Credentials]:
    """All forms, one after the other."""
    patterns = _patterns()
    for match in patterns["address"].finditer(data, start):
        scheme, user, password, host = match.groups()
        span = match.span(3)
        if password in _NO_PASSWORDS:
            span, user, password = match.span(2), b"", user
        yield _credentials(span, password, user, host.decode("latin-1"), scheme.decode().lower())
    for match in patterns["jdbc"].finditer(data, start):
        protocol, host, password = match.groups()
        yield _credentials(
            match.span(3), password, _user(match.group()), host.decode(), protocol.decode().lower()
        )
    for match in patterns["pairs"].finditer(data, start):
        around = data[max(0, match.start() - 200) : match.end() + 200]
        host = match.group(1).strip().decode("latin-1").removeprefix("tcp:").split(",")[0]
        yield _credentials(match.span(2), match.group(2).strip(), _user(around), host, "a database")
    for match in patterns["libpq"].finditer(data, start):
        host, password = match.groups()
        yield _credentials(match.span(2), password, _user(match.group()), host.decode(), "postgresql")


def _credentials(
    span: tuple[int, int], password: bytes, user: bytes, host: str, protocol: str
) -> Credentials:
    return Credentials(span[0], span[1], password, user, host, protocol)


def _user(text: bytes) -> bytes:
    found = _patterns()["user"].search(text)
    return found.group(1) if found else b""
