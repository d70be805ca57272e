"""The records that the store keeps: frozen values, no behaviour.

Times are seconds since 1970-01-01 UTC. `token_id` is the locator of an opaque token: public, the row's key.
`keyed_hash` is HMAC-SHA256(pepper, SHA-256(token)): the token itself is never stored.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

ClientType = Literal["web", "spa", "native", "service"]
Credential = Literal["api_key", "none", "client_secret", "private_key_jwt", "mtls"]
"""How the client proved itself, weakest first: the tier of all that follows. `none` is a public client."""

KeyPurpose = Literal["outside", "inside"]
RevokedBy = Literal["token", "grant", "client", "user", "all", "claims", "signing_keys"]
AccessTokenFormat = Literal["opaque", "jwt"]


@dataclass(frozen=True, slots=True)
class Client:
    """A registered application (RFC 6749 §2).

    Attributes:
        sector: the sector identifier of a client that knows people by pairwise subjects (OpenID Connect Core
            §8.1); "" for one that knows them by their public ones.
        id_token_claims: what its ID tokens may tell beyond the minimum.
        access_token_format: of the access tokens that it is issued; `jwt` is RFC 9068.
    """

    client_id: str
    name: str
    type: ClientType
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    created_at: float
    sector: str = ""
    id_token_claims: tuple[str, ...] = ()
    access_token_format: AccessTokenFormat = "opaque"  # noqa: S105 - a form, not a token


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One secret of a confidential client; several may be valid while one is being rotated."""

    secret_id: str
    client_id: str
    keyed_hash: bytes
    created_at: float
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class User:
    """A person who can sign in. `password_hash` is an argon2id string in PHC format."""

    user_id: str
    username: str
    password_hash: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's sign-in. `amr` holds RFC 8176 values: what the person did to sign in."""

    session_id: str
    keyed_hash: bytes
    user_id: str
    amr: tuple[str, ...]
    auth_time: float
    last_seen_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person allowed a client to do; every token that follows from it points here.

    `expires_at` is the absolute end of the whole family. Revoking the grant ends all of it at once.
    """

    grant_id: str
    client_id: str
    user_id: str
    scope: tuple[str, ...]
    audience: str
    amr: tuple[str, ...]
    auth_time: float
    created_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """A code waiting to be redeemed (RFC 6749 §4.1.2), with what its redemption must match."""

    token_id: str
    keyed_hash: bytes
    grant_id: str
    redirect_uri: str
    code_challenge: str
    nonce: str | None
    expires_at: float


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An opaque access token. `grant_id` and `user_id` are None for client credentials."""

    token_id: str
    keyed_hash: bytes
    grant_id: str | None
    client_id: str
    user_id: str | None
    scope: tuple[str, ...]
    audience: str
    credential: Credential
    issued_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One link of a refresh chain; `expires_at` is the idle limit, the grant holds the absolute one."""

    token_id: str
    keyed_hash: bytes
    grant_id: str
    issued_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class SigningKeyRecord:
    """A signing key at rest: the private half sealed under the data key, the public half as JWK JSON.

    Its moments say in which state it is (`key_states.state`); None is a moment that is not foreseen.
    `sealed_private` is empty once the private half was destroyed.
    """

    kid: str
    purpose: KeyPurpose
    algorithm: str
    sealed_private: bytes
    public_jwk: str
    created_at: float
    activates_at: float
    retires_at: float | None = None
    removes_at: float | None = None
    compromised_at: float | None = None


@dataclass(frozen=True, slots=True)
class SealedContents:
    """All that is sealed under the data key: the peppers, the one that writes first, and the signing keys."""

    peppers: tuple[bytes, ...] = ()
    signing_keys: tuple[SigningKeyRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One entry of the revocation feed.

    `subject` is a token_id, grant_id, client_id or user_id as `revoked` says, "" for all.
    For client, user and all, what was issued at or before `before`, and all that follows from a grant of that
    time, is dead; otherwise `before` is 0. A cache drops all that it holds of the subject and asks again.
    For claims, whose subject is a user_id, nothing is revoked: what was known of the person has changed.
    For signing_keys the subject is a purpose, whose keys are others now, or in other states.
    """

    seq: int
    revoked: RevokedBy
    subject: str
    before: float


@dataclass(frozen=True, slots=True)
class AccessTokenState:
    """An access token as the store sees it now: itself, and whether anything above it was revoked."""

    token: AccessToken
    revoked: bool


@dataclass(frozen=True, slots=True)
class CodeState:
    """A code, its grant, and whether either can no longer be used."""

    code: AuthorizationCode
    grant: Grant
    consumed: bool
    revoked: bool


@dataclass(frozen=True, slots=True)
class RefreshState:
    """A refresh token, its grant, and whether either can no longer be used."""

    token: RefreshToken
    grant: Grant
    consumed: bool
    revoked: bool


class Consumption(Enum):
    """What became of an attempt to use a single-use row."""

    WON = "won"
    ALREADY_CONSUMED = "already consumed"
    REVOKED_OR_EXPIRED = "revoked, expired or gone"
