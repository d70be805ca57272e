"""The admin API, on loopback only: health and metrics for all, management for who holds the admin token.

Loopback is no authentication: every program of every user of the machine can reach it, and a browser can be
made to (DNS rebinding, cross-site posts). So the Host must be ours, and management asks for the token.
"""

import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tokenward.app.admin_api_keys import ApiKeyEndpoints
from tokenward.app.admin_input import Input, read_input
from tokenward.app.foundation import Foundation
from tokenward.app.incident import Listed, revoke_listed
from tokenward.app.metrics import exposition
from tokenward.app.revocation import What, revoke
from tokenward.app.values import is_loopback
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
from tokenward.issuer.access_jwt import exposure
from tokenward.issuer.client_auth.registration import Proving, by_keys
from tokenward.issuer.client_secrets import MAX_OVERLAP, rotate_secret
from tokenward.issuer.clients import register, set_keys
from tokenward.store.key_states import state
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import (
    AccessTokenFormat,
    AuthMethod,
    Client,
    ClientSecret,
    ClientType,
    KeyPurpose,
    SigningKeyRecord,
    TokenBinding,
)
from tokenward.tokens.certificates import parse_pem
from tokenward.tokens.opaque import fingerprint
from tokenward.tokens.presented import token_id_of
from tokenward.tokens.subjects import SubjectType

Endpoint = Callable[[Request], Awaitable[Response]]


Certificates = Annotated[list[Annotated[str, Field(max_length=16_384)]], Field(max_length=8)]


class NewClient(Input):
    """A client to register."""

    client_id: str | None = Field(default=None, max_length=64)
    name: str = Field(min_length=1, max_length=100)
    type: ClientType
    scopes: list[str] = Field(default_factory=list, max_length=200)
    redirect_uris: list[str] = Field(default_factory=list, max_length=20)
    subject_type: SubjectType = "public"
    sector: str = Field(default="", max_length=253)
    id_token_claims: list[str] = Field(default_factory=list, max_length=50)
    access_token_format: AccessTokenFormat = "opaque"  # noqa: S105 - a form, not a token
    auth_method: AuthMethod | None = None
    jwks: dict[str, Any] | None = None
    jwks_uri: str = Field(default="", max_length=2048)
    tls_subject: str = Field(default="", max_length=1000)
    bound_tokens: TokenBinding = ""
    certificates: Certificates = Field(default_factory=list)

    @property
    def proving(self) -> Proving:
        """How it proves itself."""
        return Proving(
            self.auth_method,
            _json_or_nothing(self.jwks),
            self.jwks_uri,
            tls_subject=self.tls_subject,
            certificates=_ders(self.certificates),
        )


class NewKeys(Input):
    """A client's keys, or certificates, in the place of those, or the secret, that it had.

    `compromised` as in `Rotation`.
    """

    jwks: dict[str, Any] | None = None
    jwks_uri: str = Field(default="", max_length=2048)
    certificates: Certificates = Field(default_factory=list)
    compromised: bool = False

    @property
    def proving(self) -> Proving:
        """How it proves itself from now on."""
        return by_keys(_json_or_nothing(self.jwks), self.jwks_uri, _ders(self.certificates))


