"""The embedded door: a reverse proxy that asks the engine about every request, as an ASGI application.

Serve it without any middleware that rewrites the peer or the scheme from headers (uvicorn: `proxy_headers`
off): both are taken from the connection.
"""

import json
import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

from tokenward.base.asgi import PROBLEM_JSON, Receive, Scope, Send, client_certificate, respond
from tokenward.base.entropy import random_bytes
from tokenward.base.problems import METHOD_NOT_ALLOWED, NOT_FOUND, UPGRADE_REFUSED, Refusal, problem_json
from tokenward.gateway.access import AccessRequest, Allow, Deny
from tokenward.gateway.doors.forward import DEFAULT_LIMITS, Forwarder, Limits
from tokenward.gateway.engine import Engine
from tokenward.gateway.headers import outgoing
from tokenward.gateway.policy import RESERVED, is_reserved
from tokenward.tokens.binding import ClientCertificate

_UPSTREAM = logging.getLogger("tokenward.gateway.upstream")

_RESERVED = RESERVED.encode()
_DENIED = (
    PROBLEM_JSON,
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_JWKS_HEADERS = ((b"content-type", b"application/jwk-set+json"), (b"cache-control", b"max-age=10"))
# Scripts of any origin may read it, as the metadata of the authorization server.
_METADATA_HEADERS = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"public, max-age=300"),
    (b"access-control-allow-origin", b"*"),
)
_HEALTH_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


class ProxyDoor:
    """The ASGI application."""

    __slots__ = ("_engine", "_forwarder")

    def __init__(self, engine: Engine, limits: Limits = DEFAULT_LIMITS) -> None:
        self._engine = engine
        self._forwarder = Forwarder(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request; refuse WebSockets; on lifespan shutdown, close the upstream connections."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await _refuse_websocket(scope, receive, send)
        else:
            await self._lifespan(receive, send)

    async def close(self) -> None:
        """Close the upstream connections. For servers that know no lifespan."""
        await self._forwarder.close()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read(scope)
        if is_reserved(request.raw_path.decode("latin-1")):
            await self._own(request, send)
            return
        decision = await self._engine.decide(request)
        if isinstance(decision, Deny):
            await write(decision, send)
            return
        try:
            await self._pass_on(decision, request, scope, receive, send)
        except Refusal as refusal:  # raised only before the response began
            await write(Deny(refusal.problem, refusal.detail), send)

    async def _pass_on(
        self, allow: Allow, request: AccessRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        request_id = random_bytes(16).hex()  # the form of a W3C trace id
        try:
            await self._forwarder.forward(
                scope,
                receive,
                _telling(send, allow.told) if allow.told else send,
                upstream=allow.upstream,
                path=allow.upstream_path,
                headers=outgoing(
                    request.headers,
                    inside_jwt=allow.inside_jwt,
                    peer=request.peer,
                    scheme=scope["scheme"],
                    host=request.host,
                    request_id=request_id,
                ),
            )
        except Refusal as refusal:
            _UPSTREAM.warning(
                "api=%s operation=%s request_id=%s reason=%s detail=%s",
                allow.api,
                allow.operation,
                request_id,
                refusal.problem.code,
                refusal.detail,
            )
            raise

    async def _own(self, request: AccessRequest, send: Send) -> None:
        """What the gateway itself has to say; nothing that is reserved for it is ever forwarded."""
        name = request.raw_path.removeprefix(_RESERVED)
        metadata = self._engine.resource_metadata(request.raw_path.decode("latin-1"))
        if name not in {b"jwks.json", b"health"} and metadata is None:
            await write(Deny(NOT_FOUND), send)
        elif request.method not in {"GET", "HEAD"}:
            await write(Deny(METHOD_NOT_ALLOWED, headers={"allow": "GET, HEAD"}), send)
        elif metadata is not None:
            await respond(send, 200, metadata, _METADATA_HEADERS)
        elif name == b"jwks.json":
            await self._jwks(send)
        elif self._engine.fresh():
            await respond(send, 200, b'{"status":"ok"}', _HEALTH_HEADERS)
        else:
            await respond(send, 503, b'{"status":"revocations unconfirmed"}', _HEALTH_HEADERS)

    async def _jwks(self, send: Send) -> None:
        try:
            body = json.dumps(self._engine.minter.jwks()).encode()
        except Refusal as refusal:  # which keys are good is not known now; who asks keeps what it has
            await write(Deny(refusal.problem, refusal.detail), send)
        else:
            await respond(send, 200, body, _JWKS_HEADERS)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        if message["type"] == "lifespan.shutdown":
            await self.close()
            await send({"type": "lifespan.shutdown.complete"})


def read(scope: Scope) -> AccessRequest:
    """The request as it arrived. A server that does not tell the raw path gets every request refused."""
    headers = tuple(scope["headers"])
    client = scope.get("client")
    shown = client_certificate(scope)
    host = next((value for name, value in headers if name == b"host"), b"")
    return AccessRequest(
        scope["method"],
        scope.get("raw_path") or b"",
        scope["query_string"],
        headers,
        client[0] if client else "",
        host.decode("latin-1"),
        ClientCertificate.from_der(shown) if shown is not None else None,
    )


def _telling(send: Send, told: tuple[tuple[bytes, bytes], ...]) -> Send:
    """`send`, with these headers added to the answer where it has none of that name."""

    async def telling(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            there = {name for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(each for each in told if each[0] not in there)]
        await send(message)

    return telling


async def write(deny: Deny, send: Send) -> None:
    """The refusal as RFC 9457 problem details, with the challenge of RFC 6750 §3 where there is one."""
    further: Mapping[str, str] = deny.headers
    told = [(name.encode(), value.encode()) for name, value in further.items()]
    if deny.challenge:
        told.append((b"www-authenticate", deny.challenge.encode()))
    await respond(send, deny.problem.status, problem_json(deny.problem), (*_DENIED, *told))


async def _refuse_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()  # websocket.connect
    if "websocket.http.response" in scope.get("extensions", {}):
        body = problem_json(UPGRADE_REFUSED)
        length = (b"content-length", str(len(body)).encode())
        await send(
            {
                "type": "websocket.http.response.start",
                "status": UPGRADE_REFUSED.status,
                "headers": [*_DENIED, length],
            }
        )
        await send({"type": "websocket.http.response.body", "body": body})
    else:
        await send({"type": "websocket.close"})  # before acceptance: the server answers 403
