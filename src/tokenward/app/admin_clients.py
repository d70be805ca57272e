"""Clients in the admin API."""

import json
from typing import Annotated, Literal, NotRequired

from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import BaseModel, ConfigDict, Field, with_config
from typing_extensions import TypedDict

from tokenward.app.admin_input import Input
from tokenward.app.admin_operations import Operation
from tokenward.app.admin_pages import Page, page_of
from tokenward.app.admin_values import (
    LIST_LIMIT,
    PRINTABLE,
    WHOLE,
    WORD,
    AddressOrNone,
    ClaimName,
    ClientId,
    Credential,
    DetailType,
    Host,
    Id,
    Jwk,
    Line,
    Moment,
    Name,
    Scope,
    Uri,
    Value,
    Word,
)
from tokenward.app.foundation import Foundation
from tokenward.base.problems import CONFLICT, INVALID_INPUT, NOT_FOUND, Refusal
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

Pem = Annotated[str, Field(max_length=16_384, pattern=r"^[\t\n\r -~]+$")]
Certificates = Annotated[list[Pem], Field(max_length=8, description="X.509, in PEM, one each.")]
Subject = Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]*$")]


class KeySet(BaseModel):
    """A JWK Set with public keys (RFC 7517 §5). Members that it may have beside them are not looked at."""

    model_config = ConfigDict(
        extra="allow",
        strict=True,
        hide_input_in_errors=True,
        # pydantic says what other members hold, and not how they may be called.
        json_schema_extra={"propertyNames": {"type": "string", "pattern": WORD}},
    )
    __pydantic_extra__: dict[Word, Value]

    keys: Annotated[list[Jwk], Field(min_length=1, max_length=20)]


class NewClient(Input):
    """A client to register."""

    client_id: ClientId | None = None
    name: Name
    type: ClientType
    scopes: list[Scope] = Field(default_factory=list, max_length=200)
    redirect_uris: list[Uri] = Field(default_factory=list, max_length=20)
    subject_type: SubjectType = "public"
    sector: Host = ""
    id_token_claims: list[ClaimName] = Field(default_factory=list, max_length=50)
    access_token_format: AccessTokenFormat = "opaque"  # noqa: S105 - a form, not a token
    auth_method: AuthMethod | None = None
    jwks: KeySet | None = None
    jwks_uri: AddressOrNone = ""
    tls_subject: Subject = ""
    bound_tokens: TokenBinding | None = None
    introspection_signed_response_alg: IntrospectionAlg = "RS256"
    authorization_details_types: list[DetailType] = Field(default_factory=list, max_length=50)
    profile: ClientProfile = ""
    require_pushed_authorization_requests: bool = False
    require_signed_request_object: bool = False
    certificates: Certificates = Field(default_factory=list)
    id_token_signed_response_alg: OpenIdAlg = "RS256"  # noqa: S105 - the name of an algorithm
    userinfo_signed_response_alg: Literal["", "RS256", "ES256"] = ""
    userinfo_claims: list[ClaimName] = Field(default_factory=list, max_length=50)
    post_logout_redirect_uris: list[Uri] = Field(default_factory=list, max_length=20)
    backchannel_logout_uri: AddressOrNone = ""
    backchannel_logout_session_required: bool = False
    reason: Annotated[str, Field(max_length=LONGEST_REASON, pattern=PRINTABLE)] = ""

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

    jwks: KeySet | None = None
    jwks_uri: AddressOrNone = ""
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

    overlap: Annotated[int, Field(ge=0, le=MAX_OVERLAP), WHOLE] | None = None
    until: Moment | None = None
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


@with_config(extra="forbid")
class ClientShown(TypedDict):
    """A client as it is registered."""

    client_id: Line
    name: Line
    type: ClientType
    scopes: Annotated[list[Scope], Field(max_length=200)]
    redirect_uris: Annotated[list[Uri], Field(max_length=20)]
    created_at: Moment
    subject_type: SubjectType
    sector: Host
    id_token_claims: Annotated[list[ClaimName], Field(max_length=50)]
    access_token_format: AccessTokenFormat
    auth_method: AuthMethod
    tls_subject: Line
    bound_tokens: TokenBinding
    introspection_signed_response_alg: IntrospectionAlg
    authorization_details_types: Annotated[list[DetailType], Field(max_length=50)]
    profile: ClientProfile
    require_pushed_authorization_requests: bool
    require_signed_request_object: bool
    jwks: KeySet | None
    jwks_uri: AddressOrNone
    self_registered: bool
    exposes: Annotated[list[Line], Field(max_length=100)]
    weaker: Annotated[list[Line], Field(max_length=20)]
    reason: Annotated[str, Field(max_length=LONGEST_REASON)]
    id_token_signed_response_alg: OpenIdAlg
    userinfo_signed_response_alg: Literal["", "RS256", "ES256"]
    userinfo_claims: Annotated[list[ClaimName], Field(max_length=50)]
    post_logout_redirect_uris: Annotated[list[Uri], Field(max_length=20)]
    backchannel_logout_uri: AddressOrNone
    backchannel_logout_session_required: bool


