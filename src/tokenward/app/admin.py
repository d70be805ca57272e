"""The admin API, on loopback only: health and metrics for all, management for who holds the admin token.

Loopback is no authentication: every program of every user of the machine can reach it, and a browser can be
made to (DNS rebinding, cross-site posts). So the Host must be ours, and management asks for the token.

`OPERATIONS` is all that there is. The routes are made of it and so is the document, which is served, too.
"""

import hmac
import logging
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import TypeAdapter, with_config
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import TypedDict

from tokenward.app import admin_api_keys, admin_clients, admin_revocations, admin_signing_keys
from tokenward.app.admin_document import PROMETHEUS, document
from tokenward.app.admin_input import NotAsDocumented, NothingAsked, read_input, read_path, read_query
from tokenward.app.admin_operations import Operation
from tokenward.app.admin_pace import Caller, Pace
from tokenward.app.foundation import Foundation
from tokenward.app.metrics import exposition
from tokenward.base.addresses import is_loopback
from tokenward.base.problems import (
    INTERNAL_ERROR,
    MALFORMED,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    UNAUTHORIZED_ADMIN,
    UNAVAILABLE,
    WRONG_HOST,
    Problem,
    Refusal,
    problem_json,
)
from tokenward.base.references import resolve
from tokenward.base.secret import Secret
from tokenward.store.port import StoreUnavailable
from tokenward.tokens.opaque import fingerprint

log = logging.getLogger("tokenward.admin")


@with_config(extra="forbid")
class Health(TypedDict):
    """That the store answers."""

    status: Literal["ok"]


async def show_health(ground: Foundation) -> Health:
    """Whether the store answers."""
    await ground.store.ping()
    return {"status": "ok"}


async def show_metrics(_ground: Foundation) -> str:
    """What was counted, as Prometheus reads it."""
    return exposition().decode()


async def show_document(ground: Foundation) -> dict[str, Any]:
    """This document."""
    return document(OPERATIONS, server=f"http://{ground.configuration.settings.admin.listen}")


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/health", show_health, public=True),
    Operation("GET", "/metrics", show_metrics, public=True),
    Operation("GET", "/openapi.json", show_document),
    *admin_clients.OPERATIONS,
    *admin_api_keys.OPERATIONS,
    *admin_signing_keys.OPERATIONS,
    *admin_revocations.OPERATIONS,
)


def admin_app(ground: Foundation) -> Starlette:
    """The admin listener's application.

    Raises:
        ValueError: the admin token cannot be resolved.
    """
    configuration = ground.configuration
    token = resolve(configuration.settings.admin.token, base_dir=configuration.base_dir)
    by_path: dict[str, list[Operation]] = {}
    for each in OPERATIONS:
        by_path.setdefault(each.path, []).append(each)
    # Paths without a parameter first: `/api-keys/imports` is no key.
    paths = sorted(by_path, key=lambda path: "{" in path)
    pace = Pace(ground.clock)
    app = Starlette(
        routes=[Route(path, _Path(by_path[path], ground, token, pace)) for path in paths],
        middleware=[Middleware(_OwnHostOnly)],
        exception_handlers={HTTPException: _on_http_exception},
    )
    app.router.redirect_slashes = False
    return app


