"""The embedded door: a reverse proxy that asks the engine about every request, as an ASGI application.

Serve it without any middleware that rewrites the peer or the scheme from headers (uvicorn: `proxy_headers`
off): both are taken from the connection.
"""

import logging
from collections.abc import Callable, Iterator, MutableMapping
from functools import partial
from typing import Any, Never

from tokenward.base.asgi import Receive, Scope, Send, client_certificate, respond
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import UPGRADE_REFUSED, Refusal
from tokenward.gateway.access import AccessRequest, Allow, Body, Decision, Deny, HeldBody, Preflight
from tokenward.gateway.doors import health
from tokenward.gateway.doors.answers import Answer, decided, failed, own
from tokenward.gateway.doors.balancer import Member
from tokenward.gateway.doors.exchange import Exchange
from tokenward.gateway.doors.forward import Forwarder
from tokenward.gateway.doors.limits import DEFAULT_LIMITS, Limits
from tokenward.gateway.doors.request_body import RequestBody
from tokenward.gateway.doors.running import Held, Running
from tokenward.gateway.doors.websocket import Conversation
from tokenward.gateway.engine import Engine
from tokenward.gateway.headers import outgoing
from tokenward.gateway.told import with_told
from tokenward.tokens.binding import ClientCertificate

_SWITCHED = 101

_UPSTREAM = logging.getLogger("tokenward.gateway.upstream")