class ClientRegistered(ClientShown):
    """A client that was just registered, with its secret, if it proves itself by one."""

    client_secret: NotRequired[Credential]


@with_config(extra="forbid")
class SecretShown(TypedDict):
    """What is kept of a client secret."""

    secret_id: Id
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None


class ClientWithSecrets(ClientShown):
    """A client, and what is kept of its secrets."""

    secrets: Annotated[list[SecretShown], Field(max_length=LIST_LIMIT)]


@with_config(extra="forbid")
class SecretGiven(TypedDict):
    """A client secret that was just made."""

    client_secret: Credential


@with_config(extra="forbid")
class ClientPage(TypedDict):
    """Clients by age."""

    clients: Annotated[list[ClientShown], Field(max_length=LIST_LIMIT)]
    next: Line | None


async def list_clients(ground: Foundation, page: Page) -> ClientPage:
    """Every client, by age."""
    clients, following = page_of(await ground.store.clients(), page, lambda client: client.client_id)
    return {"clients": [_shown(client) for client in clients], "next": following}


async def register_client(ground: Foundation, wanted: NewClient) -> ClientRegistered:
    """Register a client; the answer shows its secret, if it has one, this once."""
    client, secret = await register(
        ground.client_desk,
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
    # What may be missing is missing, as long as nobody puts it there.
    made: ClientRegistered = {**_shown(client)}  # type: ignore[typeddict-item]
    if secret is not None:
        made["client_secret"] = secret.reveal()
    return made


async def show_client(ground: Foundation, client_id: ClientId) -> ClientWithSecrets:
    """One client, and what is kept of its secrets."""
    client = await ground.store.client(client_id)
    if client is None:
        raise Refusal(NOT_FOUND)
    secrets = await ground.store.client_secrets(client_id)
    return {**_shown(client), "secrets": [_secret_shown(secret) for secret in secrets]}


async def remove_client(ground: Foundation, client_id: ClientId) -> None:
    """Remove a client; all that it was issued is revoked."""
    if not await ground.store.remove_client(client_id, ground.clock.time()):
        raise Refusal(NOT_FOUND)


async def rotate_client_secret(ground: Foundation, client_id: ClientId, order: Rotation) -> SecretGiven:
    """Make a new secret for a client; the answer shows it this once."""
    overlap = order.seconds(ground.clock.time())
    secret = await rotate_secret(
        ground.client_desk, client_id, overlap=overlap, compromised=order.compromised
    )
    return {"client_secret": secret.reveal()}


async def set_client_keys(ground: Foundation, client_id: ClientId, order: NewKeys) -> None:
    """Let a client prove itself by other keys, in the place of those, or the secret, that it had."""
    await set_keys(ground.client_desk, client_id, order.proving, compromised=order.compromised)


def _shown(client: Client) -> ClientShown:
    openid = client.openid
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
        "id_token_signed_response_alg": openid.id_token_signed_response_alg,
        "userinfo_signed_response_alg": openid.userinfo_signed_response_alg,
        "userinfo_claims": list(openid.userinfo_claims),
        "post_logout_redirect_uris": list(openid.post_logout_redirect_uris),
        "backchannel_logout_uri": openid.backchannel_logout_uri,
        "backchannel_logout_session_required": openid.backchannel_logout_session_required,
    }


def _ders(pems: list[str]) -> tuple[bytes, ...]:
    return tuple(_der(pem) for pem in pems)


def _der(pem: str) -> bytes:
    try:
        (certificate,) = parse_pem(pem.encode())
    except ValueError:  # or more than one
        raise Refusal(INVALID_INPUT, "certificates: one of them is no PEM certificate") from None
    return certificate.public_bytes(Encoding.DER)


def _secret_shown(secret: ClientSecret) -> SecretShown:
    return {
        "secret_id": secret.secret_id,
        "created_at": secret.created_at,
        "expires_at": secret.expires_at,
        "last_used_at": secret.last_used_at,
    }


def _json_or_nothing(value: KeySet | None) -> str:
    return "" if value is None else value.model_dump_json()


OPERATIONS = (
    Operation("GET", "/clients", list_clients, refuses=(NOT_FOUND,)),
    Operation("POST", "/clients", register_client, 201, refuses=(CONFLICT,)),
    Operation("GET", "/clients/{client_id}", show_client),
    Operation("DELETE", "/clients/{client_id}", remove_client, 204),
    Operation("POST", "/clients/{client_id}/secrets", rotate_client_secret, 201, refuses=(CONFLICT,)),
    Operation("PUT", "/clients/{client_id}/keys", set_client_keys, 204),
)
