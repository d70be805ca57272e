"""What the doors inside an application share: the path in full, and what is told of the caller."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, Protocol
from urllib.parse import quote

from tokenward.base.problems import Refusal
from tokenward.gateway.access import AccessRequest, Allow, Decision, Deny
from tokenward.gateway.doors.answers import Answer, own
from tokenward.gateway.doors.running import Running
from tokenward.gateway.engine import Engine
from tokenward.gateway.paths import canonical_path

SCOPE_KEY = "tokenward"
"""The key in an ASGI scope's `state` under which the `Caller` is."""

ENVIRON_KEY = "tokenward.caller"
"""The key in a WSGI environ under which the `Caller` is."""

_NO_CLAIMS: Mapping[str, object] = MappingProxyType({})


class Undecided(RuntimeError):  # noqa: N818 - reads as the condition it is
    """Nobody decided on this request: Tokenward's middleware is not in front of what asks."""

    def __init__(self) -> None:
        super().__init__(
            "Tokenward's middleware did not decide on this request: put it before everything else"
        )


class Caller(NamedTuple):
    """Who calls, as the decision found it.

    Attributes:
        api: the API's name in the policy.
        operation: `METHOD /template` of the operation that was decided on.
        subject: as the inside JWT's `sub`; None for an anonymous call of a public operation.
        person: whether the subject is a person; otherwise it is the client itself.
        client_id: the client; None for an anonymous call.
        scope: what the token allows; empty for an anonymous call.
        token_id: the name of the token or API key, for logs; None for an anonymous call.
        act: who acts for the subject (RFC 8693 §4.1), or None.
        claims: what else the policy releases to this API.
        authorization_details: what exactly the token allows beside scopes, an element each (RFC 9396).
    """

    api: str
    operation: str
    subject: str | None = None
    person: bool = False
    client_id: str | None = None
    scope: frozenset[str] = frozenset()
    token_id: str | None = None
    act: Mapping[str, object] | None = None
    claims: Mapping[str, object] = _NO_CLAIMS
    authorization_details: tuple[Mapping[str, object], ...] = ()

    @property
    def anonymous(self) -> bool:
        """Whether nobody knows who it is."""
        return self.client_id is None

    @classmethod
    def of_scope(cls, scope: Mapping[str, object]) -> "Caller":
        """The caller of the request with this ASGI scope.

        Raises:
            Undecided: no middleware of ours let it pass.
        """
        state = scope.get("state")
        return _caller(state.get(SCOPE_KEY) if isinstance(state, Mapping) else None)

    @classmethod
    def of_environ(cls, environ: Mapping[str, object]) -> "Caller":
        """The caller of the request with this WSGI environ.

        Raises:
            Undecided: no middleware of ours let it pass.
        """
        return _caller(environ.get(ENVIRON_KEY))


def _caller(found: object) -> Caller:
    if not isinstance(found, Caller):
        raise Undecided
    return found


def caller(allow: Allow) -> Caller:
    """Whose call was allowed."""
    facts = None if allow.would_deny is not None else allow.facts  # nobody vouches for what would be refused
    if facts is None:
        return Caller(allow.api, allow.operation)
    return Caller(
        allow.api,
        allow.operation,
        facts.subject or facts.user_id or facts.client_id,
        facts.user_id is not None,
        facts.client_id,
        facts.scope,
        facts.token_id,
        facts.act,
        facts.claims or _NO_CLAIMS,
        facts.authorization_details,
    )


class EngineSource(Protocol):
    """Where a door gets the engine of its process. Wired in `app`."""

    async def engine(self) -> Engine:
        """The engine, started if it does not run yet.

        Raises:
            Refusal: UNAVAILABLE, it cannot be started now.
        """

    @property
    def running(self) -> Running | None:
        """What is under way and has no end of its own; None where no engine runs."""


async def ask(engines: EngineSource, request: AccessRequest) -> Decision | Answer:
    """What becomes of the request: the decision, or what the gateway itself has to say there."""
    try:
        engine = await engines.engine()
    except Refusal as refusal:
        return Deny(refusal.problem, refusal.detail, headers={"retry-after": "1"})
    answer = own(engine, request)
    return answer if answer is not None else await engine.decide(request)


def full_path(raw: bytes, root: str) -> bytes:
    """The path as the world outside writes it, still percent-encoded: what is to be decided on.

    Some servers and routers leave out of the path below what they are mounted (`root_path`, `SCRIPT_NAME`),
    others do not. Whatever this says, the application is told the same.

    Args:
        raw: the path as sent.
        root: the part, percent-decoded, that belongs to whoever routed to this application; mostly "".
    """
    if not root:
        return raw
    try:
        path, before = canonical_path(raw), _canonical_root(root)
    except Refusal:
        return b""  # one of them has two readings, and so nothing has the right one
    if path == before or path.startswith(f"{before}/"):
        return raw
    return before.encode("ascii") + raw


@lru_cache(maxsize=1024)
def _canonical_root(root: str) -> str:
    return canonical_path(quote(root, safe="/").encode("ascii")).rstrip("/")
