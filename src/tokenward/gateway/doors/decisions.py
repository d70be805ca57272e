"""The door for engines in front that carry the traffic themselves: Envoy, nginx, Traefik, Caddy.

An engine shows a request here (`ext_authz`, `auth_request`, forward-auth) and gets the decision, written as
an HTTP answer. There are two ways to show one:

    METHOD /decide/head/its/path?and=query     the request itself, below a prefix, without its body
    METHOD /decide/whole/its/path?and=query    the same, and its whole body
    GET    /decide/forwarded                   in `X-Forwarded-Method`, `-Uri`, `-Host`, `-Proto`, `-For`

What the engine knows of the connection it says in headers of ours, which it must never take from a client.
Allow is a 200 without a body, whose headers say what to change of the request and of the API's answer;
anything else is the client's answer as it is. Every decision says so in `tokenward-decision`: what does not
is none, and nothing may pass by it.
"""

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from tokenward.base.origins import CSRF_HEADER
from tokenward.base.problems import MALFORMED, UNAVAILABLE, Refusal
from tokenward.gateway.access import AccessRequest, Allow, Decision, Deny, HeldBody, Preflight
from tokenward.gateway.doors import answers
from tokenward.gateway.doors.answers import Answer
from tokenward.gateway.edits import edits
from tokenward.gateway.engine import Engine
from tokenward.gateway.headers import Verdict, verdict
from tokenward.tokens.binding import ClientCertificate

HEAD, WHOLE, FORWARDED = b"/decide/head", b"/decide/whole", b"/decide/forwarded"
"""The prefixes. What follows the first two is the request's target, as the client sent it."""

PEER, SCHEME, CERTIFICATE = b"x-tokenward-peer", b"x-tokenward-scheme", b"x-tokenward-certificate"
"""Facts that the engine adds: the client's address, `http` or `https`, and its certificate if it proved one's
key in the TLS handshake, as percent-encoded PEM."""

REMOVED = b"x-envoy-auth-headers-to-remove"
"""Names which the request loses on its way up; called so because Envoy does as it says without being told."""

Headers = Sequence[tuple[bytes, bytes]]

COPIED = (b"authorization", b"cookie", b"x-request-id", b"traceparent", b"tracestate")
"""What an engine that shows requests in the third way has to copy from the answer; it is always there."""

_FACTS = frozenset({PEER, SCHEME, CERTIFICATE})
_METHOD, _URI, _HOST, _PROTO, _FOR = (
    b"x-forwarded-method",
    b"x-forwarded-uri",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-forwarded-for",
)
_FORWARDED = frozenset({_METHOD, _URI, _HOST, _PROTO, _FOR})
# What engines of this kind add, or settle with the client, and what a decision reads.
_MAY_STAY = frozenset(
    {b"x-forwarded-port", b"x-forwarded-server", b"x-real-ip", CSRF_HEADER}
    | {b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"expect", b"http2-settings"}
)
_SCHEMES = frozenset({b"http", b"https"})

API = b"tokenward-api"
"""Whose request it is, by the API's name: an engine that would forward it to another one must not."""

DEFAULTS = b"tokenward-defaults"
"""The headers of an answer that an API does not say itself: each `name: value`, with a tab between them.
They are one header, since an engine takes each through many hands, and an API's decisions have the same."""

_ALLOW, _DENY, _PREFLIGHT = ((b"tokenward-decision", said) for said in (b"allow", b"deny", b"preflight"))
_PRIVATE = (b"tokenward-private", b"1")

_log = logging.getLogger("tokenward.gateway.decisions")


class Asked(NamedTuple):
    """What an engine sent.

    Attributes:
        method: of the engine's request.
        target: likewise, still percent-encoded.
        headers: likewise, names in lower case, in the order sent.
        body: likewise.
    """

    method: str
    target: bytes
    headers: Headers
    body: bytes = b""


class _Shown(NamedTuple):
    """The client's request, and whether it was told in headers."""

    request: AccessRequest
    forwarded: bool = False


class DecisionDoor:
    """Answers engines.

    Args:
        engine: decides.
        certificate: the certificate (DER) in a value of `CERTIFICATE`; raises Refusal where there is none.
    """

    __slots__ = ("_certificate", "_engine")

    def __init__(self, engine: Engine, certificate: Callable[[bytes], bytes]) -> None:
        self._engine = engine
        self._certificate = certificate

    async def answer(self, asked: Asked) -> Answer:
        """The decision on what is shown. Raises nothing."""
        try:
            shown = self._read(asked)
        except Refusal as refusal:
            return denied(refusal) if refusal.problem is MALFORMED else no_decision(refusal)
        decision = await self._engine.decide(shown.request)
        if not shown.forwarded:
            return _written(decision, shown.request)
        if isinstance(decision, Preflight):
            # Its 204 would be taken for a yes, and the browser's question be the API's to answer.
            return no_decision(Refusal(UNAVAILABLE, "an engine asks here about a preflight"))
        answer = _written(decision, shown.request)
        there = {name for name, _ in answer.headers}
        # Engines of this kind copy what they were told to copy, and some make up what is not there.
        nothing = [(name, b"") for name in COPIED if name not in there] if isinstance(decision, Allow) else []
        return answer._replace(headers=(*answer.headers, *nothing))

    def _read(self, asked: Asked) -> _Shown:
        if asked.target.startswith(HEAD):
            return self._below(asked, asked.target[len(HEAD) :], None)
        if asked.target.startswith(WHOLE):
            return self._below(asked, asked.target[len(WHOLE) :], HeldBody(asked.body))
        if asked.target.partition(b"?")[0] == FORWARDED:  # some append the client's query
            return _forwarded(asked)
        raise Refusal(UNAVAILABLE, "an engine asks at a place that is none")

    def _below(self, asked: Asked, target: bytes, body: HeldBody | None) -> _Shown:
        facts, headers = _parted(asked.headers, _FACTS)
        if not facts.get(PEER) or facts.get(SCHEME) not in _SCHEMES:
            raise Refusal(UNAVAILABLE, "an engine does not say who its client is")
        shown = facts.get(CERTIFICATE)
        certificate = ClientCertificate.from_der(self._certificate(shown)) if shown else None
        request = _request(asked.method, target, headers, facts[PEER], body=body, certificate=certificate)
        return _Shown(request)


