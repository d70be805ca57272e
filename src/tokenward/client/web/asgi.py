"""The door for ASGI applications: Starlette, FastAPI, Django under ASGI, and any other.

app.add_middleware(SignInMiddleware, sign_in=sign_in)
"""

from tokenward.base.asgi import App, Receive, Scope, Send, read_body, respond
from tokenward.base.problems import Refusal
from tokenward.client.web.answers import refused
from tokenward.client.web.routes import BODY_SECONDS, MAX_BODY
from tokenward.client.web.web_sign_in import WebSignIn


class SignInMiddleware:
    """Answers the paths of the sign-in, and lets everything else through as it is.

    An application asks `await sign_in.person_async(request.scope)` who is signed in.
    """

    def __init__(self, app: App, sign_in: WebSignIn) -> None:
        self._app = app
        self._sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not self._sign_in.handles(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            body = await read_body(receive, limit=MAX_BODY, seconds=BODY_SECONDS)
        except Refusal as refusal:
            answer = refused(refusal.problem)
        else:
            answer = await self._sign_in.answer_async(scope, body)
        await respond(send, answer.status, answer.body, answer.headers)
