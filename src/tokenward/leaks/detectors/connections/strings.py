"""Connection strings: one text that holds host, user and password."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from tokenward.leaks.detectors.compiling import compiled
from tokenward.leaks.detectors.connections.login import Login

# RFC 3986 §3.2.1 has this form of user information, and advises against it.
_ADDRESS: Final = (
    r"([A-Za-z][A-Za-z0-9+.\-]{1,24})://([^\s:@/\"'`<>\[\]{}(),;?#\\|]{0,80}):"
    r"([^\s@/\"'`<>{}\\]{3,200})@([\w\[][\w.\-:%\]]{0,200})"
)
# A token in the user's place, before nothing or what hosts of APIs take for it.
_ALONE: Final = (
    r"((?i:https?|git\+https?|svn|wss?))://([\w\-.~%+=]{16,200})(?::[xX]?)?@([\w\[][\w.\-:%\]]{0,200})"
    r"(/[\w.\-/]{0,200})?"
)
# The key of a Sentry DSN is made to stand in pages: https://docs.sentry.io/concepts/key-terms/dsn-explainer/.
_DSN_KEY: Final = re.compile(rb"[0-9a-f]{32}")
_DSN_PROJECT: Final = re.compile(rb"(?:/[\w.\-]+)*/\d+")
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
# Arguments of a function: DriverManager.getConnection, new PDO.
_ARGUMENTS: Final = (
    r"(?i)[\"'](jdbc:[a-z0-9]{2,20}|mysql|pgsql|sqlsrv|oci):(?://|[a-z0-9:]{0,20}@|thin:|host=|server=)?([\w.\-]{0,120})"
    r"[^\s\"'<>]{0,300}[\"'],\s{0,40}[\"']([^\s\"']{1,80})[\"'],\s{0,40}[\"']([^\s\"']{3,120})[\"']"
)
_LIBPQ: Final = (
    r"(?:host|hostaddr)=([\w.\-/]{1,120})\s(?:\w+=[^\s\"'`]+\s){0,10}password=([^\s\"'`\\]{3,120})"
)
# What wakes each form.
TRIGGERS: Final = {
    "address": r"://[^\s:@/\"'`<>\[\]{}(),;?#\\|]{0,80}:[^\s@/\"'`<>{}\\]{3,200}@[\w\[]",
    "alone": r"://[\w\-.~%+=]{16,}(?::[xX]?)?@[\w\[]",
    "jdbc": r"(?i)jdbc:[a-z0-9:]{2,40}[^\s\"'`<>]{0,300}[?;&](?:password|pwd)=[^\s\"'`<>&;]{3}",
    "arguments": (
        r"(?i)[\"'](?:jdbc|mysql|pgsql|sqlsrv|oci):[^\s\"'<>]{1,460}[\"'],"
        r"\s*[\"'][^\s\"']{1,80}[\"'],\s*[\"'][^\s\"']{3}"
    ),
    "pairs": r"(?i);\s?(?:password|pwd)\s?=\s?[^;\"'\n]{3}",
    "libpq": r"(?:host|hostaddr)=[^\"'`\n]{1,300}\spassword=[^\s\"'`\\]{3}",
}
_USER: Final = r"(?i)(?:user(?:name|id)?|user id|uid)\s?=\s?([^;&\s\"']{1,80})"


@cache
def _patterns() -> dict[str, Any]:
    patterns = {
        "address": _ADDRESS,
        "alone": _ALONE,
        "jdbc": _JDBC,
        "arguments": _ARGUMENTS,
        "pairs": _PAIRS,
        "libpq": _LIBPQ,
        "user": _USER,
    }
    return {name: compiled(pattern) for name, pattern in patterns.items()}


def find(data: bytes, starts: Mapping[str, int]) -> Iterator[Login]:
    """The forms of these names, one after the other, each from an offset on."""

    def matches(form: str) -> Iterator[Any]:
        return _patterns()[form].finditer(data, starts[form]) if form in starts else iter(())

    for match in matches("address"):
        scheme, user, password, host = match.groups()
        protocol = scheme.decode().lower()
        if password in _NO_PASSWORDS:
            yield _login(match.span(2), user, b"", host, protocol, alone=True)
        else:
            yield _login(match.span(3), password, user, host, protocol)
    for match in matches("alone"):
        scheme, token, host, path = match.groups()
        if not (_DSN_KEY.fullmatch(token) and _DSN_PROJECT.fullmatch(path or b"")):
            yield _login(match.span(2), token, b"", host, scheme.decode().lower(), alone=True)
    for match in matches("jdbc"):
        protocol, host, password = match.groups()
        yield _login(match.span(3), password, _user(match.group()), host, protocol.decode().lower())
    for match in matches("arguments"):
        protocol, host, user, password = match.groups()
        yield _login(match.span(4), password, user, host, protocol.decode().lower())
    for match in matches("pairs"):
        around = data[max(0, match.start() - 200) : match.end() + 200]
        host = match.group(1).strip().removeprefix(b"tcp:").split(b",")[0]
        yield _login(match.span(2), match.group(2).strip(), _user(around), host, "a database")
    for match in matches("libpq"):
        host, password = match.groups()
        yield _login(match.span(2), password, _user(match.group()), host, "postgresql")


def _login(
    span: tuple[int, int], secret: bytes, user: bytes, host: bytes, protocol: str, *, alone: bool = False
) -> Login:
    # An address may have escapes in it (RFC 3986 §2.1).
    plain = unquote_to_bytes(secret) if b"%" in secret else secret
    return Login(*span, secret, plain, user, host.decode("latin-1"), protocol, alone)


def _user(text: bytes) -> bytes:
    found = _patterns()["user"].search(text)
    return found.group(1) if found else b""
