"""Making tokens: the text for the client, the record for the store, and the response that carries them."""

import json
from dataclasses import asdict, dataclass, field, replace
from math import inf

from tokenward.base.secret import Secret
from tokenward.issuer.access_jwt import access_jwt
from tokenward.issuer.agents import access_token_lifetime, acts
from tokenward.issuer.bindings import refresh_binding
from tokenward.issuer.client_auth.method import AuthenticatedClient
from tokenward.issuer.context import Issuer
from tokenward.issuer.scopes import Access, Share
from tokenward.store.records import AccessToken, Client, Grant, RefreshToken
from tokenward.tokens import opaque
from tokenward.tokens.authorization_details.parameter import written
from tokenward.tokens.opaque import OpaqueToken


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A successful answer of the token endpoint (RFC 6749 §5.1).

    `expires_at` is in seconds since the epoch, `authorization_details` as in `AccessToken`.
    """

    access_token: str = field(repr=False)
    token_type: str
    expires_at: float
    scope: tuple[str, ...]
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    issued_token_type: str | None = None
    authorization_details: str | None = None

    def body(self, at: float) -> bytes:
        """The JSON, as sent at that moment."""
        members: dict[str, object] = {
            "access_token": self.access_token,
            "token_type": self.token_type,
            "expires_in": max(0, round(self.expires_at - at)),
        }
        if self.scope:
            members["scope"] = " ".join(self.scope)
        if self.refresh_token is not None:
            members["refresh_token"] = self.refresh_token
        if self.id_token is not None:
            members["id_token"] = self.id_token
        if self.issued_token_type is not None:
            members["issued_token_type"] = self.issued_token_type  # RFC 8693 §2.2.1
        if self.authorization_details is not None:
            members["authorization_details"] = json.loads(self.authorization_details)  # RFC 9396 §7
        return json.dumps(members).encode()

    def to_bytes(self) -> bytes:
        """For sealing; `from_bytes` reads it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "TokenResponse":
        """What `to_bytes` wrote."""
        members = json.loads(data)
        return cls(**{**members, "scope": tuple(members["scope"])})


def new_token(issuer: Issuer, kind: str) -> tuple[OpaqueToken, bytes]:
    """A fresh opaque token, and the keyed hash that is stored in its place."""
    token = opaque.new(kind, prefix=issuer.settings.token_prefix, clock=issuer.clock)
    return token, opaque.keyed_hash(issuer.peppers[0], token.secret.reveal())


def client_access_token(
    issuer: Issuer, caller: AuthenticatedClient, access: Access, *, until: float = inf
) -> tuple[Secret, AccessToken]:
    """An access token in the caller's own name, bound to its key: its text, and the record for the store.

    It ends by `until` at the latest.

    Raises:
        Refusal: CREDENTIAL_IN_CLAIM, where it would be a JWT.
    """
    token, keyed_hash = new_token(issuer, "at")
    now = issuer.clock.time()
    record = AccessToken(
        token_id=token.token_id,
        keyed_hash=keyed_hash,
        grant_id=None,
        client_id=caller.client.client_id,
        user_id=None,
        scope=access.scope,
        audience=access.audience,
        credential=caller.credential,
        issued_at=now,
        expires_at=min(now + access_token_lifetime(issuer.settings, caller.client), until),
        cnf=caller.binding,
        authorization_details=written(access.details),
    )
    return in_its_form(issuer, caller.client, token.secret, record)


def granted_access_token(
    issuer: Issuer, caller: AuthenticatedClient, grant: Grant, share: Share
) -> tuple[Secret, AccessToken]:
    """An access token that follows from a person's grant, and never outlives it; bound to the caller's key.

    Raises:
        Refusal: CREDENTIAL_IN_CLAIM, where it would be a JWT.
    """
    token, keyed_hash = new_token(issuer, "at")
    now = issuer.clock.time()
    record = AccessToken(
        token_id=token.token_id,
        keyed_hash=keyed_hash,
        grant_id=grant.grant_id,
        client_id=grant.client_id,
        user_id=grant.user_id,
        scope=share.scope,
        audience=share.audience,
        credential=caller.credential,
        issued_at=now,
        expires_at=min(now + access_token_lifetime(issuer.settings, caller.client), grant.expires_at),
        cnf=caller.binding,
        act=acts(caller.client),
        authorization_details=share.details,
    )
    return in_its_form(issuer, caller.client, token.secret, record)


def in_its_form(
    issuer: Issuer, client: Client, opaque_text: Secret, record: AccessToken
) -> tuple[Secret, AccessToken]:
    """The token as the client is configured to get it. A JWT is stored, looked up and revoked like the other.

    It bears the same `token_id`, and the keyed hash is that of the whole JWT.
    """
    if client.access_token_format == "opaque":  # noqa: S105 - a form, not a token
        return opaque_text, record
    text = access_jwt(issuer, client, record)
    return Secret(text), replace(record, keyed_hash=opaque.keyed_hash(issuer.peppers[0], text))


def granted_refresh_token(
    issuer: Issuer, caller: AuthenticatedClient, grant: Grant
) -> tuple[OpaqueToken, RefreshToken]:
    """The next refresh token of a grant, with its idle limit; the grant itself holds the absolute one."""
    token, keyed_hash = new_token(issuer, "rt")
    now = issuer.clock.time()
    return token, RefreshToken(
        token_id=token.token_id,
        keyed_hash=keyed_hash,
        grant_id=grant.grant_id,
        issued_at=now,
        expires_at=now + issuer.settings.refresh_idle,
        cnf=refresh_binding(caller),
    )
