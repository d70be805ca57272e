"""Clients in the admin API."""

import json
from dataclasses import asdict
from typing import Annotated, Any, Literal

from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tokenward.app.admin_input import Input, read_input
from tokenward.app.foundation import Foundation
from tokenward.base.problems import INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.base.secret import Secret
from tokenward.issuer.access_jwt import exposure
from tokenward.issuer.client_auth.registration import Proving, by_keys
from tokenward.issuer.client_secrets import MAX_OVERLAP, rotate_secret
from tokenward.issuer.clients import register, set_keys
from tokenward.issuer.weakening import LONGEST_REASON, weaker
from tokenward.store.records import (
    AccessTokenFormat,
    AuthMethod,
    Client,
    ClientProfile,
    ClientSecret,
    ClientType,
    IntrospectionAlg,
    OpenIdAlg,
    RelyingParty,
    TokenBinding,
)
from tokenward.tokens.certificates import parse_pem
from tokenward.tokens.subjects import SubjectType

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
    bound_tokens: TokenBinding | None = None
    introspection_signed_response_alg: IntrospectionAlg = "RS256"
    authorization_details_types: list[str] = Field(default_factory=list, max_length=50)
    profile: ClientProfile = ""
    require_pushed_authorization_requests: bool = False
    require_signed_request_object: bool = False
    certificates: Certificates = Field(default_factory=list)
    id_token_signed_response_alg: OpenIdAlg = "RS256"  # noqa: S105 - the name of an algorithm
    userinfo_signed_response_alg: Literal["", "RS256", "ES256"] = ""
    userinfo_claims: list[str] = Field(default_factory=list, max_length=50)
    post_logout_redirect_uris: list[str] = Field(default_factory=list, max_length=20)
    backchannel_logout_uri: str = Field(default="", max_length=2048)
    backchannel_logout_session_required: bool = False
    reason: str = Field(default="", max_length=LONGEST_REASON)

    @property
    def openid(self) -> RelyingParty:
        """What it has as a relying party."""
        return RelyingParty(
            self.id_token_signed_response_alg,
            self.userinfo_signed_response_alg,
            tuple(self.userinfo_claims),
            tuple(self.post_logout_redirect_uris),
            self.backchannel_logout_uri,
            self.backchannel_logout_session_required,
        )

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


class ClientEndpoints:
    """The endpoints below `/clients`."""

    def __init__(self, ground: Foundation) -> None:
        self._store = ground.store
        self._desk = ground.client_desk
        self._clock = ground.clock

    async def every(self, _request: Request) -> Response:
        """GET: every client."""
        return JSONResponse({"clients": [_client_json(client) for client in await self._store.clients()]})

    async def add(self, request: Request) -> Response:
        """POST: register one; the answer shows its secret, if it has one, this once."""
        wanted = await read_input(request, NewClient)
        client, secret = await register(
            self._desk,
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
            introspection_signed_response_alg=wanted.introspection_signed_response_alg,
            authorization_details_types=wanted.authorization_details_types,
            profile=wanted.profile,
            require_pushed_authorization_requests=wanted.require_pushed_authorization_requests,
            require_signed_request_object=wanted.require_signed_request_object,
            openid=wanted.openid,
            reason=wanted.reason,
        )
        return JSONResponse({**_client_json(client), **_secret_once(secret)}, status_code=201)

    async def show(self, request: Request) -> Response:
        """GET: one client, and what is kept of its secrets."""
        client = await self._store.client(request.path_params["client_id"])
        if client is None:
            raise Refusal(NOT_FOUND)
        secrets = await self._store.client_secrets(client.client_id)
        return JSONResponse({**_client_json(client), "secrets": [_secret_json(secret) for secret in secrets]})

    async def remove(self, request: Request) -> Response:
        """DELETE: remove it; all that it was issued is revoked."""
        if not await self._store.remove_client(request.path_params["client_id"], self._clock.time()):
            raise Refusal(NOT_FOUND)
        return Response(status_code=204)

    async def rotate(self, request: Request) -> Response:
        """POST: a new secret; the answer shows it this once."""
        order = await read_input(request, Rotation)
        secret = await rotate_secret(
            self._desk,
            request.path_params["client_id"],
            overlap=order.seconds(self._clock.time()),
            compromised=order.compromised,
        )
        return JSONResponse(_secret_once(secret), status_code=201)

    async def set_keys(self, request: Request) -> Response:
        """PUT: other keys."""
        order = await read_input(request, NewKeys)
        await set_keys(
            self._desk,
            request.path_params["client_id"],
            order.proving,
            compromised=order.compromised,
        )
        return Response(status_code=204)


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
        "introspection_signed_response_alg": client.introspection_signed_response_alg,
        "authorization_details_types": list(client.authorization_details_types),
        "profile": client.profile,
        "require_pushed_authorization_requests": client.require_pushed_authorization_requests,
        "require_signed_request_object": client.require_signed_request_object,
        "jwks": json.loads(client.jwks) if client.jwks else None,
        "jwks_uri": client.jwks_uri,
        "self_registered": client.self_registered,
        "exposes": list(exposure(client)),
        "weaker": list(weaker(client)),
        "reason": client.reason,
        **asdict(client.openid),
    }


def _ders(pems: list[str]) -> tuple[bytes, ...]:
    return tuple(_der(pem) for pem in pems)


def _der(pem: str) -> bytes:
    try:
        (certificate,) = parse_pem(pem.encode())
    except ValueError:  # or more than one
        raise Refusal(INVALID_INPUT, "certificates: one of them is no PEM certificate") from None
    return certificate.public_bytes(Encoding.DER)


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
