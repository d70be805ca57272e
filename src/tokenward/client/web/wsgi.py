"""The door for WSGI applications: Flask, and any other.

app.wsgi_app = SignInWsgi(app.wsgi_app, sign_in)
"""

from collections.abc import Callable, Iterable
from typing import Any

from tokenward.base.asgi import Scope
from tokenward.base.problems import MALFORMED, TOO_LARGE
from tokenward.client.web.answers import WebAnswer, refused
from tokenward.client.web.routes import MAX_BODY
from tokenward.client.web.web_sign_in import WebSignIn

Environ = dict[str, Any]
StartResponse = Callable[..., object]
_DIGITS = 18

WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]


class SignInWsgi:
    """Answers the paths of the sign-in, and lets everything else through as it is."""

    def __init__(self, app: WsgiApp, sign_in: WebSignIn) -> None:
        self._app = app
        self._sign_in = sign_in

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        scope = scope_of(environ)
        if not self._sign_in.handles(scope["path"]):
            return self._app(environ, start_response)
        answer = self._answer(environ, scope)
        start_response(answer.line, [*answer.texts, ("content-length", str(len(answer.body)))])
        return [answer.body]

    def _answer(self, environ: Environ, scope: Scope) -> WebAnswer:
        length = environ.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()):
            return refused(MALFORMED)
        if len(length) > _DIGITS or int(length) > MAX_BODY:  # Python reads no number of thousands of digits
            return refused(TOO_LARGE)
        return self._sign_in.answer(scope, environ["wsgi.input"].read(int(length)))


def scope_of(environ: Environ) -> Scope:
    """A WSGI request as far as a sign-in looks at it, in the words of ASGI; texts are bytes (PEP 3333)."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    headers = [
        (name[5:].lower().replace("_", "-").encode("latin-1"), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    if content_type := environ.get("CONTENT_TYPE"):
        headers.append((b"content-type", content_type.encode("latin-1")))
    return {
        "type": "http",
        "method": environ["REQUEST_METHOD"],
        "path": path.encode("latin-1").decode("utf-8", "replace"),
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "headers": headers,
    }
