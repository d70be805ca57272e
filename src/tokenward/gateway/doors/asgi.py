"""The door inside an ASGI application: what it lets pass goes on to the application in this process.

The application behind it sees what was decided on and nothing else of the kind: the canonical path, headers
in which nobody can speak in the gateway's name, the inside JWT for the token, and the `Caller`.
"""

import contextlib
from collections.abc import Awaitable, MutableMapping
from typing import Any
from urllib.parse import unquote

from tokenward.base.asgi import App, Receive, Scope, Send, respond
from tokenward.base.problems import UNAVAILABLE, UPGRADE_REFUSED, Refusal
from tokenward.gateway.access import AccessRequest, Allow, Body, Deny, HeldBody
from tokenward.gateway.doors.answers import decided
from tokenward.gateway.doors.ending_socket import EndingSocket
from tokenward.gateway.doors.in_process import SCOPE_KEY, EngineSource, ask, caller, full_path
from tokenward.gateway.doors.limits import DEFAULT_LIMITS
from tokenward.gateway.doors.proxy import read, refuse_websocket
from tokenward.gateway.doors.request_body import RequestBody
from tokenward.gateway.headers import inward
from tokenward.gateway.told import with_told


class AsgiDoor:
    """ASGI middleware.

    Args:
        app: what is protected.
        engines: the engine of this process.
    """

    __slots__ = ("_app", "_engines")

    def __init__(self, app: App, engines: EngineSource) -> None:
        self._app = app
        self._engines = engines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide on one HTTP request or WebSocket. The lifespan is passed on."""
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = RequestBody(scope, receive, DEFAULT_LIMITS.client)
        request = _read(scope, body)
        decision = await ask(self._engines, request)
        if isinstance(decision, Allow):
            await self._app(_shown(scope, request, decision), body.receive, _telling(send, decision))
            return
        answer = decided(decision)
        await respond(send, answer.status, answer.body, answer.headers)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _read(scope, HeldBody())  # a handshake has none
        with contextlib.suppress(Refusal):  # the decision says so, too
            await self._engines.engine()
        running = self._engines.running
        held = running.hold(request) if running is not None else None
        decision = await ask(self._engines, request)
        if isinstance(decision, Allow) and not (decision.websocket or decision.report_only):
            decision = Deny(
                UPGRADE_REFUSED
            )  # the handshake is the server's to see; this is no operation for it
        if isinstance(decision, Allow) and running is not None and held is not None:
            held.facts, held.session = None if decision.report_only else decision.facts, decision.session
            socket = EndingSocket(receive, send, held)
            running.add(held)
            try:
                await self._app(_shown(scope, request, decision), socket.receive, socket.send)
            finally:
                running.remove(held)
            return
        if isinstance(decision, Allow):  # the engine came after we looked
            decision = Deny(UNAVAILABLE)
        await receive()  # websocket.connect
        await refuse_websocket(decision, scope, send)


def _read(scope: Scope, body: Body) -> AccessRequest:
    request = read(scope, body)
    root = scope.get("root_path")
    return request._replace(raw_path=full_path(request.raw_path, root)) if root else request


def _shown(scope: Scope, request: AccessRequest, allow: Allow) -> Scope:
    """The scope for the application: the one path that was decided on, and headers that nobody can forge.

    With a `state` of its own: a server may hand the same one to every request.
    """
    path = allow.path
    return {
        **scope,
        "path": unquote(path) if "%" in path else path,
        "raw_path": path.encode("ascii"),
        "headers": inward(
            request.headers,
            inside_jwt=allow.inside_jwt,
            trace=allow.trace,
            own_credentials=allow.report_only,
        ),
        "state": {**scope.get("state", {}), SCOPE_KEY: caller(allow)},
    }


def _telling(send: Send, allow: Allow) -> Send:
    """`send`, with what the decision tells the caller in the answer too."""

    def sending(message: MutableMapping[str, Any]) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = with_told(message.get("headers", ()), allow)
        return send(message)

    return sending
