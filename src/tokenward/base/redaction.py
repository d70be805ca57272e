"""The last net: what looks like a credential is masked in everything that is logged.

Code must not log credentials in the first place; this is for what comes with the text of foreign exceptions,
libraries' messages and request lines. A token of ours keeps its locator (`tkw_at_0123456789A[…]`), which is
the name that people and the audit trail use for it.

Every pattern takes time linear in the text: it begins only at a fixed text, and what it runs over after that
is bounded, consumed by the match, or cannot hold another beginning.
"""

import logging
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from json import dumps

MASK = "[…]"

# Names whose value is a secret wherever it stands; a longer name that ends so counts as well.
_CERTAIN = (
    "secret|passw(?:or)?d|passphrase|pepper|api_?key|private_?key|assertion|code_verifier|device_code|user_code"
    r"|(?:access|refresh|(?<![a-z])id|subject|actor|csrf|session|admin)_?token"
)
# Names that are also words of prose, or end the names of fields that operators read, such as `error_code`.
_AMBIGUOUS = "token|code|otp"
_HEADERS = "(?:proxy-)?authorization|(?:set-)?cookie|x-api-key|dpop"

_SCHEME = "(?:Bearer|Basic|DPoP)"  # of RFC 9110 §11.4
_QUOTED_NAME = (
    r"\\{0,3}[\"']\s*[:,]"  # in JSON (perhaps inside a JSON string) or the repr of a dict or a pair
)
# An escaped quote does not end it; one that begins with an escaped quote is inside another string.
_QUOTED = r"\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?|\\{1,3}\"[^\"\n]*\"?"
_WORD = r"(?:[^\s&,;)}\]]|(?<=…)\])+"


def _pair(names: str, separator: str, value: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<name>(?:{names})(?:{_QUOTED_NAME}|{separator})\s*(?:b(?=[\"'])|{_SCHEME}[ \t]+)?)"
        rf"(?P<value>{_QUOTED}|{value})",
        re.IGNORECASE,
    )


# Whichever of the two begins first takes the text: each may look like a piece of the other.
_TOKENS = re.compile(
    # An opaque token of any prefix and kind, even cut short.
    r"(?P<named>_[a-z]{2}_(?!eyJ)[0-9A-Za-z]{11})[0-9A-Za-z]{12,}"
    # JWS, JWE and their parts: the base64url of a JSON object begins with eyJ.
    r"|(?P<jwt>eyJ)[0-9A-Za-z_-]{8,}(?:\.[0-9A-Za-z_-]*){0,4}"
)
_PRIVATE_KEY = re.compile(r"(-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----)[^-]*")
# postgresql://user:password@host, up to the last @: people forget to escape one in the password.
_URL_PASSWORD = re.compile(r"(://[^\s:/@]{0,100}:)[^\s/]{1,200}@")
_USERINFO = re.compile(r"(?<=://)[^\s/?#]+@")  # RFC 3986 §3.2.1
_VALUES = (
    _pair(rf"\b(?:{_HEADERS})", r"\s*[:=]", r"[^\n]*"),
    # A scheme followed by more than a word of prose or a challenge's parameters.
    re.compile(
        rf"(?P<name>\b{_SCHEME}[ \t]+)(?!realm=)(?P<value>(?=\S*(?:[\d=+/]|(?-i:[a-z][A-Z]))|\S{{20}})\S+)",
        re.IGNORECASE,
    ),
    # Form fields, query parameters, JSON members, keyword arguments.
    _pair(_CERTAIN, r"\s*[:=]", _WORD),
    _pair(rf"(?<![0-9A-Za-z_-])(?:{_AMBIGUOUS})", "=", _WORD),
)
# What `_TOKENS` leaves of a token of ours.
_NAMED = re.compile(rf"[0-9A-Za-z]{{0,16}}_[a-z]{{2}}_[0-9A-Za-z]{{11}}{re.escape(MASK)}")


def _mask_token(match: re.Match[str]) -> str:
    return (match["named"] or match["jwt"]) + MASK


def _mask_value(match: re.Match[str]) -> str:
    return match["name"] + (" ".join(_NAMED.findall(match["value"])) or MASK)


def redact(text: str) -> str:
    """`text` with everything that looks like a credential masked."""
    text = _TOKENS.sub(_mask_token, text)
    text = _PRIVATE_KEY.sub(rf"\1{MASK}", text)
    for pattern in _VALUES:
        text = pattern.sub(_mask_value, text)
    return _URL_PASSWORD.sub(rf"\1{MASK}@", text)


def redact_userinfo(text: str) -> str:
    """`text` with what stands before the `@` of its addresses masked, and nothing else changed.

    For reports, which repeat others' words: `redact` would also mask what only looks like a credential.
    """
    return _USERINFO.sub(f"{MASK}@", text)


class RedactingFormatter(logging.Formatter):
    """One record a line, as `key=value` pairs or as JSON: time (UTC), level, logger, message.

    Message, arguments and traceback are redacted after they were put together, so that a credential is found
    wherever it came from. A line break or control character in a message is escaped, and the lines of a
    traceback are indented: nobody can forge a record.
    """

    def __init__(self, *, json: bool = False) -> None:
        super().__init__()
        self._json = json

    def format(self, record: logging.LogRecord) -> str:
        """The record as text. Unlike the base class it leaves nothing unredacted in `record.exc_text`."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(_message(record)),
        }
        trace = "\n".join(redact(part) for part in self._trace(record))
        if self._json:
            return dumps({**fields, "exception": trace} if trace else fields)
        line = " ".join(f"{key}={_value(value)}" for key, value in fields.items())
        return line + "".join(f"\n    {_printable(part)}" for part in trace.splitlines())

    def _trace(self, record: logging.LogRecord) -> Iterator[str]:
        if record.exc_info:
            yield self.formatException(record.exc_info)
        elif record.exc_text:
            yield record.exc_text
        if record.stack_info:
            yield record.stack_info


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - else `logging` prints the arguments to standard error as they are
        return f"a message that does not fit its arguments: {record.msg!s}"


def _printable(text: str) -> str:
    return text if text.isprintable() else _quoted(text)[1:-1]


def _quoted(text: str) -> str:
    """As a JSON string, and with every control character escaped, not only those that JSON asks for."""
    whole = dumps(text, ensure_ascii=False)
    return "".join(character if character.isprintable() else dumps(character)[1:-1] for character in whole)


def _value(text: str) -> str:
    plain = text and text.isprintable() and not any(character in text for character in ' "=\\')
    return text if plain else _quoted(text)


def configure_logging(level: str = "INFO", *, json: bool = False) -> None:
    """Send every logger of this process through one redacting handler on standard error.

    Handlers that others attached to named loggers are taken off, so that nothing is written around it.

    Raises:
        ValueError: the level is none that `logging` knows.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(json=json))
    root = logging.getLogger()
    root.setLevel(level.upper())
    root.handlers = [handler]
    for name in list(root.manager.loggerDict):
        named = logging.getLogger(name)
        named.handlers, named.propagate = [], True
    # They log request lines at INFO and header lists at DEBUG; or, at INFO, what no operator needs.
    for name in ("httpx", "httpcore", "alembic", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # a handler that fails would print the record as it is