class Rotation(Input):
    """How long the old secret stays valid beside the new one: so many seconds, or until a moment (epoch).

    `compromised`: it does not, and all that the client was issued is revoked.
    """

    overlap: int | None = Field(default=None, ge=0, le=MAX_OVERLAP)
    until: float | None = Field(default=None, ge=0)
    compromised: bool = False

    def seconds(self, at: float) -> float:
        """For how long, counted from `at`.

        Raises:
            Refusal: INVALID_INPUT, both are said.
        """
        if self.until is None:
            return self.overlap or 0
        if self.overlap is not None:
            raise Refusal(INVALID_INPUT, "say one of overlap and until")
        return self.until - at


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
    desk, api_keys = _Desk(ground), ApiKeyEndpoints(ground)
    return Starlette(
        routes=[
            Route("/health", desk.health),
            Route("/metrics", desk.metrics),
            Route("/clients", managed(desk.list_clients)),
            Route("/clients", managed(desk.add_client), methods=["POST"]),
            Route("/clients/{client_id}", managed(desk.show_client)),
            Route("/clients/{client_id}", managed(desk.remove_client), methods=["DELETE"]),
            Route("/clients/{client_id}/secrets", managed(desk.rotate), methods=["POST"]),
            Route("/clients/{client_id}/keys", managed(desk.set_client_keys), methods=["PUT"]),
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

    async def list_clients(self, _request: Request) -> Response:
        return JSONResponse({"clients": [_client_json(client) for client in await self._store.clients()]})

    async def add_client(self, request: Request) -> Response:
        wanted = await read_input(request, NewClient)
        client, secret = await register(
            self._ground.client_desk,
            name=wanted.name,
            client_type=wanted.type,
            scopes=wanted.scopes,
            redirect_uris=wanted.redirect_uris,
            client_id=wanted.client_id,
            subject_type=wanted.subject_type,
            sector=wanted.sector,
            id_token_claims=wanted.id_token_claims,
            access_token_format=wanted.access_token_format,
            proving=wanted.proving,
            bound_tokens=wanted.bound_tokens,
        )
        return JSONResponse({**_client_json(client), **_secret_once(secret)}, status_code=201)

    async def show_client(self, request: Request) -> Response:
        client = await self._store.client(request.path_params["client_id"])
        if client is None:
            raise Refusal(NOT_FOUND)
        secrets = await self._store.client_secrets(client.client_id)
        return JSONResponse({**_client_json(client), "secrets": [_secret_json(secret) for secret in secrets]})

    async def remove_client(self, request: Request) -> Response:
        if not await self._store.remove_client(request.path_params["client_id"], self._ground.clock.time()):
            raise Refusal(NOT_FOUND)
        return Response(status_code=204)

    async def rotate(self, request: Request) -> Response:
        order = await read_input(request, Rotation)
        secret = await rotate_secret(
            self._ground.client_desk,
            request.path_params["client_id"],
            overlap=order.seconds(self._ground.clock.time()),
            compromised=order.compromised,
        )
        return JSONResponse(_secret_once(secret), status_code=201)

    async def set_client_keys(self, request: Request) -> Response:
        order = await read_input(request, NewKeys)
        await set_keys(
            self._ground.client_desk,
            request.path_params["client_id"],
            order.proving,
            compromised=order.compromised,
        )
        return Response(status_code=204)

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


def _client_json(client: Client) -> dict[str, object]:
    return {
        "client_id": client.client_id,
        "name": client.name,
        "type": client.type,
        "scopes": list(client.scopes),
        "redirect_uris": list(client.redirect_uris),
        "created_at": client.created_at,
        "subject_type": "pairwise" if client.sector else "public",
        "sector": client.sector,
        "id_token_claims": list(client.id_token_claims),
        "access_token_format": client.access_token_format,
        "auth_method": client.auth_method,
        "tls_subject": client.tls_subject,
        "bound_tokens": client.bound_tokens,
        "jwks": json.loads(client.jwks) if client.jwks else None,
        "jwks_uri": client.jwks_uri,
        "exposes": list(exposure(client)),
    }


def _ders(pems: list[str]) -> tuple[bytes, ...]:
    return tuple(_der(pem) for pem in pems)


def _der(pem: str) -> bytes:
    try:
        (certificate,) = parse_pem(pem.encode())
    except ValueError:  # or more than one
        raise Refusal(INVALID_INPUT, "certificates: one of them is no PEM certificate") from None
    return certificate.public_bytes(Encoding.DER)


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


def _secret_json(secret: ClientSecret) -> dict[str, object]:
    return {
        "secret_id": secret.secret_id,
        "created_at": secret.created_at,
        "expires_at": secret.expires_at,
        "last_used_at": secret.last_used_at,
    }


def _json_or_nothing(value: dict[str, Any] | None) -> str:
    return "" if value is None else json.dumps(value)


def _secret_once(secret: Secret | None) -> dict[str, str]:
    return {"client_secret": secret.reveal()} if secret is not None else {}
