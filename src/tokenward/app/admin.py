"""The admin API, on loopback only: health and metrics for all, management for who holds the admin token.

Loopback is no authentication: every program of every user of the machine can reach it, and a browser can be
made to (DNS rebinding, cross-site posts). So the Host must be ours, and management asks for the token.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from urllib.parse import urlsplit

from pydantic import Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tokenward.app.admin_api_keys import ApiKeyEndpoints
from tokenward.app.admin_clients import ClientEndpoints
from tokenward.app.admin_input import Input, read_input
from tokenward.app.foundation import Foundation
from tokenward.app.incident import Listed, revoke_listed
from tokenward.app.metrics import exposition
from tokenward.app.revocation import What, revoke
from tokenward.base.addresses import is_loopback
from tokenward.base.problems import (
    INVALID_INPUT,
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
from tokenward.store.key_states import state
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import (
    KeyPurpose,
    SigningKeyRecord,
)
from tokenward.tokens.opaque import fingerprint
from tokenward.tokens.presented import token_id_of

Endpoint = Callable[[Request], Awaitable[Response]]


class RevocationOrder(Input):
    """What to revoke; `subject` is a token_id, grant_id, client_id, user name or key_id, "" for all."""

    what: What
    subject: str = Field(default="", max_length=200)
    before: float | None = Field(default=None, ge=0)


class TokenList(Input):
    """Access tokens to revoke, by their token_ids. Who has more sends several lists."""

    token_ids: list[str] = Field(min_length=1, max_length=1000)


class KeyRotation(Input):
    """Which key gets a successor: the one that signs with this algorithm for this purpose."""

    purpose: KeyPurpose
    algorithm: str = Field(max_length=20)


class KeyRemoval(Input):
    """Whether the key is in strange hands, so that all that it signed is void."""

    compromised: bool = False


def admin_app(ground: Foundation) -> Starlette:
    """The admin listener's application.

    Raises:
        ValueError: the admin token cannot be resolved.
    """
    configuration = ground.configuration
    managed = _guard(resolve(configuration.settings.admin.token, base_dir=configuration.base_dir))
    desk, clients, api_keys = _Desk(ground), ClientEndpoints(ground), ApiKeyEndpoints(ground)
    return Starlette(
        routes=[
            Route("/health", desk.health),
            Route("/metrics", desk.metrics),
            Route("/clients", managed(clients.every)),
            Route("/clients", managed(clients.add), methods=["POST"]),
            Route("/clients/{client_id}", managed(clients.show)),
            Route("/clients/{client_id}", managed(clients.remove), methods=["DELETE"]),
            Route("/clients/{client_id}/secrets", managed(clients.rotate), methods=["POST"]),
            Route("/clients/{client_id}/keys", managed(clients.set_keys), methods=["PUT"]),
            Route("/api-keys", managed(api_keys.every)),
            Route("/api-keys", managed(api_keys.add), methods=["POST"]),
            Route("/api-keys/imports", managed(api_keys.take_over), methods=["POST"]),
            Route("/api-keys/{key_id}", managed(api_keys.show)),
            Route("/api-keys/{key_id}", managed(api_keys.revoke), methods=["DELETE"]),
            Route("/api-keys/{key_id}/rotation", managed(api_keys.rotate), methods=["POST"]),
            Route("/signing-keys", managed(desk.list_signing_keys)),
            Route("/signing-keys", managed(desk.rotate_signing_key), methods=["POST"]),
            Route("/signing-keys/{kid}/retirement", managed(desk.retire_signing_key), methods=["POST"]),
            Route("/signing-keys/{kid}/removal", managed(desk.remove_signing_key), methods=["POST"]),
            Route("/revocations", managed(desk.revocations), methods=["POST"]),
            Route("/revocations/tokens", managed(desk.revoke_tokens), methods=["POST"]),
        ],
        middleware=[Middleware(_OwnHostOnly)],
        exception_handlers={
            Refusal: _on_refusal,
            StoreUnavailable: _on_unavailable,
            HTTPException: _on_http_exception,
        },
    )


class _Desk:
    """The endpoints."""

    def __init__(self, ground: Foundation) -> None:
        self._ground = ground
        self._store = ground.store

    async def health(self, _request: Request) -> Response:
        await self._store.ping()
        return JSONResponse({"status": "ok"})

    async def metrics(self, _request: Request) -> Response:
        return Response(exposition(), media_type="text/plain; version=0.0.4")

    async def revocations(self, request: Request) -> Response:
        order = await read_input(request, RevocationOrder)
        await revoke(
            self._store, order.what, order.subject, before=order.before, at=self._ground.clock.time()
        )
        return Response(status_code=204)

    async def revoke_tokens(self, request: Request) -> Response:
        order = await read_input(request, TokenList)
        named = [Listed("token", each) for each in order.token_ids]
        if any(token_id_of(each.subject) is None for each in named):
            raise Refusal(INVALID_INPUT, "token_ids: eleven base62 characters each; nothing was revoked")
        done = await revoke_listed(self._store, self._ground.peppers, named, clock=self._ground.clock)
        return JSONResponse(asdict(done))

    async def list_signing_keys(self, _request: Request) -> Response:
        now = self._ground.clock.time()
        keys = await self._ground.key_desk.all_keys()
        return JSONResponse({"signing_keys": [_signing_key_json(key, now) for key in keys]})

    async def rotate_signing_key(self, request: Request) -> Response:
        order = await read_input(request, KeyRotation)
        successor = await self._ground.key_desk.rotate(order.purpose, order.algorithm)
        return JSONResponse(_signing_key_json(successor, self._ground.clock.time()), status_code=201)

    async def retire_signing_key(self, request: Request) -> Response:
        await self._ground.key_desk.retire(request.path_params["kid"])
        return Response(status_code=204)

    async def remove_signing_key(self, request: Request) -> Response:
        order = await read_input(request, KeyRemoval)
        await self._ground.key_desk.remove(request.path_params["kid"], compromised=order.compromised)
        return Response(status_code=204)


def _guard(token: Secret) -> Callable[[Endpoint], Endpoint]:
    expected = fingerprint(token.reveal())

    def managed(endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            presented = request.headers.getlist("authorization")
            scheme, _, credential = presented[0].partition(" ") if len(presented) == 1 else ("", "", "")
            if scheme.lower() != "bearer" or not hmac.compare_digest(fingerprint(credential), expected):
                raise Refusal(UNAUTHORIZED_ADMIN)
            return await endpoint(request)

        return guarded

    return managed


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


def _problem(problem: Problem, detail: str = "", headers: dict[str, str] | None = None) -> Response:
    body = problem_json(problem, {"detail": detail} if detail else None)
    return Response(body, problem.status, headers, media_type="application/problem+json")


async def _on_refusal(_request: Request, error: Exception) -> Response:
    # Whoever manages may know why: unlike at the other listeners, the detail is part of the answer.
    refusal = error if isinstance(error, Refusal) else Refusal(MALFORMED)
    headers = {"www-authenticate": 'Bearer realm="admin"'} if refusal.problem is UNAUTHORIZED_ADMIN else None
    return _problem(refusal.problem, refusal.detail, headers)


async def _on_unavailable(_request: Request, _error: Exception) -> Response:
    return _problem(UNAVAILABLE, headers={"retry-after": "1"})


async def _on_http_exception(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return _problem({404: NOT_FOUND, 405: METHOD_NOT_ALLOWED}.get(status, MALFORMED), headers=headers)


def _signing_key_json(key: SigningKeyRecord, at: float) -> dict[str, object]:
    return {
        "kid": key.kid,
        "purpose": key.purpose,
        "algorithm": key.algorithm,
        "state": state(key, at).value,
        "created_at": key.created_at,
        "activates_at": key.activates_at,
        "retires_at": key.retires_at,
        "removes_at": key.removes_at,
        "compromised_at": key.compromised_at,
    }
