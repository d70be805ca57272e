"""What a client says of itself (RFC 7591 §2), read strictly; fields that nobody here knows are ignored.

It is read in one place, whether it was posted to `/register` or stands in a document, and judged by the rules
that also hold for clients that an operator registers (`clients`, `redirects`, `client_auth.registration`).
Addresses in it are kept, and nothing is fetched from any of them but a `jwks_uri`, through the guard.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tokenward.base.problems import (
    INVALID_CLIENT_METADATA,
    INVALID_REDIRECT_URI,
    UNAPPROVED_SOFTWARE_STATEMENT,
    Problem,
    Refusal,
)
from tokenward.issuer.client_auth.registration import Proving, checked
from tokenward.issuer.clients import check_name
from tokenward.issuer.redirects import check_redirect_uris
from tokenward.issuer.settings import SCOPE_TOKEN, IssuerSettings
from tokenward.issuer.strangers import StrangerTerms, host_is_named
from tokenward.store.records import AuthMethod, Client, ClientType

Metadata = Mapping[str, Any]

GRANTS = ("authorization_code", "refresh_token")
"""A stranger acts for a person who said yes, and never for itself."""

LINKS = ("client_uri", "logo_uri", "policy_uri", "tos_uri")
_NOT_OFFERED = ("sector_identifier_uri", "request_uris", "initiate_login_uri", "backchannel_logout_uri")
_WORDS = ("software_id", "software_version")
# By the names of metadata. Certificates and workloads are for clients that an operator knows.
_METHODS: Mapping[str, AuthMethod] = {
    "none": "none",
    "client_secret_basic": "client_secret",
    "client_secret_post": "client_secret",
    "private_key_jwt": "private_key_jwt",
}
_MAX_URI = 2_000
_MAX_TEXT = 200
_MAX_LIST = 20
_URI = re.compile(r"[!$-;=?-\[\]_a-z~]+")


@dataclass(frozen=True, slots=True)
class Described:
    """A client as it described itself, and as it would be kept.

    Attributes:
        client: by our rules.
        method: its `token_endpoint_auth_method` by the name that it gave.
        said: of what it said what is kept and not used, such as where its logo is.
    """

    client: Client
    method: str
    said: Mapping[str, Any]


def described(
    settings: IssuerSettings,
    terms: StrangerTerms,
    metadata: Metadata,
    *,
    client_id: str,
    at: float,
    name_without: str,
    own_host: str = "",
) -> Described:
    """The client that describes itself so.

    Args:
        settings: the issuer's.
        terms: what it may be and ask for.
        metadata: what it says.
        client_id: of the client.
        at: since when it is.
        name_without: what it is called where it does not say it.
        own_host: a host to which answers may go besides those of the terms, or "".

    Raises:
        Refusal: INVALID_REDIRECT_URI, INVALID_CLIENT_METADATA or UNAPPROVED_SOFTWARE_STATEMENT, whose detail
            says which member is wrong and why.
    """
    if "software_statement" in metadata:
        raise Refusal(UNAPPROVED_SOFTWARE_STATEMENT, "software_statement: nobody's statements count here")
    for member in _NOT_OFFERED:
        if metadata.get(member):
            raise _bad(member, "this is not offered here, and nothing is fetched from there")
    # Unsaid, it is client_secret_basic (RFC 7591 §2). A program on somebody's machine keeps no secret, so it
    # is told another method (§3.2.1).
    unsaid = "none" if metadata.get("application_type") == "native" else "client_secret_basic"
    method = _text(metadata, "token_endpoint_auth_method", unsaid)
    registered = _METHODS.get(method)
    if registered is None:
        raise _bad("token_endpoint_auth_method", f"use one of {', '.join(_METHODS)}")
    _check_flow(metadata)
    redirect_uris = _texts(metadata, "redirect_uris", INVALID_REDIRECT_URI)
    client_type = _type(metadata, registered, redirect_uris)
    if client_type not in terms.types:
        raise _bad("token_endpoint_auth_method", f"no {client_type} client can come by itself")
    _check_hosts(redirect_uris, (*terms.redirect_hosts, *filter(None, [own_host])))
    name = _text(metadata, "client_name", name_without)
    try:
        check_name(name)
    except Refusal as refusal:
        raise _bad("client_name", refusal.detail) from None
    proof = _proof(settings, metadata, client_type, registered)
    client = Client(
        client_id=client_id,
        name=name,
        type=client_type,
        redirect_uris=tuple(redirect_uris),
        scopes=_scopes(metadata, terms),
        created_at=at,
        auth_method=registered,
        jwks=proof[0],
        jwks_uri=proof[1],
        bound_tokens="dpop" if _flag(metadata, "dpop_bound_access_tokens") else "",
        require_pushed_authorization_requests=_flag(metadata, "require_pushed_authorization_requests"),
    )
    return Described(client, method, _said(metadata))


def _type(metadata: Metadata, registered: AuthMethod, redirect_uris: list[str]) -> ClientType:
    """`web` where it proves itself; else `native` where the rules of that hold for all its addresses.

    Those of `spa` compare by exact characters and take `http://localhost`, which some programs cannot do
    without (RFC 8252 §8.3 advises against it).
    """
    said = _text(metadata, "application_type", "web")  # OpenID Connect Registration §2
    if said not in ("web", "native"):
        raise _bad("application_type", "this is neither web nor native")
    types: tuple[ClientType, ...] = ("web",) if registered != "none" else ("native", "spa")
    refusals = []
    for client_type in types:
        try:
            check_redirect_uris(client_type, redirect_uris)
        except Refusal as refusal:
            refusals.append(refusal)
        else:
            return client_type
    told = refusals[0 if said == "native" else -1]
    raise Refusal(INVALID_REDIRECT_URI, f"redirect_uris: {told.detail}")


def _check_flow(metadata: Metadata) -> None:
    grants = _texts(metadata, "grant_types", default=["authorization_code"])
    if "authorization_code" not in grants or not set(grants) <= set(GRANTS):
        raise _bad("grant_types", f"authorization_code has to be there, and only {', '.join(GRANTS)} may be")
    if _texts(metadata, "response_types", default=["code"]) != ["code"]:
        raise _bad("response_types", "there is only code")


def _check_hosts(redirect_uris: list[str], hosts: tuple[str, ...]) -> None:
    for uri in redirect_uris:
        parts = urlsplit(uri)
        if parts.scheme == "https" and not host_is_named(parts.hostname or "", hosts):
            raise Refusal(INVALID_REDIRECT_URI, f"redirect_uris: no answer may go to {parts.hostname}")


def _scopes(metadata: Metadata, terms: StrangerTerms) -> tuple[str, ...]:
    """What it may ask for: of what it wants what the terms have; all of that, where it does not say."""
    text = _text(metadata, "scope", "", longest=4_000)
    if not text:
        return terms.scopes
    wanted = text.split(" ")
    if not all(map(SCOPE_TOKEN.fullmatch, wanted)):
        raise _bad("scope", "scopes are separated by single spaces")
    return tuple(each for each in dict.fromkeys(wanted) if each in terms.scopes)


def _proof(
    settings: IssuerSettings, metadata: Metadata, client_type: ClientType, registered: AuthMethod
) -> tuple[str, str]:
    """Its JWK Set and where that is, at most one of them; what others do not use is refused, not kept."""
    jwks = metadata.get("jwks")
    if jwks is not None and not isinstance(jwks, dict):
        raise _bad("jwks", "this is no JWK Set")
    jwks_uri = _text(metadata, "jwks_uri", "", longest=_MAX_URI)
    if jwks_uri:
        _check_link("jwks_uri", jwks_uri)
    proving = Proving(registered, "" if jwks is None else json.dumps(jwks), jwks_uri)
    try:
        _, proof = checked(proving, client_type, settings)
    except Refusal as refusal:
        raise _bad("jwks", refusal.detail) from None
    return proof.jwks, proof.jwks_uri


def _said(metadata: Metadata) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for member in LINKS:
        if link := _text(metadata, member, "", longest=_MAX_URI):
            _check_link(member, link)
            said[member] = link
    for member in _WORDS:
        if word := _text(metadata, member, ""):
            said[member] = word
    if contacts := _texts(metadata, "contacts", default=[]):
        said["contacts"] = contacts
    return said


def _check_link(member: str, uri: str) -> None:
    """An address of a page or a key set of the client's: https, and nobody's name in it."""
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _bad(member, "host or port is malformed") from None
    if not _URI.fullmatch(uri) or parts.scheme != "https" or not host or "@" in parts.netloc:
        raise _bad(member, "write an https address without user name and fragment")


def _text(metadata: Metadata, member: str, default: str, *, longest: int = _MAX_TEXT) -> str:
    value = metadata.get(member, default)
    if not isinstance(value, str) or len(value) > longest or not (value.isprintable()):
        raise _bad(member, f"this is no text of {longest} printable characters at most")
    return value


def _texts(
    metadata: Metadata,
    member: str,
    problem: Problem = INVALID_CLIENT_METADATA,
    *,
    default: list[str] | None = None,
) -> list[str]:
    value = metadata.get(member, default)
    if not isinstance(value, list) or len(value) > _MAX_LIST:
        raise Refusal(problem, f"{member}: this is no list of {_MAX_LIST} texts at most")
    if not all(isinstance(each, str) and 0 < len(each) <= _MAX_URI and each.isprintable() for each in value):
        raise Refusal(
            problem, f"{member}: one of these is no text of {_MAX_URI} printable characters at most"
        )
    return value


def _flag(metadata: Metadata, member: str) -> bool:
    value = metadata.get(member, False)
    if not isinstance(value, bool):
        raise _bad(member, "this is neither true nor false")
    return value


def _bad(member: str, why: str) -> Refusal:
    return Refusal(INVALID_CLIENT_METADATA, f"{member}: {why}")
