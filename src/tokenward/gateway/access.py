"""What a decision is asked about, and what it says: the only vocabulary that doors and engine share.

What every request makes anew is a named tuple: a frozen dataclass takes three times as long to make.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple, Protocol

from tokenward.base.addresses import Network
from tokenward.base.problems import Problem
from tokenward.gateway.bounds import UNBOUND, Bounds
from tokenward.gateway.trace import UNTRACED, Trace
from tokenward.gateway.upstreams import Pool
from tokenward.tokens.binding import ClientCertificate, Confirmation


class Body(Protocol):
    """A request's body, for the one step that may look at it. Where nobody reads it, it streams."""

    @property
    def expected(self) -> bool:
        """False where the framing says that none follows (RFC 9112 §6.3)."""

    async def read(self, limit: int) -> bytes | None:
        """All of it, or None if it is longer than `limit` bytes. It is passed on whole either way.

        May be called again, with another limit.

        Raises:
            Refusal: CLIENT_SILENT, MALFORMED: the rest did not come.
        """


@dataclass(frozen=True, slots=True)
class HeldBody:
    """A body that is there already."""

    data: bytes = field(default=b"", repr=False)

    @property
    def expected(self) -> bool:
        """Whether there is any."""
        return bool(self.data)

    async def read(self, limit: int) -> bytes | None:
        """It, unless it is too long."""
        return self.data if len(self.data) <= limit else None


class AccessRequest(NamedTuple):
    """One request as it arrived, before anybody has interpreted it.

    Attributes:
        method: as sent, case kept.
        raw_path: the path as sent, still percent-encoded, without the query.
        query: the raw query string, without the question mark.
        headers: names in lower case, in the order sent, repetitions kept.
        peer: the address of the connection's other end; throttling is by it.
        host: the Host or :authority value, "" when absent.
        certificate: whose key the client proved in the TLS handshake; None where it showed none.
        body: None at a door that cannot show it, where nothing passes whose body has to be looked at.
        by_engine: whether an engine in front asks, which carries the call itself.
    """

    method: str
    raw_path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    peer: str
    host: str = ""
    certificate: ClientCertificate | None = None
    body: Body | None = None
    by_engine: bool = False


class Violation(NamedTuple):
    """In what a request differs from the API's document; told in the document's words, never the caller's.

    Attributes:
        kind: what is wrong, a row of `contract.violations.KINDS`.
        name: of the parameter, or a JSON pointer (RFC 6901) into the body; "" where only the caller named it.
        rule: the keyword of the schema, or a word of ours, such as `undocumented`.
    """

    kind: str
    name: str
    rule: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.rule}" if self.name else f"{self.kind}: {self.rule}"


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """From where, and how often, an API key may be used.

    Attributes:
        key_id: its name.
        addresses: the peer must be in one of these networks; empty for any.
        origins: `Origin` must be one of these values; empty for any, and for none.
        rate: calls a minute, or None.
    """

    key_id: str
    addresses: tuple[Network, ...] = ()
    origins: frozenset[bytes] = frozenset()
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a live credential stands for, as its issuer says.

    `credential` is the weakest one in its chain (`store.records.Credential`). Times are seconds since 1970.
    `subject` is the person's subject as this audience may know it; None stands for the `user_id`.
    `claims` are what the audience's release policy adds to the inside JWT.
    `amr` is what the person did to sign in (RFC 8176), `auth_time` when; known only where a tier asks for it.
    `cnf` is the key that the token is bound to, `act` who acts by it (RFC 8693 §4.1), `ancestors`
    all that it was exchanged for (`store.records.AccessToken`), `unbound_behind` whether any of these is
    bound to no key: whoever stole it could have it exchanged, for a token that is bound.
    `authorization_details` is what exactly it allows beside scopes, an element each (RFC 9396 §2).
    `key` holds the terms of an API key, also for a token that its holder got for it; otherwise it is None.
    `believed_until` is when all of this has to be asked for again, because nobody would tell of a revocation.
    """

    token_id: str
    grant_id: str | None
    client_id: str
    user_id: str | None
    scope: frozenset[str]
    audience: str
    credential: str
    issued_at: float
    expires_at: float
    subject: str | None = None
    claims: Mapping[str, object] | None = None
    cnf: Confirmation | None = None
    act: Mapping[str, object] | None = None
    ancestors: tuple[str, ...] = ()
    unbound_behind: bool = False
    amr: tuple[str, ...] = ()
    auth_time: float | None = None
    authorization_details: tuple[Mapping[str, object], ...] = ()
    key: KeyTerms | None = None
    believed_until: float = inf

    @property
    def is_ours(self) -> bool:
        """Whether our issuer gave it out: of nothing else would anybody tell of a revocation."""
        return self.believed_until == inf

    @property
    def is_api_key(self) -> bool:
        """Whether it is an API key itself."""
        return self.key is not None and self.key.key_id == self.token_id


class TokenResolver(Protocol):
    """How the gateway learns what a credential stands for. Wired to the store in `app`."""

    async def resolve(self, token: str, token_id: str) -> TokenFacts | None:
        """The facts of a well-formed token that is live now; None if unknown, expired or revoked.

        One bounded lookup by locator, then a comparison of keyed hashes in constant time.

        Raises:
            Refusal: UNAVAILABLE, the answer cannot be known.
        """

    async def resolve_api_key(self, key: str) -> TokenFacts | None:
        """The facts of an API key that is live now, with its key_id as `token_id` and its terms as `key`.

        None if it is unknown, expired or revoked. It is well-formed, or has a form of somebody else's, which
        a key that was imported may have.

        Raises:
            Refusal: UNAVAILABLE, the answer cannot be known.
        """


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the explanation of a decision: which step, whether it passed, and why."""

    name: str
    passed: bool
    why: str


