"""Managing clients: what may be registered, and what they prove themselves by."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from tokenward.base.entropy import identifier
from tokenward.base.problems import CONFLICT, INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.base.secret import Secret
from tokenward.issuer.agents import held_to_type, is_agent
from tokenward.issuer.client_auth.registration import USUAL, Proving, checked
from tokenward.issuer.client_desk import ATTEMPTS, SETTLED_SECONDS, ClientDesk, known_client, settle
from tokenward.issuer.client_secrets import new_secret
from tokenward.issuer.fapi2 import held_to_profile
from tokenward.issuer.grants import authorization_code
from tokenward.issuer.redirects import check_redirect_uris
from tokenward.issuer.relying_parties import NO_PARTY, checked_party
from tokenward.issuer.settings import INTROSPECT, PROTOCOL_SCOPES, IssuerSettings
from tokenward.issuer.weakening import check_reason
from tokenward.store.port import AlreadyExists
from tokenward.store.records import (
    AccessTokenFormat,
    Client,
    ClientKeySet,
    ClientProfile,
    ClientType,
    IntrospectionAlg,
    RelyingParty,
    TokenBinding,
)
from tokenward.tokens.credential_guard import why_no_claim_value
from tokenward.tokens.release import why_not_released
from tokenward.tokens.subjects import SubjectType, sector_identifier

MAX_NAME = 100
MAX_CLIENT_ID = 64
_CLIENT_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_CLIENT_ID - 1}}}")


async def register(
    desk: ClientDesk,
    *,
    name: str,
    client_type: ClientType,
    scopes: Sequence[str],
    redirect_uris: Sequence[str] = (),
    client_id: str | None = None,
    subject_type: SubjectType = "public",
    sector: str = "",
    id_token_claims: Sequence[str] = (),
    access_token_format: AccessTokenFormat = "opaque",  # noqa: S107 - a form, not a token
    bound_tokens: TokenBinding | None = None,
    introspection_signed_response_alg: IntrospectionAlg = "RS256",
    authorization_details_types: Sequence[str] = (),
    profile: ClientProfile = "",
    require_pushed_authorization_requests: bool = False,
    require_signed_request_object: bool = False,
    openid: RelyingParty = NO_PARTY,
    proving: Proving = USUAL,
    reason: str = "",
) -> tuple[Client, Secret | None]:
    """Register a client; the secret, where it proves itself by one, is there now and never again.

    Args:
        desk: the parts.
        name: what the consent page calls it, 1 to 100 printable characters.
        client_type: `web`, `spa`, `native`, `service`, `device` or `agent`.
        scopes: all that it may ever ask for.
        redirect_uris: where authorization responses may go.
        client_id: a readable id of the operator's choice; made up if None.
        subject_type: whether it knows people by a `sub` of its sector only (OpenID Connect Core §8).
        sector: the host name that stands for a pairwise client; that of its redirect addresses if "".
        id_token_claims: what its ID tokens may tell beyond the minimum, each claim by its exact name.
        access_token_format: `jwt` makes its access tokens readable for whoever holds one (RFC 9068).
        bound_tokens: what its access tokens must be bound by; `dpop` is the metadata
            dpop_bound_access_tokens (RFC 9449 §5.2), `mtls` tls_client_certificate_bound_access_tokens
            (RFC 8705 §3.4); None leaves it to type and profile.
        introspection_signed_response_alg: what signed introspection responses for it are signed with (RFC
            9701 §6).
        authorization_details_types: of which types it may ask for authorization details (RFC 9396 §10).
        profile: `fapi2` turns on all that the FAPI 2.0 Security Profile asks, and refuses what it forbids.
        require_pushed_authorization_requests: it pushes its authorization requests (RFC 9126 §6).
        require_signed_request_object: it signs them (RFC 9101 §10.5), by keys of its own.
        openid: what it has as a relying party.
        proving: how it proves itself.
        reason: why it is weaker than its type is, where it is.

    Raises:
        Refusal: INVALID_INPUT, whose detail says what to mend; CONFLICT, the client_id is taken.
    """
    _check_names(client_type, name, client_id)
    check_redirect_uris(client_type, redirect_uris)
    _check_scopes(desk.settings, client_type, scopes)
    _check_requests(
        client_type,
        proving,
        pushed=require_pushed_authorization_requests,
        signed=require_signed_request_object,
    )
    if profile not in get_args(ClientProfile):
        raise Refusal(INVALID_INPUT, "the only profile is fapi2")
    if bound_tokens == "mtls" and not desk.settings.takes_certificates:
        raise Refusal(INVALID_INPUT, "tokens bound to certificates need issuer.client_certificates")
    if introspection_signed_response_alg not in get_args(IntrospectionAlg):
        there = " and ".join(get_args(IntrospectionAlg))
        raise Refusal(INVALID_INPUT, f"introspection responses are signed with one of {there}")
    _check_details(desk.settings, authorization_details_types)
    party = checked_party(client_type, openid, desk.settings)
    method, proof = checked(proving, client_type, desk.settings, profile)
    if client_id is not None and await desk.store.client(client_id) is not None:
        raise Refusal(CONFLICT, f"client {client_id} exists")
    client = Client(
        client_id=client_id or identifier(),
        name=name,
        type=client_type,
        redirect_uris=tuple(redirect_uris),
        scopes=tuple(dict.fromkeys(scopes)),
        created_at=desk.clock.time(),
        sector=_sector(client_type, subject_type, redirect_uris, sector),
        id_token_claims=_id_token_claims(client_type, id_token_claims),
        access_token_format=access_token_format,
        auth_method=method,
        jwks=proof.jwks,
        jwks_uri=proof.jwks_uri,
        tls_subject=proof.tls_subject,
        bound_tokens=bound_tokens or "",
        introspection_signed_response_alg=introspection_signed_response_alg,
        authorization_details_types=tuple(dict.fromkeys(authorization_details_types)),
        profile=profile,
        require_pushed_authorization_requests=require_pushed_authorization_requests,
        require_signed_request_object=require_signed_request_object,
        openid=party,
        reason=reason,
    )
    if bound_tokens == "" and (is_agent(client) or profile):
        raise Refusal(INVALID_INPUT, "its tokens are always bound to a key: that cannot be turned off")
    check_reason(client)
    client = held_to_type(client)
    if profile == "fapi2":
        client = held_to_profile(client)
    if client.require_pushed_authorization_requests and client_id in desk.settings.without_pushed_requests:
        raise Refusal(INVALID_INPUT, "it has to push its requests, and tokenward.yaml excepts it from that")
    for _ in range(ATTEMPTS):
        # No branch can give a public client a secret (RFC 9700 §2.5): it could not keep one.
        secret, record = new_secret(desk, client.client_id) if method == "client_secret" else (None, None)
        try:
            await desk.store.add_client(client, record)
        except AlreadyExists:
            continue
        return client, secret
    raise Refusal(CONFLICT, f"client {client.client_id} exists")


async def set_keys(desk: ClientDesk, client_id: str, keys: Proving, *, compromised: bool = False) -> None:
    """Let a client prove itself by these keys and nothing else; a secret that it had is gone.

    Args:
        desk: the parts.
        client_id: which client.
        keys: a method that takes keys, or certificates, and these.
        compromised: whether the old ones are in strange hands: then all that the client was issued is void.

    Raises:
        Refusal: NOT_FOUND; INVALID_INPUT, whose detail says what to mend.
    """
    client = await known_client(desk, client_id)
    method, kept = checked(keys, client.type, desk.settings, client.profile)
    if client.profile == "fapi2":
        held_to_profile(replace(client, auth_method=method))
    now = desk.clock.time()
    until = now + SETTLED_SECONDS if compromised else None
    record = ClientKeySet(method, kept.jwks, kept.jwks_uri)
    if not await desk.store.set_client_keys(client_id, record, at=now, void_until=until):
        raise Refusal(NOT_FOUND, f"no client {client_id}")
    await settle(compromised=compromised)


def _sector(
    client_type: ClientType, subject_type: SubjectType, redirect_uris: Sequence[str], named: str
) -> str:
    if subject_type == "public":
        if named:
            raise Refusal(INVALID_INPUT, "a sector is for pairwise subjects: ask for these, or leave it out")
        return ""
    if client_type == "service":
        raise Refusal(INVALID_INPUT, "a service client acts for itself: it has no subjects of persons")
    try:
        return sector_identifier(redirect_uris, named)
    except ValueError as error:
        raise Refusal(INVALID_INPUT, str(error)) from None


def _id_token_claims(client_type: ClientType, names: Sequence[str]) -> tuple[str, ...]:
    if names and client_type == "service":
        raise Refusal(INVALID_INPUT, "a service client acts for itself: it gets no ID tokens")
    for name in names:
        if why := why_not_released(name):
            raise Refusal(INVALID_INPUT, f"this claim cannot be released: {why}")
    return tuple(dict.fromkeys(names))


def check_name(name: str) -> None:
    """Check what people are to call a client.

    Raises:
        Refusal: INVALID_INPUT.
    """
    if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
        raise Refusal(INVALID_INPUT, f"the name must have 1 to {MAX_NAME} printable characters")


def _check_names(client_type: str, name: str, client_id: str | None) -> None:
    if client_type not in get_args(ClientType):
        raise Refusal(INVALID_INPUT, f"the type must be one of {', '.join(get_args(ClientType))}")
    check_name(name)
    if client_id is not None and not _CLIENT_ID.fullmatch(client_id):
        raise Refusal(INVALID_INPUT, f"a client_id has 1 to {MAX_CLIENT_ID} characters of A-Z a-z 0-9 . _ -")
    if client_id is not None and (why := why_no_claim_value(client_id)):
        raise Refusal(INVALID_INPUT, f"every token would carry this client_id, and {why}")


def _check_requests(client_type: ClientType, proving: Proving, *, pushed: bool, signed: bool) -> None:
    if (pushed or signed) and client_type not in authorization_code.GRANT.client_types:
        raise Refusal(INVALID_INPUT, f"a {client_type} client makes no authorization requests")
    if signed and not (proving.jwks or proving.jwks_uri):
        raise Refusal(
            INVALID_INPUT, "who signs its requests proves itself by private_key_jwt, with these keys"
        )


def _check_details(settings: IssuerSettings, types: Sequence[str]) -> None:
    known = sorted(settings.detail_types)
    for name in types:
        if name not in known:
            there = ", ".join(known) or "none: no API has any"
            raise Refusal(
                INVALID_INPUT,
                f"there are no authorization details of type {name[:100]!r}; there are: {there[:1000]}",
            )


def _check_scopes(settings: IssuerSettings, client_type: ClientType, scopes: Sequence[str]) -> None:
    known = {scope for each in settings.resources.values() for scope in each.scopes}
    if client_type == "service":
        known |= {f"{INTROSPECT}{audience}" for audience in settings.resources}
    else:
        known |= set(PROTOCOL_SCOPES)
    for scope in scopes:
        if scope not in known:
            there = ", ".join(sorted(known)) or "none: no API has an operation with a scope"
            raise Refusal(
                INVALID_INPUT,
                f"a {client_type} client cannot have the scope {scope[:100]!r}; there are: {there[:1000]}",
            )