def denied(refusal: Refusal) -> Answer:
    """The decision on a request that cannot even be read."""
    _log.info("a request was refused unread: %s", refusal.detail)
    status, headers, body = answers.refused(Deny(refusal.problem, refusal.detail))
    return Answer(status, (*headers, _DENY), body)


def no_decision(refusal: Refusal) -> Answer:
    """What an engine gets that asked for nothing that can be decided on. Its client gets a 503."""
    _log.warning("an engine got no decision: %s", refusal.detail)
    return answers.refused(Deny(refusal.problem, refusal.detail))


def _forwarded(asked: Asked) -> _Shown:
    facts, headers = _parted(asked.headers, _FORWARDED)
    # The last one is whom the engine itself saw; what is before it, the client may have written.
    peer = facts.get(_FOR, b"").rpartition(b",")[2].strip()
    if not peer or facts.get(_PROTO) not in _SCHEMES or not facts.get(_METHOD) or not facts.get(_URI):
        raise Refusal(UNAVAILABLE, "an engine does not say what its client asks for")
    headers = [(b"host", facts.get(_HOST, b"")), *(each for each in headers if each[0] != b"host")]
    for name, _ in headers:
        if verdict(name) is Verdict.DROP and name not in _MAY_STAY:
            # Such an engine removes names that it was given before it asks, and no others.
            raise Refusal(MALFORMED, f"an engine passes {name.decode('latin-1')} on")
    method = facts[_METHOD].decode("latin-1")
    return _Shown(_request(method, facts[_URI], headers, peer), forwarded=True)


def _parted(
    headers: Headers, facts: frozenset[bytes]
) -> tuple[dict[bytes, bytes], list[tuple[bytes, bytes]]]:
    """What the engine says itself, and what its client said."""
    found: dict[bytes, bytes] = {}
    others = []
    for header in headers:
        if header[0] not in facts:
            others.append(header)
        elif header[0] in found:
            raise Refusal(UNAVAILABLE, "an engine says the same of its client twice")
        else:
            found[header[0]] = header[1]
    return found, others


def _request(
    method: str,
    target: bytes,
    headers: list[tuple[bytes, bytes]],
    peer: bytes,
    *,
    body: HeldBody | None = None,
    certificate: ClientCertificate | None = None,
) -> AccessRequest:
    path, _, query = target.partition(b"?")
    host = next((value for name, value in headers if name == b"host"), b"")
    return AccessRequest(
        method,
        path,
        query,
        tuple(headers),
        peer.decode("latin-1"),
        host.decode("latin-1"),
        certificate,
        body,
        by_engine=True,
    )


def _written(decision: Decision, request: AccessRequest) -> Answer:
    if not isinstance(decision, Allow):
        answer = answers.decided(decision)
        said = _PREFLIGHT if isinstance(decision, Preflight) else _DENY
        return answer._replace(headers=(*answer.headers, said))
    removed, put = edits(decision, request)
    headers = [_ALLOW, (API, decision.api.encode()), *put]
    if removed:
        headers.append((REMOVED, b",".join(removed)))
    headers += [(b"tokenward-set-" + name, value) for name, value in decision.told]
    if decision.defaults:
        headers.append((DEFAULTS, _in_one(decision.defaults)))
    if decision.hides:
        headers.append((b"tokenward-hide", b",".join(decision.hides)))
    if decision.unauthorized:
        headers.append(_PRIVATE)
    if decision.max_age:
        headers += _kept(decision)
    return Answer(200, tuple(headers), b"")


@lru_cache(maxsize=256)
def _in_one(defaults: tuple[tuple[bytes, bytes], ...]) -> bytes:
    # No value holds a tab: a policy's are printable ASCII.
    return b"\t".join([name + b": " + value for name, value in defaults])


def _kept(allow: Allow) -> tuple[tuple[bytes, bytes], ...]:
    """How long an engine may answer by this decision, for requests that are the same in which facts."""
    return (
        (b"tokenward-max-age", str(allow.max_age).encode()),
        (b"tokenward-vary", " ".join(allow.vary).encode()),
    )