class Allow(NamedTuple):
    """Let it pass, to one of `pool` at `upstream_path`, with `inside_jwt` as the only credential.

    Attributes:
        api: the API's name in the policy.
        operation: `METHOD /template` of the matched operation.
        pool: where the API behind listens; the door chooses among several.
        upstream_path: the canonical path below it, percent-encoded.
        inside_jwt: None only for an operation of tier `public` that was called without a credential.
        facts: whose call it is, or None for an anonymous one.
        told: headers for the answer; `told.with_told` puts them beside the API's own.
        defaults: further headers, for what the API does not say itself.
        hides: beginnings of header names that the API may not say itself.
        max_age: seconds for which this answer may be cached for the same `vary` facts; 0 forbids it.
        vary: names of the request facts that the answer depends on.
        violations: of the API's document, where these are only reported.
        path: the canonical path in full, percent-encoded.
        trace: names the exchange, for client, log and backend.
        bounds: how large and slow it may be, where not as usual at the door.
        report_only: nothing is enforced at this API yet: the door passes the client's own credentials on.
        would_deny: what it would be refused for then; None if for nothing.
        websocket: whether it is the handshake of one.
        session: whether it is by the session of a browser app, of whose end nobody tells us.
        unauthorized: whether its credential came in a cookie or X-API-Key. Only by `Authorization` do shared
            caches know that an answer is not for everybody (RFC 9111 §3.5), and it is the API that got one.
    """

    api: str
    operation: str
    pool: Pool
    upstream_path: str
    inside_jwt: str | None
    facts: TokenFacts | None
    told: tuple[tuple[bytes, bytes], ...] = ()
    defaults: tuple[tuple[bytes, bytes], ...] = ()
    hides: tuple[bytes, ...] = ()
    max_age: int = 0
    vary: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    path: str = ""
    trace: Trace = UNTRACED
    bounds: Bounds = UNBOUND
    report_only: bool = False
    would_deny: Problem | None = None
    websocket: bool = False
    session: bool = False
    unauthorized: bool = False

    @property
    def reason(self) -> str:
        """As logs and metrics name it."""
        return "allow"


@dataclass(frozen=True, slots=True)
class Deny:
    """Refuse it, for a reason from the catalogue.

    Attributes:
        problem: the row; its code is the reason code of logs and metrics.
        detail: for the operator's log; holds no credential.
        challenge: the `WWW-Authenticate` value, or "".
        headers: further response headers, such as Retry-After and Allow.
        api: as far as the decision got; "" if it matched none.
        operation: likewise.
        facts: whose call it would have been, as far as the decision got.
        trace: as in `Allow`.
        violations: of the API's document, for which it is refused.
        shadow: the method, where an API was asked for what its document does not list; "other" for one that
            no operation can have, "" otherwise.
    """

    problem: Problem
    detail: str = ""
    challenge: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    api: str = ""
    operation: str = ""
    facts: TokenFacts | None = None
    trace: Trace = UNTRACED
    violations: tuple[Violation, ...] = ()
    shadow: str = ""

    @property
    def reason(self) -> str:
        """As logs and metrics name it."""
        return self.problem.code


class Preflight(NamedTuple):
    """Answer it in the API's place: a browser asks whether a page may make a call, and it may (Fetch §3.2.2).

    Attributes:
        api: the API's name in the policy.
        operation: the one that the page would call, as in `Allow`.
        headers: the whole of the answer, whose status is 204.
        trace: as in `Allow`.
        facts: nobody's call: browsers ask without a credential.
    """

    api: str
    operation: str
    headers: Mapping[str, str]
    trace: Trace = UNTRACED
    facts: None = None

    @property
    def reason(self) -> str:
        """As logs and metrics name it."""
        return "preflight"


Decision = Allow | Deny | Preflight