class _Path:
    """What is served at one path: an ASGI application, so that no method goes past it."""

    def __init__(
        self, operations: Sequence[Operation], ground: Foundation, token: Secret, pace: Pace
    ) -> None:
        self._operations = {each.method: _Served(each) for each in operations}
        allowed = {*self._operations, *(["HEAD"] if "GET" in self._operations else [])}
        self._allowed = ", ".join(sorted(allowed))
        self._ground = ground
        self._token = fingerprint(token.reveal())
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        served = self._operations.get("GET" if request.method == "HEAD" else request.method)
        if served is None:
            answer = _problem(METHOD_NOT_ALLOWED, headers={"allow": self._allowed})
        else:
            caller = self._caller(request, served.operation)
            answer = await self._answer(request, served, caller)
            answer.headers.update(self._pace.headers(caller))
        await answer(scope, receive, send)

    async def _answer(self, request: Request, served: "_Served", caller: Caller) -> Response:
        try:
            self._pace.count(caller)
            if caller == "guessing":
                return _refused(Refusal(UNAUTHORIZED_ADMIN))
            return await served.answer(request, self._ground)
        except Refusal as refusal:
            return _refused(refusal)
        except StoreUnavailable:
            return _refused(Refusal(UNAVAILABLE, retry_after=1))
        except Exception as error:  # noqa: BLE001 - the last line: a fault here must not say what it handled
            # Neither the exception's text nor its locals: they may hold what the request held.
            trace = traceback.extract_tb(error.__traceback__)
            places = " < ".join(f"{each.name}:{each.lineno}" for each in reversed(trace))
            log.error("%s failed with %s at %s", served.operation.name, type(error).__name__, places)  # noqa: TRY400 - see above
            return _problem(INTERNAL_ERROR)

    def _caller(self, request: Request, operation: Operation) -> Caller:
        if operation.public:
            return "anybody"
        presented = request.headers.getlist("authorization")
        scheme, _, credential = presented[0].partition(" ") if len(presented) == 1 else ("", "", "")
        is_it = scheme.lower() == "bearer" and hmac.compare_digest(fingerprint(credential), self._token)
        return "managing" if is_it else "guessing"


class _Served:
    """One operation, ready to read requests."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self._named: Mapping[str, TypeAdapter[Any]] = {
            name: TypeAdapter(kind) for name, kind in operation.named.items()
        }

    async def answer(self, request: Request, ground: Foundation) -> Response:
        """The answer.

        Raises:
            Refusal: by the catalogue.
            StoreUnavailable: nobody can know.
        """
        operation = self.operation
        given: dict[str, Any] = {**read_path(request, self._named)}
        if operation.asks is not None:
            given[operation.asks[0]] = read_query(request, operation.asks[1])
        elif not operation.public:
            read_query(request, NothingAsked)
        if operation.takes is not None:
            given[operation.takes[0]] = await read_input(request, operation.takes[1])
        answer = await operation.perform(ground, **given)
        if operation.answers is None:
            return Response(status_code=operation.status)
        if isinstance(answer, str):
            return Response(answer, operation.status, {"content-type": PROMETHEUS})
        return JSONResponse(answer, operation.status)


class _OwnHostOnly:
    """Refuses a request whose Host is a name of somebody else's that was made to point here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and _is_own(hosts[0]):
            await self._app(scope, receive, _never_stored(send))
        else:
            await _problem(WRONG_HOST)(scope, receive, send)


def _never_stored(send: Send) -> Send:
    """`send`, with `Cache-Control: no-store`: secrets stand in some of the answers."""

    async def mark_and_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"cache-control", b"no-store")]
        await send(message)

    return mark_and_send


def _is_own(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def _problem(
    problem: Problem, extra: dict[str, object] | None = None, headers: dict[str, str] | None = None
) -> Response:
    return Response(
        problem_json(problem, extra), problem.status, headers, media_type="application/problem+json"
    )


def _refused(refusal: Refusal) -> Response:
    # Whoever manages may know why: unlike at the other listeners, the detail is part of the answer.
    extra: dict[str, object] = {"detail": refusal.detail} if refusal.detail else {}
    if isinstance(refusal, NotAsDocumented):
        extra["pointer"] = refusal.pointer
    headers = {}
    if refusal.problem is UNAUTHORIZED_ADMIN:
        headers["www-authenticate"] = 'Bearer realm="admin"'
    if refusal.retry_after is not None:
        headers["retry-after"] = str(refusal.retry_after)
    return _problem(refusal.problem, extra, headers)


async def _on_http_exception(_request: Request, error: Exception) -> Response:
    found = isinstance(error, HTTPException) and error.status_code != 404
    return _problem(MALFORMED if found else NOT_FOUND)
