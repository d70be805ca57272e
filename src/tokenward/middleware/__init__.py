"""What an application imports to be its own gateway: the decision is made in its process.

    from tokenward.middleware import TokenwardMiddleware
    app.add_middleware(TokenwardMiddleware, config="tokenward.yaml", api="bank")

It must be the outermost middleware but for what tells the peer (such as a server's handling of
X-Forwarded-For): whatever runs before it runs for everybody.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tokenward.app.config import Configuration
from tokenward.app.engine_thread import EngineThread
from tokenward.app.in_process import InProcess, configured
from tokenward.app.own_document import disagreements
from tokenward.base.asgi import App, Receive, Scope, Send
from tokenward.gateway.doors.asgi import AsgiDoor
from tokenward.gateway.doors.in_process import Caller, Undecided
from tokenward.gateway.doors.wsgi import Environ, StartResponse, WsgiApp, WsgiDoor

__all__ = ["Caller", "TokenwardMiddleware", "TokenwardWsgiMiddleware", "Undecided"]


class TokenwardMiddleware:
    """Lets an ASGI application see only what the policy allows, and tells it who calls.

    `scope["state"]["tokenward"]`, in Starlette `request.state.tokenward`, is the `Caller`. The application's
    `Authorization` header is the inside JWT, as behind the gateway. Who is refused gets the gateway's answer.

    Args:
        app: the application.
        api: which API of the configuration this is. It has a `url` there: the one under which the world
            knows this application.
        config: the configuration file of the issuer and the gateway.
        openapi: gives the application's own document, as FastAPI's `app.openapi`; it is asked at the start,
            which fails unless document and policy mean the same.

    Raises:
        ValueError: the configuration has errors, or no such API; the text tells which.
    """

    def __init__(
        self,
        app: App,
        *,
        api: str,
        config: str | Path = "tokenward.yaml",
        openapi: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        configuration = configured(Path(config), api)
        self._app = app
        self._engines = InProcess(configuration, api, "asgi")
        self._door = AsgiDoor(app, self._engines)
        self._agree = partial(_agree, configuration, api, openapi) if openapi is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan.

        Raises:
            RuntimeError: requests come on more than one event loop.
            ValueError: without a lifespan, that document and policy disagree is found out here.
        """
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if self._agree is not None:
            self._agree()
            self._agree = None
        await self._door(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the engine as long as the application. Without a lifespan, the first request starts it."""
        try:
            if self._agree is not None:
                self._agree()
                self._agree = None
            await self._engines.start()
        except ValueError as error:
            await receive()  # lifespan.startup
            await send({"type": "lifespan.startup.failed", "message": f"Tokenward cannot start: {error}"})
            return
        try:
            await self._app(scope, receive, send)
        finally:
            await self._engines.close()


def _agree(configuration: Configuration, api: str, openapi: Callable[[], Mapping[str, Any]]) -> None:
    if found := disagreements(configuration, api, openapi()):
        raise ValueError(f"{api} and its policy disagree: {'; '.join(found)}")


class TokenwardWsgiMiddleware:
    """The same for a WSGI application; the `Caller` is `environ["tokenward.caller"]`.

    It decides on a thread of its own, one in each process, which the first request starts. Servers that
    replace threads by something else (gevent, eventlet) are not supported.

    Args:
        app: the application.
        api: as above.
        config: as above.

    Raises:
        ValueError: as above.
    """

    def __init__(self, app: WsgiApp, *, api: str, config: str | Path = "tokenward.yaml") -> None:
        configuration = configured(Path(config), api)
        self._door = WsgiDoor(app, EngineThread(lambda: InProcess(configuration, api, "wsgi")).ask)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        return self._door(environ, start_response)
