"""The security headers of an API's answers, for what the API does not say itself.

They are made when the policy is loaded: a decision picks one of two ready lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

Headers = tuple[tuple[bytes, bytes], ...]

DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "x-content-type-options": "nosniff",
        "content-security-policy": "frame-ancestors 'none'",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",  # of answers to callers with a credential
        "strict-transport-security": "max-age=31536000",  # where clients come by https
    }
)


@dataclass(frozen=True, slots=True)
class AnswerHeaders:
    """What is added to an API's answers.

    Attributes:
        anonymous: to those of calls without a credential.
        authenticated: to all others.
    """

    anonymous: Headers = ()
    authenticated: Headers = ()


NO_HEADERS = AnswerHeaders()


def answer_headers(own: Mapping[str, str | None], *, https: bool) -> AnswerHeaders:
    """The headers of one API.

    Args:
        own: lower-case names of `DEFAULTS` → another value, or None for no such header.
        https: whether clients come by https.
    """
    merged = {name: own.get(name, text) for name, text in DEFAULTS.items()}
    if not https:
        merged["strict-transport-security"] = None  # RFC 6797 §7.2
    both = tuple((name.encode(), text.encode()) for name, text in merged.items() if text is not None)
    return AnswerHeaders(tuple(each for each in both if each[0] != b"cache-control"), both)
