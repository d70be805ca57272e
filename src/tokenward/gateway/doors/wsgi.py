"""The door inside a WSGI application (PEP 3333), which sees what was decided on and nothing else of the kind.

WSGI tells a request in less detail than it came in. Names of headers are folded (`X-User` and `X_User` are
both `HTTP_X_USER`), repeated ones are joined by commas, and the path is percent-decoded. So:

- what looks like a dropped header is dropped, as at every door, whatever was folded to what;
- two Authorization headers arrive as one value with a comma, which no credential has: they count as two;
- the path is that of `RAW_URI` or `REQUEST_URI`, where a server tells the target as it came. Else it is
  `SCRIPT_NAME` and `PATH_INFO`, encoded again: what the application routes by.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from tokenward.gateway.access import AccessRequest, Allow, Body, Decision
from tokenward.gateway.doors.answers import Answer, decided
from tokenward.gateway.doors.errands import Errands
from tokenward.gateway.doors.in_process import ENVIRON_KEY, caller, full_path
from tokenward.gateway.doors.wsgi_body import WsgiBody
from tokenward.gateway.headers import inward
from tokenward.gateway.told import with_told

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

_TARGETS = ("RAW_URI", "REQUEST_URI")  # gunicorn and Werkzeug; those, uWSGI, mod_wsgi, waitress and Cheroot
_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)  # RFC 9112 §3.2.2: the absolute form of a target
_PATH_BYTES = "/!$&'()*+,=:@"  # what a path may hold bare
_BODY = {"CONTENT_TYPE": b"content-type", "CONTENT_LENGTH": b"content-length"}  # without HTTP_ (§4.1 of CGI)


class WsgiDoor:
    """WSGI middleware.

    Args:
        app: what is protected.
        ask: what becomes of a request; blocks, and runs the errands meanwhile.
    """

    __slots__ = ("_app", "_ask")

    def __init__(self, app: WsgiApp, ask: Callable[[AccessRequest, Errands], Decision | Answer]) -> None:
        self._app = app
        self._ask = ask

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Decide on one request, and answer it or pass it on."""
        errands = Errands()
        body = WsgiBody(environ, errands.run)
        request = read(environ, body)
        decision = self._ask(request, errands)
        if isinstance(decision, Allow):
            shown = _shown(environ, request, decision)
            shown["wsgi.input"] = body.input
            return self._app(shown, _telling(start_response, decision))
        answer = decided(decision)
        headers = [
            it for it in answer.headers if it[0] != b"upgrade"
        ]  # hop-by-hop: not ours to say (PEP 3333)
        if answer.status != 204:  # RFC 9110 §8.6
            headers.append((b"content-length", str(len(answer.body)).encode()))
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", _native(headers))
        return [] if request.method == "HEAD" else [answer.body]


def read(environ: Environ, body: Body | None = None) -> AccessRequest:
    """The request, as far as WSGI tells it. Client certificates are not told."""
    return AccessRequest(
        environ["REQUEST_METHOD"],
        _path(environ),
        _bytes(environ.get("QUERY_STRING", "")),
        tuple(_headers(environ)),
        environ.get("REMOTE_ADDR", ""),
        environ.get("HTTP_HOST", ""),
        body=body,
    )


def _path(environ: Environ) -> bytes:
    root = environ.get("SCRIPT_NAME", "")
    if root and root == environ.get("HTTP_SCRIPT_NAME"):
        return b""  # gunicorn took it from a header, so that a client says what is routed: nothing is
    target = next((environ[name] for name in _TARGETS if environ.get(name)), None)
    if target is None:
        return quote(_bytes(root + environ.get("PATH_INFO", "")), safe=_PATH_BYTES).encode("ascii")
    path = _ORIGIN.sub("", target, count=1) if not target.startswith("/") else target
    return full_path(_bytes(path.partition("?")[0]), _bytes(root).decode("utf-8", "replace"))


def _headers(environ: Environ) -> Iterator[tuple[bytes, bytes]]:
    for key, value in environ.items():
        if key in _BODY:
            if value:
                yield _BODY[key], _bytes(value)
        elif key.startswith("HTTP_"):
            name = _bytes(key[5:].replace("_", "-").lower())
            if name == b"authorization":
                yield from ((name, part.strip(b" ")) for part in _bytes(value).split(b","))
            elif name not in _BODY.values():  # a header that wants to be taken for one of those
                yield name, _bytes(value)


def _shown(environ: Environ, request: AccessRequest, allow: Allow) -> Environ:
    """The environ for the application."""
    shown = {key: value for key, value in environ.items() if not key.startswith("HTTP_")}
    headers = inward(
        request.headers,
        inside_jwt=allow.inside_jwt,
        trace=allow.trace,
        own_credentials=allow.report_only,
    )
    for name, value in _native(headers):
        if name not in {"content-type", "content-length"}:
            shown[f"HTTP_{name.upper().replace('-', '_')}"] = value
    if allow.report_only and "HTTP_AUTHORIZATION" in environ:
        shown["HTTP_AUTHORIZATION"] = environ["HTTP_AUTHORIZATION"]  # as it came: some schemes have commas
    path = unquote_to_bytes(allow.path).decode("latin-1")
    shown["PATH_INFO"] = path.removeprefix(environ.get("SCRIPT_NAME", "").rstrip("/"))
    query = environ.get("QUERY_STRING")
    for name in _TARGETS:
        if name in environ:
            shown[name] = f"{allow.path}?{query}" if query else allow.path
    shown[ENVIRON_KEY] = caller(allow)
    return shown


def _telling(start_response: StartResponse, allow: Allow) -> StartResponse:
    """`start_response`, with what the decision tells in the answer."""

    def starting(status: str, headers: list[tuple[str, str]], *fault: object) -> Callable[[bytes], object]:
        own = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return start_response(status, _native(with_told(own, allow)), *fault)

    return starting


def _bytes(text: str) -> bytes:
    """A native string of WSGI stands for bytes; what does not comes to nothing that is ever allowed."""
    return text.encode("latin-1", "replace")


def _native(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
