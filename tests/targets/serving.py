"""Serves a target, a function from a request to an answer, at a free port of loopback."""

import contextlib
import json
import socketserver
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="api", error="invalid_token"'}
JWKS = "http://127.0.0.1:{port}/jwks.json"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, list[str]]
    authorization: str
    fields: Mapping[str, str]
    body: bytes = b""
    media: str = ""

    @property
    def bearer(self) -> str:
        """The token of a well-formed `Authorization`; "" for anything else."""
        scheme, _, token = self.authorization.partition(" ")
        return token if scheme.lower() == "bearer" and token.strip() == token and " " not in token else ""


@dataclass(frozen=True, slots=True)
class Response:
    status: int = 200
    body: Any = field(default_factory=lambda: {"accounts": [{"id": 7, "balance": "12.00"}]})
    fields: Mapping[str, str] = field(default_factory=dict)


REFUSED = Response(401, {"error": "invalid_token"}, CHALLENGE)


class Refused(Exception):  # noqa: N818 - says what it is
    """The token is not good."""


Verify = Callable[[str], object]
Target = Callable[[Request], Response]


def api(verify: Verify) -> Target:
    """An API whose only weakness is how it verifies a bearer token: whatever `verify` raises is a 401."""

    def answer(request: Request) -> Response:
        if not request.bearer or "," in request.authorization:
            return REFUSED
        try:
            verify(request.bearer)
        except Exception:  # noqa: BLE001 - a target that answers 401 to everything that goes wrong
            return REFUSED
        return Response()

    return answer


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    address_family = 2


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def running(target: Target) -> Generator[str]:
    """The URL of an operation of the target."""

    def application(environ, start_response):
        path = environ["PATH_INFO"]
        size = int(environ.get("CONTENT_LENGTH") or 0)
        request = Request(
            environ["REQUEST_METHOD"],
            path,
            parse_qs(environ["QUERY_STRING"]),
            environ.get("HTTP_AUTHORIZATION", "").encode("latin-1").decode("utf-8", "replace"),
            {name: value for name, value in environ.items() if name.startswith("HTTP_")},
            environ["wsgi.input"].read(size),
            environ.get("CONTENT_TYPE", ""),
        )
        response = target(request)
        body = (
            response.body
            if isinstance(response.body, bytes)
            else (response.body if isinstance(response.body, str) else json.dumps(response.body)).encode()
        )
        media = "text/html" if isinstance(response.body, str) else "application/json"
        fields = {"Content-Type": media, "Content-Length": str(len(body))} | dict(response.fields)
        start_response(f"{response.status} x", list(fields.items()))
        return [body]

    with make_server("127.0.0.1", 0, application, _Server, _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/accounts"
        finally:
            server.shutdown()
            thread.join()
