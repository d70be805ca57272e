"""An ASGI middleware that lets nothing pass without a good inside JWT."""

from tokenward.backend.verifier import InsideVerifier
from tokenward.base.asgi import NO_STORE, PROBLEM_JSON, App, Receive, Scope, Send, respond
from tokenward.base.problems import Refusal, problem_json

CLAIMS = "tokenward"  # the key in the scope


class InsideTokenMiddleware:
    """Verifies the inside JWT of each request and puts its `VerifiedClaims` into `scope["tokenward"]`.

    A request without a good one is answered here: 401 with a challenge, or 503 where it cannot be known.
    An API with operations that anybody may call protects the others one by one instead
    (`tokenward.backend.fastapi`).
    """

    def __init__(self, app: App, verifier: InsideVerifier) -> None:
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its claims, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            claims = await self._verifier.authenticate(scope)
        except Refusal as refusal:
            if scope["type"] == "http":
                await self._refuse(refusal, send)
            else:  # a WebSocket that is closed before it was accepted is answered with 403
                await send({"type": "websocket.close", "code": 1008})
            return
        await self._app({**scope, CLAIMS: claims}, receive, send)

    async def _refuse(self, refusal: Refusal, send: Send) -> None:
        headers = [PROBLEM_JSON, NO_STORE]
        if refusal.problem.status in (400, 401, 403):
            headers.append((b"www-authenticate", self._verifier.challenge(refusal.problem).encode("latin-1")))
        if refusal.retry_after is not None:
            headers.append((b"retry-after", str(refusal.retry_after).encode()))
        await respond(send, refusal.problem.status, problem_json(refusal.problem), headers)
