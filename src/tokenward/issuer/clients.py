"""Managing clients: what may be registered, and secrets that are shown once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.entropy import identifier
from tokenward.base.problems import CONFLICT, INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.base.secret import Secret
from tokenward.issuer.client_auth.method import CONFIDENTIAL
from tokenward.issuer.client_auth.registration import USUAL, Proving, checked
from tokenward.issuer.redirects import check_redirect_uris
from tokenward.issuer.settings import INTROSPECT, PROTOCOL_SCOPES, IssuerSettings
from tokenward.store.port import AlreadyExists, Clients
from tokenward.store.records import AccessTokenFormat, Client, ClientSecret, ClientType, TokenBinding
from tokenward.tokens import opaque
from tokenward.tokens.credential_guard import why_no_claim_value
from tokenward.tokens.release import why_not_released
from tokenward.tokens.subjects import SubjectType, sector_identifier

MAX_NAME = 100
MAX_CLIENT_ID = 64
_CLIENT_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_CLIENT_ID - 1}}}")
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class ClientDesk:
    """What managing clients needs.

    Attributes:
        store: where clients are kept.
        settings: which scopes there are, and the prefix of secrets.
        peppers: the first hashes new secrets.
        clock: time.
    """

    store: Clients
    settings: IssuerSettings
    peppers: tuple[bytes, ...]
    clock: Clock = SYSTEM_CLOCK


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
    bound_tokens: TokenBinding = "",
    proving: Proving = USUAL,
) -> tuple[Client, Secret | None]:
    """Register a client; the secret, where it proves itself by one, is there now and never again.

    Args:
        desk: the parts.
        name: what the consent page calls it, 1 to 100 printable characters.
        client_type: `web`, `spa`, `native` or `service`.
        scopes: all that it may ever ask for.
        redirect_uris: where authorization responses may go.
        client_id: a readable id of the operator's choice; made up if None.
        subject_type: whether it knows people by a `sub` of its sector only (OpenID Connect Core §8).
        sector: the host name that stands for a pairwise client; that of its redirect addresses if "".
        id_token_claims: what its ID tokens may tell beyond the minimum, each claim by its exact name.
        access_token_format: `jwt` makes its access tokens readable for whoever holds one (RFC 9068).
        bound_tokens: what its access tokens must be bound by; `dpop` is the metadata
            dpop_bound_access_tokens (RFC 9449 §5.2), `mtls` tls_client_certificate_bound_access_tokens
            (RFC 8705 §3.4).
        proving: how it proves itself.

    Raises:
        Refusal: INVALID_INPUT, whose detail says what to mend; CONFLICT, the client_id is taken.
    """
    if client_type not in get_args(ClientType):
        raise Refusal(INVALID_INPUT, "the type must be web, spa, native or service")
    if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
        raise Refusal(INVALID_INPUT, f"the name must have 1 to {MAX_NAME} printable characters")
    if client_id is not None and not _CLIENT_ID.fullmatch(client_id):
        raise Refusal(INVALID_INPUT, f"a client_id has 1 to {MAX_CLIENT_ID} characters of A-Z a-z 0-9 . _ -")
    if client_id is not None and (why := why_no_claim_value(client_id)):
        raise Refusal(INVALID_INPUT, f"every token would carry this client_id, and {why}")
    check_redirect_uris(client_type, redirect_uris)
    _check_scopes(desk.settings, client_type, scopes)
    if bound_tokens == "mtls" and not desk.settings.takes_certificates:
        raise Refusal(INVALID_INPUT, "tokens bound to certificates need issuer.client_certificates")
    method, proof = checked(proving, client_type, desk.settings)
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
        tls_subject=proof.tls_subject,
        bound_tokens=bound_tokens,
    )
    for _ in range(_ATTEMPTS):
        # No branch can give a public client a secret (RFC 9700 §2.5): it could not keep one.
        secret, record = _new_secret(desk, client.client_id) if method == "client_secret" else (None, None)
        try:
            await desk.store.add_client(client, record)
        except AlreadyExists:
            continue
        return client, secret
    raise Refusal(CONFLICT, f"client {client.client_id} exists")


async def rotate_secret(desk: ClientDesk, client_id: str, *, overlap: float = 0.0) -> Secret:
    """A new secret; the old ones end after `overlap` seconds.

    Raises:
        Refusal: NOT_FOUND; INVALID_INPUT, the client is public or the overlap is negative.
    """
    client = await desk.store.client(client_id)
    if client is None:
        raise Refusal(NOT_FOUND, f"no client {client_id}")
    if client.type not in CONFIDENTIAL:
        raise Refusal(INVALID_INPUT, f"client {client_id} is {client.type}: it can never have a secret")
    if client.auth_method != "client_secret":
        raise Refusal(INVALID_INPUT, f"client {client_id} proves itself by {client.auth_method}")
    if overlap < 0:
        raise Refusal(INVALID_INPUT, "the overlap must not be negative")
    for _ in range(_ATTEMPTS):
        secret, record = _new_secret(desk, client_id)
        try:
            known = await desk.store.rotate_client_secret(record, old_expire_at=record.created_at + overlap)
        except AlreadyExists:
            continue
        if not known:
            raise Refusal(NOT_FOUND, f"no client {client_id}")
        return secret
    raise Refusal(CONFLICT, "fresh locators keep being taken")


def _new_secret(desk: ClientDesk, client_id: str) -> tuple[Secret, ClientSecret]:
    token = opaque.new("cs", prefix=desk.settings.token_prefix, clock=desk.clock)
    keyed_hash = opaque.keyed_hash(desk.peppers[0], token.secret.reveal())
    return token.secret, ClientSecret(
        secret_id=token.token_id,
        client_id=client_id,
        keyed_hash=keyed_hash,
        created_at=desk.clock.time(),
        expires_at=None,
    )


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
