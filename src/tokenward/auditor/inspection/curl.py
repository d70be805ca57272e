"""The credentials that a curl command would send."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from tokenward.auditor.inspection.credential import Presented
from tokenward.auditor.inspection.headers import from_header
from tokenward.auditor.inspection.shell import words

# Options that take an argument (curl's manual page); those without credentials are here to be passed over.
_SHORT = frozenset("AbcCdDeEFHKmoPQrtTuUwxXyYz")
_LONG = {
    "header": "H", "proxy-header": "H", "user": "u", "proxy-user": "u", "oauth2-bearer": "bearer",
    "cookie": "b", "url": "url", "data": "d", "data-raw": "d", "data-ascii": "d", "data-binary": "d",
    "data-urlencode": "d", "json": "d", "config": "K",
    **dict.fromkeys(
        ("request", "output", "user-agent", "referer", "proxy", "cert", "key", "cacert", "capath",
         "max-time", "connect-timeout", "resolve", "connect-to", "retry", "write-out", "form", "cookie-jar",
         "dump-header", "interface", "range", "upload-file", "noproxy", "unix-socket", "aws-sigv4", "pass",
         "cert-type", "key-type", "ciphers", "tls-max", "max-redirs", "retry-delay", "limit-rate"),
        "",
    ),
}  # fmt: skip

# What a query or a form may carry (RFC 6749, RFC 6750 §2.2 and §2.3, RFC 7521 §4.2, RFC 8693 §2.1).
PARAMETERS = frozenset(
    ("access_token", "refresh_token", "id_token", "id_token_hint", "token", "jwt", "assertion", "apikey",
     "api_key", "api-key", "key", "client_secret", "client_assertion", "subject_token", "actor_token",
     "code", "request", "logout_token", "auth", "sig", "password")
)  # fmt: skip

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HOST = re.compile(
    r"(?:localhost|[\w.-]+\.[a-z]{2,}|\d+(?:\.\d+){3}|\[[0-9a-f:]+\])(?::\d+)?(?:[/?]|$)", re.IGNORECASE
)


@dataclass(slots=True)
class Command:
    """What was found in a command.

    Attributes:
        found: the credentials.
        notes: what could not be seen in it.
    """

    found: list[Presented] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(text: str) -> Command:
    """The credentials in the first curl command of a text.

    Raises:
        BadCommand: it is no command.
    """
    split = words(text)
    command = Command()
    arguments = list(_arguments(split.words))
    urls = [value for option, value in arguments if option == "url"]
    to = next((origin for origin in map(origin_of, urls) if origin), "")
    for option, value in arguments:
        command.found += _found(option, value, to)
        if what := _unread(option, value):
            command.notes.append(f"{what} from a file, which was not read.")
    for name in split.variables:
        what = "a command's output" if name == "(" else f"the variable {name}"
        command.notes.append(
            f"The command takes {what} from the shell, which nobody expanded: what stands there was not seen."
        )
    return command


def _found(option: str, value: str, to: str) -> Iterator[Presented]:
    match option:
        case "H":
            yield from from_header(value, to)
        case "u":
            yield Presented(value, "the option -u", "login", to)
        case "bearer":
            yield Presented(value, "the option --oauth2-bearer", "bearer", to)
        case "b":
            yield from from_header(f"Cookie: {value}", to) if "=" in value else ()
        case "d":
            yield from from_form(value, "the body", to)
        case "url":
            yield from from_url(value)


def _unread(option: str, value: str) -> str:
    """What stands in a file that the command names; "" where it names none."""
    if option == "H" and value.startswith("@"):
        return "Headers come"
    if option == "b" and "=" not in value:
        return "Cookies come"
    return "Options come" if option == "K" else ""


def from_url(url: str) -> Iterator[Presented]:
    """The credentials in a URL: user and password, query and fragment."""
    url = url if _URL.match(url) else f"http://{url}"
    try:
        parts = urlsplit(url)
        user, password = parts.username, parts.password
    except ValueError:
        return
    to = origin_of(url)
    if user and password is not None:
        yield Presented(f"{unquote(user)}:{unquote(password)}", "the URL, before the host", "login", to)
    for where, text in (("the query", parts.query), ("the fragment", parts.fragment)):
        for each in from_form(text, where, to):
            yield Presented(each.text, f"{each.place} of the URL", "url", to)


def from_form(text: str, where: str, to: str) -> Iterator[Presented]:
    """The credentials in a query or a form, by the names of their parameters."""
    try:
        pairs = parse_qsl(text, max_num_fields=200)
    except ValueError:
        return
    for name, value in pairs:
        if name.lower() in PARAMETERS:
            yield Presented(value, f"{name} in {where}", "", to)


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL; "" where it is none. curl takes what has no scheme for HTTP."""
    try:
        parts = urlsplit(url if _URL.match(url) else f"http://{url}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme.lower()}://{host}{f':{port}' if port else ''}" if host else ""


def _arguments(given: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What each option that matters is given, and ("url", …) for what is no option."""
    start = next((number for number, word in enumerate(given) if _is_curl(word)), -1)
    rest = iter(given[start + 1 :])
    for word in rest:
        if word.startswith("--"):
            name, joined, value = word[2:].partition("=")
            if name in _LONG:
                yield _LONG[name], value if joined else next(rest, "")
        elif word.startswith("-") and len(word) > 1:
            for at, letter in enumerate(word[1:], start=2):
                if letter in _SHORT:  # the rest of the word is its argument, or the next word
                    yield letter, word[at:] or next(rest, "")
                    break
        elif _URL.match(word) or _HOST.match(word):
            yield "url", word


def _is_curl(word: str) -> bool:
    return word.rsplit("/", 1)[-1] in {"curl", "curl.exe"}
