"""Which pages of other origins may call an API from a browser, and read its answers (Fetch §3.2).

The gateway says this, and the API behind it says nothing of it: two policies would be none. A browser asks
before most calls (the preflight), without any credential. The answer confirms what it asked about, if the
policy documents it, and tells nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tokenward.base.problems import MALFORMED, PREFLIGHT_REFUSED, Refusal

HIDDEN = (b"access-control-",)
"""What an API behind does not say itself (`Allow.hides`)."""

EXPOSED = (
    "Content-Disposition", "Deprecation", "DPoP-Nonce", "ETag", "Link", "Location", "RateLimit",
    "RateLimit-Policy", "Retry-After", "Sunset", "WWW-Authenticate", "X-Request-Id",
)  # fmt: skip
"""What pages may read of an answer, beside what any may (Fetch §2.2.2)."""

HEADERS = frozenset(
    {"accept", "authorization", "content-type", "dpop", "if-match", "if-none-match", "x-api-key"}
)
"""What pages may send without being named in the configuration."""

_VARY = "Origin"
_PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
_NULL = b"null"  # of a sandboxed frame or a file, which anybody can make


@dataclass(frozen=True, slots=True)
class Cors:
    """What an API allows to pages.

    Attributes:
        origins: exactly as browsers send them; empty for any.
        methods: of those that are documented; None for all of them.
        headers: request headers that pages may send, in lower case.
        credentials: whether browsers may add cookies and certificates of their own.
        max_age: seconds for which a browser need not ask again.
    """

    origins: frozenset[bytes]
    methods: frozenset[str] | None = None
    headers: frozenset[str] = HEADERS
    credentials: bool = False
    max_age: int = 600

    def permits(self, origin: bytes, method: str) -> bool:
        """Whether pages of that origin may call by that method."""
        known = origin in self.origins if self.origins else origin != _NULL
        return known and (self.methods is None or method in self.methods)

    def shared(self, origin: bytes) -> dict[str, str]:
        """What every answer says to a page of that origin."""
        told = {"access-control-allow-origin": origin.decode("ascii") if self.origins else "*"}
        return told | {"access-control-allow-credentials": "true"} if self.credentials else told


def answer_headers(cors: Cors, headers: Iterable[tuple[bytes, bytes]], method: str) -> dict[str, str]:
    """For the answer to a call, a refusal included: whether the page that made it may read it.

    Args:
        cors: the API's.
        headers: the call's.
        method: the call's.
    """
    told = {"vary": _VARY}
    origins = [value for name, value in headers if name == b"origin"]
    if len(origins) == 1 and cors.permits(origins[0], method):
        told |= cors.shared(origins[0])
        told["access-control-expose-headers"] = ", ".join(EXPOSED)
    return told


@dataclass(frozen=True, slots=True)
class Question:
    """What a browser asks before a call.

    Attributes:
        origin: of the page.
        method: of the call.
        headers: names that the call would have, in lower case.
    """

    origin: bytes
    method: str
    headers: tuple[str, ...]


def question(headers: Iterable[tuple[bytes, bytes]]) -> Question | None:
    """What an OPTIONS request with these headers asks; None if it is no preflight (Fetch §3.2.2).

    Raises:
        Refusal: MALFORMED, a field is there twice or is no ASCII.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name == b"origin" or name.startswith(b"access-control-request-"):
            if name in found or not value.isascii():
                raise Refusal(MALFORMED, "a preflight with a field twice, or no ASCII in it")
            found[name] = value
    origin = found.get(b"origin")
    method = found.get(b"access-control-request-method")
    if origin is None or method is None:
        return None
    listed = found.get(b"access-control-request-headers", b"").decode("ascii").lower().split(",")
    return Question(origin, method.decode("ascii"), tuple(each.strip() for each in listed if each.strip()))


def preflight(cors: Cors, asked: Question) -> Mapping[str, str]:
    """The headers of the answer to a preflight.

    Raises:
        Refusal: PREFLIGHT_REFUSED, the call may not be made.
    """
    if not cors.permits(asked.origin, asked.method):
        raise Refusal(PREFLIGHT_REFUSED, "another origin, or not this method")
    if not cors.headers.issuperset(asked.headers):
        raise Refusal(PREFLIGHT_REFUSED, "a request header that pages may not send")
    told = cors.shared(asked.origin)
    told["access-control-allow-methods"] = asked.method
    if asked.headers:
        told["access-control-allow-headers"] = ", ".join(asked.headers)
    return told | {"access-control-max-age": str(cors.max_age), "vary": _PREFLIGHT_VARY}
