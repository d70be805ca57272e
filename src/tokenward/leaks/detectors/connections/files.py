"""Files in which clients keep passwords: what stands where is known from the file's name or its form."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tokenward.leaks.detectors.compiling import compiled
from tokenward.leaks.detectors.connections.login import Login
from tokenward.leaks.text import Text


@dataclass(frozen=True, slots=True)
class Form:
    """How a file keeps passwords.

    Attributes:
        what: of which program.
        pattern: with the groups `secret` and, where they exist, `user` and `host`.
        trigger: what such a file holds at least; "" where it holds nothing of its own, and `names` tell.
        here: whether a text is such a file.
        names: of such files, where they have no others.
        encoded: the secret is base64 of user:password, or of the password.
    """

    what: str
    pattern: str
    trigger: str
    here: Callable[[Text], bool] = lambda _text: True
    encoded: bool = False
    names: frozenset[str] = frozenset()


_DOCKER: Final = Form(
    "a container registry",
    r"(?:\"(?P<host>[\w.\-:/]{1,200})\\?\"\s{0,8}:\s{0,8}\{[^{}]{0,400}?)?\\?\"auth\\?\"\s?:\s?\\?\"(?P<secret>[A-Za-z0-9+/]{8,600}={0,2})",
    r"\"auth\\?\"\s?:\s?\\?\"[A-Za-z0-9+/]{8,}={0,2}\\?\"",
    encoded=True,
)
FORMS: Final = (
    _DOCKER,
    Form(
        ".netrc",
        r"\bmachine\s+(?P<host>[\w.\-]+)\s+login\s+(?P<user>\S+)\s+password\s+(?P<secret>[^\s\"']{3,200})",
        r"\bmachine\s+[\w.\-]+\s+login\s+\S+\s+password\s",
    ),
    Form(
        ".pgpass",
        r"(?m)^(?P<host>[^:\s#]{1,200}):(?:\d{1,5}|\*):[^:\s]{1,100}:(?P<user>[^:\s]{1,100}):(?P<secret>\S{3,200})\s*$",
        "",
        names=frozenset({".pgpass", "pgpass", "pgpass.conf"}),
    ),
    Form(
        "an npm registry",
        r"(?P<host>//[\w.\-]+)[\w.\-/:]{0,200}:_(?:authToken|password)\s?=\s?\"?(?P<secret>[^\s\"'${<]{6,400})",
        r"//[\w.\-/:]{1,200}:_(?:authToken|password)\s?=\s?\"?[^\s\"'${<]{6}",
    ),
    Form(
        "an npm registry",
        r"(?m)^\s{0,8}_(?:authToken|password)\s?=\s?\"?(?P<secret>[^\s\"'${<]{6,400})",
        r"(?m)^\s{0,8}_(?:authToken|password)\s?=\s?\"?[^\s\"'${<]{6}",
        lambda text: "npmrc" in text.name,
    ),
    Form(
        "an npm registry",
        r"(?m)(?:(?P<host>//[\w.\-]+)[\w.\-/:]{0,200}:|^\s{0,8})_auth\s?=\s?\"?(?P<secret>[A-Za-z0-9+/]{8,400}={0,2})",
        r"(?m)(?::|^\s{0,8})_auth\s?=\s?\"?[A-Za-z0-9+/]{8}",
        encoded=True,
    ),
    Form(
        "a Python package index",
        r"(?m)^\s*password\s*[:=]\s*(?P<secret>\S{3,400})\s*$",
        r"(?m)^\s*password\s*[:=]\s*\S{3}",
        names=frozenset({".pypirc", "pypirc"}),
    ),
    Form(
        "a Maven repository",
        r"<server>[^{]{0,400}?(?:<username>(?P<user>[^<]{1,100})</username>\s*)?<(?:password|passphrase)>(?P<secret>[^<>\s{$]{3,200})</",
        r"<server>\s",
        lambda text: "settings" in text.name and text.suffix == ".xml",
    ),
    Form(
        "a NuGet feed",
        r"(?i)key=\"ClearTextPassword\"\s+value=\"(?P<secret>[^\"%<>]{3,200})\"",
        r"(?i)key=\"ClearTextPassword\"",
    ),
)
_HASHES: Final = r"(?m)^[\w.@\-]{1,64}:((?:\$apr1\$|\$2[aby]\$|\{SHA\}|\$[56]\$)[A-Za-z0-9./$+=]{20,120})"
_WORDPRESS: Final = r"'(?:(?:SECURE_)?AUTH|LOGGED_IN|NONCE)_(?:KEY|SALT)'\s?,\s{0,8}'([^'\n]{40,80})'"
TRIGGERS: Final = (*(form.trigger for form in FORMS if form.trigger), _HASHES, _WORDPRESS)
NAMES: Final = frozenset[str]().union(*(form.names for form in FORMS if not form.trigger))


@cache
def _patterns() -> tuple[tuple[Form, Any], ...]:
    return tuple((form, compiled(form.pattern)) for form in FORMS)


@cache
def _users() -> Any:  # noqa: ANN401 - re2 has no types
    return compiled(_HASHES)


@cache
def _keys() -> Any:  # noqa: ANN401 - re2 has no types
    return compiled(_WORDPRESS)


def find(text: Text, starts: Mapping[str, int]) -> Iterator[Login]:
    """The passwords of such files in the text, of each form from an offset on, by its trigger."""
    for form, pattern in _patterns():
        if form.trigger not in starts or not form.here(text) or (form.names and text.name not in form.names):
            continue
        for match in pattern.finditer(text.data, starts[form.trigger]):
            groups = {name.decode(): value or b"" for name, value in match.groupdict().items()}
            secret = groups["secret"]
            user, password = groups.get("user", b""), secret
            if form.encoded:
                user, colon, password = _plain(secret).partition(b":")
                if not colon:
                    continue
            host = groups.get("host", b"").decode("latin-1").strip("/")
            begin, end = match.span(pattern.groupindex[b"secret"])
            yield Login(begin, end, secret, password, user, host, form.what)


def hashes(data: bytes, starts: Mapping[str, int]) -> Iterator[tuple[int, int, bytes]]:
    """Hashes of passwords in a file of users (htpasswd, shadow)."""
    for match in _users().finditer(data, starts[_HASHES]) if _HASHES in starts else ():
        yield match.start(1), match.end(1), match.group(1)


def wordpress(data: bytes, starts: Mapping[str, int]) -> Iterator[tuple[int, int, bytes]]:
    """Keys and salts of WordPress, which may hold spaces."""
    for match in _keys().finditer(data, starts[_WORDPRESS]) if _WORDPRESS in starts else ():
        yield match.start(1), match.end(1), match.group(1)


def _plain(secret: bytes) -> bytes:
    try:
        plain = base64.b64decode(secret, validate=True).strip()
    except binascii.Error:
        return b""
    return plain if plain.isascii() and plain.decode().isprintable() else b""
