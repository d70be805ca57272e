"""What a door answers by itself, whatever it is written in: refusals, and what the gateway says of itself."""

import json
from typing import NamedTuple

from tokenward.base.asgi import PROBLEM_JSON
from tokenward.base.problems import METHOD_NOT_ALLOWED, NOT_FOUND, Refusal, problem_json
from tokenward.gateway.access import AccessRequest, Allow, Deny, Preflight
from tokenward.gateway.engine import Engine
from tokenward.gateway.policy import RESERVED, is_reserved

DENIED = (
    PROBLEM_JSON,
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)

_WELL_KNOWN = b"/.well-known/"
_JWKS_HEADERS = ((b"content-type", b"application/jwk-set+json"), (b"cache-control", b"max-age=10"))
# Scripts of any origin may read it, as the metadata of the authorization server.
_METADATA_HEADERS = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"public, max-age=300"),
    (b"access-control-allow-origin", b"*"),
)
_HEALTH_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


class Answer(NamedTuple):
    """One whole response, without its framing; names of headers are in lower case."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def refused(deny: Deny) -> Answer:
    """The refusal as RFC 9457 problem details, with the challenge of RFC 6750 §3 where there is one."""
    told = [(name.encode(), value.encode()) for name, value in deny.headers.items()]
    if deny.trace.request_id:
        told.append((b"x-request-id", deny.trace.request_id.encode()))
    if deny.challenge:
        told.append((b"www-authenticate", deny.challenge.encode()))
    violations = [each._asdict() for each in deny.violations]
    extra: dict[str, object] | None = {"violations": violations} if violations else None
    return Answer(deny.problem.status, (*DENIED, *told), problem_json(deny.problem, extra))


def decided(decision: Deny | Preflight | Answer) -> Answer:
    """What the client gets in place of the API's answer."""
    if isinstance(decision, Answer):
        return decision
    if isinstance(decision, Deny):
        return refused(decision)
    told = {**decision.headers, "x-request-id": decision.trace.request_id}
    return Answer(204, tuple((name.encode(), value.encode()) for name, value in told.items()), b"")


def failed(allow: Allow, refusal: Refusal) -> Deny:
    """The refusal of a call that was allowed and could not be passed on, with what its answer would tell."""
    told = {name.decode(): value.decode() for name, value in allow.told}
    if refusal.retry_after is not None:
        told["retry-after"] = str(refusal.retry_after)
    return Deny(
        refusal.problem,
        refusal.detail,
        headers=told,
        api=allow.api,
        operation=allow.operation,
        trace=allow.trace,
    )


def own(engine: Engine, request: AccessRequest, *, leaving: bool = False) -> Answer | None:
    """What the gateway itself has to say at a path that is reserved for it; None at any other.

    Args:
        engine: decides, and knows what is told.
        request: as it arrived.
        leaving: whether the process is about to end, so that nobody should be sent here.
    """
    if not request.raw_path.startswith(_WELL_KNOWN):  # nearly every request
        return None
    path = request.raw_path.decode("latin-1")
    if not is_reserved(path):
        return None
    name = path.removeprefix(RESERVED)
    metadata = engine.resource_metadata(path)
    if name not in {"jwks.json", "health"} and metadata is None:
        return refused(Deny(NOT_FOUND))
    if request.method not in {"GET", "HEAD"}:
        return refused(Deny(METHOD_NOT_ALLOWED, headers={"allow": "GET, HEAD"}))
    if metadata is not None:
        return Answer(200, _METADATA_HEADERS, metadata)
    if name == "jwks.json":
        return _jwks(engine)
    if leaving:
        return Answer(503, _HEALTH_HEADERS, b'{"status":"leaving"}')
    if engine.fresh():
        return Answer(200, _HEALTH_HEADERS, b'{"status":"ok"}')
    return Answer(503, _HEALTH_HEADERS, b'{"status":"revocations unconfirmed"}')


def _jwks(engine: Engine) -> Answer:
    try:
        body = json.dumps(engine.minter.jwks()).encode()
    except Refusal as refusal:  # which keys are good is not known now; who asks keeps what it has
        return refused(Deny(refusal.problem, refusal.detail))
    return Answer(200, _JWKS_HEADERS, body)
