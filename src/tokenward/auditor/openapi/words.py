"""What names of parameters, properties and paths say, as far as anybody can tell by their words."""

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@lru_cache(maxsize=50_000)
def words(name: str) -> tuple[str, ...]:
    """`cardNumber`, `card_number` and `CARD-NUMBER` are ("card", "number")."""
    return tuple(word.lower() for word in _WORD.findall(name[:200]))


class Names:
    """Names that end in one of these: "api key" is that of `apiKey` and of `x-api-key`, not of `apiKeyId`.

    Args:
        phrases: words, divided by spaces.
    """

    def __init__(self, *phrases: str) -> None:
        self._phrases = frozenset(tuple(phrase.split()) for phrase in phrases)
        self._longest = max(map(len, self._phrases))

    @lru_cache(maxsize=50_000)  # noqa: B019 - a handful of tables that live as long as the program
    def __contains__(self, name: str) -> bool:
        said = words(name)
        return any(said[-length:] in self._phrases for length in range(1, self._longest + 1))


CREDENTIALS = Names(
    "password", "passwd", "pwd", "passphrase", "passcode", "secret", "client secret", "api key",
    "apikey", "access key", "secret key", "private key", "access token", "auth token",
    "refresh token", "id token", "bearer token", "session token", "api token", "jwt",
    "credentials", "otp", "pin code", "token", "security code",
)  # fmt: skip
"""What lets somebody in."""

STORED_SECRETS = Names(
    "password", "passwd", "pwd", "passphrase", "client secret", "private key", "secret key",
    "password hash", "hashed password", "password salt", "pin code", "security answer",
    "totp secret", "mfa secret", "api secret", "encryption key",
)  # fmt: skip
"""What has no business in an answer, ever: not even its owner needs to be told it again."""

PERSONAL_NUMBERS = Names(
    "ssn", "social security number", "social insurance number", "national id",
    "national identity number", "national insurance number", "tax id", "taxpayer id", "tax number",
    "passport number", "passport", "driver license", "drivers license", "driver licence",
    "card number", "credit card", "credit card number", "pan", "cvv", "cvc", "cvv2", "cvc2",
    "card cvv", "card cvc", "iban", "bank account number", "codice fiscale", "cpf", "aadhaar",
    "bsn", "date of birth", "birth date", "dob",
)  # fmt: skip
"""What identifies or pays, and is worth stealing."""

CARD_SECRETS = Names("cvv", "cvc", "cvv2", "cvc2", "card verification value", "card verification code", "pan")

PRIVILEGES = Names(
    "role", "roles", "permission", "permissions", "is admin", "admin", "is superuser", "superuser",
    "is staff", "is root", "owner id", "user role", "privileges", "access level", "account balance",
    "balance", "is verified", "verified", "email verified", "is active", "is approved", "approved",
    "credit limit", "tenant id",
)  # fmt: skip
"""What whoever writes it must not decide."""

INTERNALS = Names(
    "stack", "stack trace", "stacktrace", "traceback", "backtrace", "exception",
    "exception message", "exception type", "inner exception", "debug", "debug info",
    "debug message", "sql", "sql query", "line number", "class name",
)  # fmt: skip
"""What an error tells of the machine room."""

ADDRESSES = Names(
    "url", "uri", "callback", "callback url", "redirect", "redirect uri", "redirect url",
    "return url", "webhook", "webhook url", "target url", "endpoint url", "source url", "image url",
    "feed url", "proxy url", "next url", "href",
)  # fmt: skip
"""What names another server."""

FREE_TEXT = Names(
    "description", "comment", "comments", "note", "notes", "message", "text", "title", "name",
    "label", "summary", "body", "content", "subject", "reason", "q", "query", "search", "caption",
    "bio", "password", "first name", "last name", "address", "street", "city", "company",
)  # fmt: skip
"""What nobody can give a pattern to."""

RECORD_IDS = re.compile(r"id|.*(?:_id|Id|ID|-id)", re.DOTALL)
"""Names of ids of records."""

NO_CREDENTIALS = Names(
    "page token", "next token", "next page token", "continuation token", "sync token",
    "cursor token", "pagination token", "starting token", "skip token", "client token",
    "idempotency token", "csrf token", "xsrf token", "resume token", "change token", "token type",
    "delta token", "marker token", "request token",
)  # fmt: skip
"""What ends like a credential and lets nobody in."""


def is_credential(name: str) -> bool:
    """Something of that name lets somebody in."""
    return name in CREDENTIALS and name not in NO_CREDENTIALS
