"""What the operator decides about the issuer: its name, its resources and how long things live."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlsplit

from tokenward.issuer.strangers import RegistrationPolicy
from tokenward.tokens.authorization_details.types import DetailType
from tokenward.tokens.certificates import Authorities

OPENID = "openid"
OFFLINE_ACCESS = "offline_access"
PROTOCOL_SCOPES: Mapping[str, str] = {
    OPENID: "Know who you are",  # OpenID Connect Core §3.1.2.1
    OFFLINE_ACCESS: "Keep this access while you are away",  # OpenID Connect Core §11
    # OpenID Connect Core §5.4; which of their claims are told is the client's policy.
    "profile": "See your name and what else is in your profile",
    "email": "See your e-mail address",
    "address": "See your postal address",
    "phone": "See your telephone number",
}
"""Scopes of the protocol itself, which belong to no resource: scope → what it allows, for people."""

INTROSPECT = "introspect:"
"""With an audience behind it: lets a service client introspect tokens for that audience. Never in a token."""

SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 §3.3


@dataclass(frozen=True, slots=True)
class Resource:
    """One API that tokens can be for.

    Attributes:
        audience: the resource's identifier, an absolute URI without fragment (RFC 8707 §2).
        name: what people call it.
        scopes: scope → what it allows, in plain words.
        introspection: the claims that introspection tells it beyond the minimum.
        sector: its audience if it knows people by pairwise subjects, else "".
        details: name → type of authorization details (RFC 9396 §2.1); no other resource has one of the name.
    """

    audience: str
    name: str
    scopes: Mapping[str, str]
    introspection: tuple[str, ...] = ()
    sector: str = ""
    details: Mapping[str, DetailType] = field(default_factory=dict)


Actor = Literal["none", "client", "token"]
"""Who acts by an exchanged token (RFC 8693 §1.1): nobody (impersonation), the client that exchanged it, or
whom an actor token stands for."""


@dataclass(frozen=True, slots=True)
class ExchangeRule:
    """That a client may turn tokens for one audience into tokens for another, or into narrower ones.

    Attributes:
        client_id: who may.
        subject_audience: what the subject token is for.
        audience: what the new token is for.
        scopes: all that it may allow. Where the audience stays, the subject token bounds it, too.
        actor: who acts by it.
        bound_subjects: whether a subject token that is bound to its caller's key is taken from a client that
            cannot prove this key, since it is the API to which the caller proved it.
    """

    client_id: str
    subject_audience: str
    audience: str
    scopes: tuple[str, ...]
    actor: Actor = "client"
    bound_subjects: bool = False


@dataclass(frozen=True, slots=True)
class IssuerSettings:
    """The issuer's settings. Times are seconds.

    Attributes:
        url: the issuer identifier (RFC 8414 §2): scheme, host and port, nothing else.
        access_token_lifetime: of access tokens and ID tokens.
        code_lifetime: of authorization codes.
        device_code_lifetime: of device codes and their user codes.
        refresh_idle: how long an unused refresh token lives.
        refresh_absolute: how long a grant lives, however often it is refreshed.
        api_key_lifetime: of API keys for which nobody says otherwise.
        api_key_longest: of any API key.
        lost_response_window: how long a refresh response can be fetched again.
        secret_longest: how long a client secret lives.
        token_prefix: of opaque tokens.
        resources: audience → resource.
        takes_certificates: whether the certificate of a TLS client gets here (RFC 8705).
        client_authorities: the CAs whose certificates authenticate clients, if there are any.
        exchange: who may exchange what for what; there is one rule at most for each client and two audiences.
        require_pushed_requests: every client pushes its authorization requests (RFC 9126 §5).
        without_pushed_requests: the client_ids of those that need not, all the same.
        registration: who may register itself; None: nobody.

    Raises:
        ValueError: the url is no origin, or a resource is malformed.
    """

    url: str
    access_token_lifetime: int = 600
    code_lifetime: int = 60
    device_code_lifetime: int = 600
    refresh_idle: int = 14 * 86400
    refresh_absolute: int = 90 * 86400
    api_key_lifetime: int = 90 * 86400
    api_key_longest: int = 365 * 86400
    lost_response_window: int = 10
    secret_longest: int = 180 * 86400
    token_prefix: str = "tkw"  # noqa: S105 - the public beginning of every token
    resources: Mapping[str, Resource] = field(default_factory=dict)
    takes_certificates: bool = False
    client_authorities: Authorities | None = None
    exchange: tuple[ExchangeRule, ...] = ()
    require_pushed_requests: bool = False
    without_pushed_requests: frozenset[str] = frozenset()
    registration: RegistrationPolicy | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or self.url != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("the issuer's url must be an http(s) origin without path or trailing slash")
        for audience, resource in self.resources.items():
            if audience != resource.audience or not is_absolute_uri(audience):
                raise ValueError(f"the audience {audience!r} must be an absolute URI without fragment")
            for scope in resource.scopes:
                if (
                    scope in PROTOCOL_SCOPES
                    or scope.startswith(INTROSPECT)
                    or not SCOPE_TOKEN.fullmatch(scope)
                ):
                    raise ValueError(f"the scope {scope!r} of {audience} is reserved or malformed")
            if any(it.audience != audience for it in resource.details.values()):
                raise ValueError(f"a type of authorization details at {audience} is of another resource")
        if len(self.detail_types) != sum(len(it.details) for it in self.resources.values()):
            raise ValueError("two resources have authorization details of one type")

    @property
    def detail_types(self) -> dict[str, DetailType]:
        """Every type of authorization details, by name."""
        return {name: it for each in self.resources.values() for name, it in each.details.items()}

    def in_words(self, audience: str) -> Resource:
        """What people are told of an audience: its name, and what every scope allows that can be had there.

        Of one that is not configured (any more) they are told its identifier, and of protocol scopes.
        """
        known = self.resources.get(audience)
        if known is not None:
            return replace(known, scopes={**PROTOCOL_SCOPES, **known.scopes})
        return Resource(audience, "your account here" if audience == self.url else audience, PROTOCOL_SCOPES)


def is_absolute_uri(text: str) -> bool:
    """Whether `text` is an absolute URI without fragment (RFC 3986 §4.3), as RFC 8707 §2 asks for."""
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!$-;=?-\[\]_a-z~]+", text) is not None