class ProxyDoor:
    """The ASGI application."""

    __slots__ = ("_clock", "_engine", "_exchanged", "_forwarder", "_patience", "_running")

    def __init__(
        self,
        engine: Engine,
        limits: Limits = DEFAULT_LIMITS,
        *,
        exchanged: Callable[[Exchange], None] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Put the door together.

        Args:
            engine: decides.
            limits: where the policy says nothing.
            exchanged: told each exchange when it is over, for metrics and traces. Must not raise.
            clock: time.
        """
        self._engine = engine
        self._forwarder = Forwarder(limits)
        self._patience = limits.client
        self._running = Running(engine)
        self._exchanged = exchanged
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request or WebSocket; on lifespan shutdown, close the upstream connections."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._lifespan(receive, send)

    async def watch_upstreams(self) -> Never:
        """Check the health of the upstreams, until cancelled. Without it none is ever found down."""
        await health.watch(self._forwarder.balancer, lambda: (api.pool for api in self._engine.policy.apis))

    async def watch_running(self) -> Never:
        """End exchanges whose credential is revoked, until cancelled. Without it they go on."""
        await self._running.watch()

    def leave(self) -> None:
        """The process is about to end: say so to who asks, and end what has no end of its own."""
        self._running.leave()

    def upstreams(self) -> Iterator[tuple[str, Member]]:
        """The API and the state of every upstream in the policy."""
        for api in self._engine.policy.apis:
            for member in self._forwarder.balancer.members(api.pool):
                yield api.name, member

    async def close(self) -> None:
        """Close the upstream connections. For servers that know no lifespan."""
        await self._forwarder.close()

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read(scope, HeldBody())  # a handshake has none
        at, started = self._clock.time(), self._clock.monotonic()
        generation, policy = self._engine.verified.generation, self._engine.policy
        decision = await self._engine.decide(request)
        decided = self._clock.monotonic()
        status = 0
        try:
            await receive()  # websocket.connect
            if not isinstance(decision, Allow):
                status = await refuse_websocket(decision, scope, send)
            elif not decision.websocket:  # it passes where nothing is enforced; but it is none behind us
                status = await refuse_websocket(failed(decision, Refusal(UPGRADE_REFUSED)), scope, send)
            else:
                facts = None if decision.report_only else decision.facts
                held = Held(request, facts, generation, policy, session=decision.session)
                status = await self._connect(decision, held, scope, receive, send)
        finally:
            self._tell(decision, status, at, started, decided)

    async def _connect(self, allow: Allow, held: Held, scope: Scope, receive: Receive, send: Send) -> int:
        self._running.add(held)
        try:
            await self._converse(allow, held, scope, receive, send)
        except Refusal as refusal:  # raised only before it was accepted
            _tell_log(allow, refusal)
            return await refuse_websocket(failed(allow, refusal), scope, send)
        finally:
            self._running.remove(held)
        return _SWITCHED

    async def _converse(self, allow: Allow, held: Held, scope: Scope, receive: Receive, send: Send) -> None:
        query: bytes = scope["query_string"]
        member, upstream, seconds = await self._forwarder.connect(
            pool=allow.pool,
            target=f"{allow.upstream_path}?{query.decode('ascii')}" if query else allow.upstream_path,
            headers=_outgoing(allow, held.request, {"ws": "http", "wss": "https"}[scope["scheme"]]),
            protocols=scope.get("subprotocols", ()),
            bounds=allow.bounds,
        )
        try:
            await send({"type": "websocket.accept", "subprotocol": upstream.protocol, "headers": allow.told})
            await Conversation(receive, send, upstream, seconds).run(held)
        finally:
            member.outstanding -= 1
            await upstream.close()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = RequestBody(scope, receive, self._patience)
        request = read(scope, body)
        answer = own(self._engine, request, leaving=self._running.leaving)
        if answer is not None:
            await respond(send, answer.status, answer.body, answer.headers)
            return
        at, started = self._clock.time(), self._clock.monotonic()
        # Noted first: what is revoked while it is decided on is news for what is allowed.
        generation, policy = self._engine.verified.generation, self._engine.policy
        decision = await self._engine.decide(request)
        decided = self._clock.monotonic()
        status = 0
        try:
            if isinstance(decision, Allow) and decision.websocket:
                # The server makes no WebSocket of its handshake, and a plain request it is not.
                status = await write(failed(decision, Refusal(UPGRADE_REFUSED, "no WebSocket here")), send)
            elif isinstance(decision, Allow):
                facts = None if decision.report_only else decision.facts
                held = Held(request, facts, generation, policy, session=decision.session)
                status = await self._pass_on(decision, held, scope, body.receive, send)
            else:
                status = await write(decision, send)
        finally:
            self._tell(decision, status, at, started, decided)

    def _tell(self, decision: Decision, status: int, at: float, started: float, decided: float) -> None:
        if self._exchanged is not None:
            ended = self._clock.monotonic()
            self._exchanged(Exchange(decision, status, at, decided - started, ended - started))

    async def _pass_on(self, allow: Allow, held: Held, scope: Scope, receive: Receive, send: Send) -> int:
        request = held.request
        self._running.add(held)
        try:
            return await self._forwarder.forward(
                scope,
                receive,
                send,
                pool=allow.pool,
                bounds=allow.bounds,
                path=allow.upstream_path,
                headers=_outgoing(allow, request, scope["scheme"]),
                held=held,
                tell=partial(with_told, allow=allow),
            )
        except Refusal as refusal:
            _tell_log(allow, refusal)
            return await write(failed(allow, refusal), send)  # raised only before the response began
        finally:
            self._running.remove(held)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        if message["type"] == "lifespan.shutdown":
            await self.close()
            await send({"type": "lifespan.shutdown.complete"})


def _outgoing(allow: Allow, request: AccessRequest, scheme: str) -> list[tuple[str, str]]:
    return outgoing(
        request.headers,
        inside_jwt=allow.inside_jwt,
        peer=request.peer,
        scheme=scheme,
        host=request.host,
        trace=allow.trace,
        own_credentials=allow.report_only,
    )


def _tell_log(allow: Allow, refusal: Refusal) -> None:
    _UPSTREAM.warning(
        "api=%s operation=%s request_id=%s reason=%s detail=%s",
        allow.api,
        allow.operation,
        allow.trace.request_id,
        refusal.problem.code,
        refusal.detail,
    )


def read(scope: Scope, body: Body) -> AccessRequest:
    """The request as it arrived. A server that does not tell the raw path gets every request refused."""
    headers = tuple(scope["headers"])
    if scope.get("type") == "websocket" and not any(name == b"upgrade" for name, _ in headers):
        headers += ((b"upgrade", b"websocket"),)  # that it is one can be said otherwise (RFC 8441 §5)
    client = scope.get("client")
    shown = client_certificate(scope)
    host = b""
    for name, value in headers:
        if name == b"host":
            host = value
            break
    return AccessRequest(
        scope.get("method", "GET"),  # a WebSocket begins as one
        scope.get("raw_path") or b"",
        scope["query_string"],
        headers,
        client[0] if client else "",
        host.decode("latin-1"),
        ClientCertificate.from_der(shown) if shown is not None else None,
        body,
    )


async def write(decision: Deny | Preflight, send: Send) -> int:
    """Answer in the API's place; the status."""
    answer = decided(decision)
    await respond(send, answer.status, answer.body, answer.headers)
    return answer.status


async def refuse_websocket(decision: Deny | Preflight | Answer, scope: Scope, send: Send) -> int:
    """Answer in the API's place before the WebSocket is one, with a whole response where the server can.

    Gives the status.
    """
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})  # not accepted yet: the server answers 403
        return 403
    answer = decided(decision)

    async def sending(message: MutableMapping[str, Any]) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    await respond(sending, answer.status, answer.body, answer.headers)
    return answer.status
