"""The records that the store keeps: frozen values, no behaviour.

Times are seconds since 1970-01-01 UTC. `token_id` is the locator of an opaque token: public, the row's key.
`keyed_hash` is HMAC-SHA256(pepper, SHA-256(token)): the token itself is never stored.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from tokenward.tokens.binding import Confirmation

ClientType = Literal["web", "spa", "native", "service", "device", "agent"]
"""`device` is one without a browser, or without keys to type on (RFC 8628); `agent` a program that acts for a
person who is not there, or on its own."""

Credential = Literal["api_key", "none", "client_secret", "workload", "private_key_jwt", "mtls"]
"""How the client proved itself, weakest first: the tier of all that follows. `none` is a public client.

`workload` is a token of a platform that vouches for what runs on it.
"""

AuthMethod = Literal[
    "none", "client_secret", "workload", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"
]
"""How a client must prove itself: `client_secret` stands for both of RFC 6749 §2.3.1."""

TokenBinding = Literal["", "dpop", "mtls"]

ClientProfile = Literal["", "fapi2"]
"""What a client holds itself to as a whole: "" for what its type asks, `fapi2` for the FAPI 2.0 Security
Profile."""

IntrospectionAlg = Literal["RS256", "ES256"]
"""What signed introspection responses are signed with; RS256 is what RFC 9701 §6 has as the default."""

OpenIdAlg = Literal["RS256", "ES256"]
"""What ID tokens, userinfo and logout tokens are signed with; RS256 is the default of OpenID Connect."""

KeyPurpose = Literal["outside", "inside"]
RevokedBy = Literal["token", "grant", "client", "user", "all", "claims", "signing_keys", "api_key"]
AccessTokenFormat = Literal["opaque", "jwt"]


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """What an application is registered with beyond OAuth, where it signs people in by OpenID Connect.

    Attributes:
        id_token_signed_response_alg: of its ID tokens, and of logout tokens for it.
        userinfo_signed_response_alg: of userinfo as a JWT; "" for JSON (OpenID Connect Registration §2).
        userinfo_claims: what userinfo may tell it beyond the minimum, as `id_token_claims` in ID tokens.
        post_logout_redirect_uris: where people may be sent after signing out (RP-Initiated Logout §3.1).
        backchannel_logout_uri: where it is told that a session has ended (Back-Channel Logout §2.2), or "".
        backchannel_logout_session_required: whether it must be told which; it always is.
    """

    id_token_signed_response_alg: OpenIdAlg = "RS256"  # noqa: S105 - the name of an algorithm
    userinfo_signed_response_alg: Literal["", "RS256", "ES256"] = ""
    userinfo_claims: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str = ""
    backchannel_logout_session_required: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """A registered application (RFC 6749 §2).

    Attributes:
        sector: the sector identifier of a client that knows people by pairwise subjects (OpenID Connect Core
            §8.1); "" for one that knows them by their public ones.
        id_token_claims: what its ID tokens may tell beyond the minimum.
        access_token_format: of the access tokens that it is issued; `jwt` is RFC 9068.
        auth_method: how it must prove itself; one and no other (RFC 7591 §2).
        jwks: its public keys as the JSON of a JWK Set, or "".
        jwks_uri: where these are to be had, or "".
        tls_subject: what its certificate must name under `tls_client_auth` (RFC 8705 §2.1.2), as
            `parameter:value`, or "".
        bound_tokens: what its access tokens must be bound by; "" leaves it to the request.
        introspection_signed_response_alg: what signed introspection responses for it are signed with (RFC
            9701 §6).
        authorization_details_types: of which types it may ask for authorization details (RFC 9396 §10).
        profile: what it holds itself to as a whole.
        require_pushed_authorization_requests: it pushes its authorization requests (RFC 9126 §6).
        require_signed_request_object: it signs them (RFC 9101 §10.5).
        openid: what it has as a relying party.
        self_registered: nobody here registered it (RFC 7591).
        reason: why it is weaker than its type is; "" where it is not.
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
    auth_method: AuthMethod = "client_secret"
    jwks: str = ""
    jwks_uri: str = ""
    tls_subject: str = ""
    bound_tokens: TokenBinding = ""
    introspection_signed_response_alg: IntrospectionAlg = "RS256"
    authorization_details_types: tuple[str, ...] = ()
    profile: ClientProfile = ""
    require_pushed_authorization_requests: bool = False
    require_signed_request_object: bool = False
    openid: RelyingParty = RelyingParty()
    self_registered: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ClientKeySet:
    """A method of authentication by keys, and where these are: in `jwks` or behind `jwks_uri`."""

    auth_method: AuthMethod
    jwks: str
    jwks_uri: str


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One secret of a confidential client; several may be valid while one is being rotated.

    `last_used_at` is written in batches, and None where it was never used.
    """

    secret_id: str
    client_id: str
    keyed_hash: bytes
    created_at: float
    expires_at: float | None
    last_used_at: float | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person allowed a client to do; every token that follows from it points here.

    `expires_at` is the absolute end of the whole family. Revoking the grant ends all of it at once.
    `authorization_details` is what exactly was allowed beside scopes, as JSON (RFC 9396 §2), or None.
    `sid` is the client's name for the session in which it was given, or None. `claims` are those that were
    asked for one by one and that no scope covers (OpenID Connect Core §5.5), as JSON, or None.
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
    authorization_details: str | None = None
    sid: str | None = None
    claims: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """A code waiting to be redeemed (RFC 6749 §4.1.2), with what its redemption must match.

    `cnf` is the key that must redeem it (RFC 9449 §10).
    """

    token_id: str
    keyed_hash: bytes
    grant_id: str
    redirect_uri: str
    code_challenge: str
    nonce: str | None
    expires_at: float
    cnf: Confirmation | None = None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token. `grant_id` and `user_id` are None for client credentials.

    Attributes:
        credential: the weakest one in its chain.
        cnf: the key that it is bound to (RFC 7800 §3.1); None for a bearer token.
        act: who acts by it, as the JSON of an `act` claim (RFC 8693 §4.1); None where nobody does.
        ancestors: all that it was exchanged for, with each of which it ends: a token_id, or a key_id behind
            `API_KEY_CLIENT`.
        subject_client: the client that it stands for, where another one exchanged it; None for a person's,
            and for one that stands for its own client.
        authorization_details: as those of `Grant`, or fewer.
    """

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
    cnf: Confirmation | None = None
    act: str | None = None
    ancestors: tuple[str, ...] = ()
    subject_client: str | None = None
    authorization_details: str | None = None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One link of a refresh chain; `expires_at` is the idle limit, the grant holds the absolute one.

    `cnf` is the key that must use it (RFC 9449 §5).
    """

    token_id: str
    keyed_hash: bytes
    grant_id: str
    issued_at: float
    expires_at: float
    cnf: Confirmation | None = None


API_KEY_CLIENT = "api_key/"
"""With a key_id behind it: the client_id of what an API key does. No registered client has a slash in its."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A static credential of a program: for one audience, owned by somebody, and never without an end.

    Attributes:
        key_id: the locator of a key of ours; likewise made for an imported one, which has none in itself.
        keyed_hash: of the whole key, as for every opaque token.
        name: what it is for, in its owner's words.
        owner: who answers for it and is told before it ends: an e-mail address, or another name.
        last_four: the key's last characters, by which people recognise it; "" where nobody knows them.
        addresses: networks that it may be used from, such as `10.0.0.0/8`; empty for any.
        origins: values of `Origin` that it may be used with (RFC 6454 §7); empty for any, and for none.
        rate: calls a minute, or None.
        rotated_from: the key_id of the key that it succeeds, or None.
        imported: it has a form of somebody else's, and only its SHA-256 was ever known here.
    """

    key_id: str
    keyed_hash: bytes
    name: str
    owner: str
    last_four: str
    audience: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float
    addresses: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    rate: int | None = None
    rotated_from: str | None = None
    imported: bool = False


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
    For api_key it is a key_id: revoked, or it ends sooner than was known.
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


@dataclass(frozen=True, slots=True)
class RevokedTokens:
    """What became of a list of tokens to revoke: how many were revoked now, or before, or are unknown."""

    revoked: int = 0
    revoked_before: int = 0
    unknown: int = 0

    def __add__(self, other: "RevokedTokens") -> "RevokedTokens":
        return RevokedTokens(
            self.revoked + other.revoked,
            self.revoked_before + other.revoked_before,
            self.unknown + other.unknown,
        )


@dataclass(frozen=True, slots=True)
class ApiKeyState:
    """An API key as the store sees it now.

    Attributes:
        key: itself.
        revoked: by its id, or with everything that was issued until some moment.
        rotated_at: when it got a successor, or None.
        uses: how often it was presented and known, as far as that was written down.
        last_used_at: when that was last, or None.
        told_days: the owner was told that it ends within so many days, the fewest so far; None before that.
    """

    key: ApiKey
    revoked: bool = False
    rotated_at: float | None = None
    uses: int = 0
    last_used_at: float | None = None
    told_days: int | None = None


UsageKind = Literal["access_token", "refresh_token", "api_key", "client_secret"]
"""What has its uses written down."""

UsageDoor = Literal["gateway", "issuer", "introspection"]
"""Where it was used: in a call of an API; to get a token, or as a client; an API asked what it is."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How often something was used from one address, and when first and last.

    Attributes:
        kind: what it is.
        subject: its id: a token_id, key_id or secret_id.
        door: where it was used. By introspection, the address is that of the API which asked.
        address: as `base.throttle.peer_network` has it: an IPv4 address, or the /64 of an IPv6 one; or
            `OTHERS`.
        uses: how often; refused calls count.
        first_used_at: the first of these.
        last_used_at: the last.
    """

    kind: UsageKind
    subject: str
    door: UsageDoor
    address: str
    uses: int
    first_used_at: float
    last_used_at: float


OTHERS = "others"
"""All further addresses together, of what was used from more than `ADDRESSES_KEPT`."""

ADDRESSES_KEPT = 50
"""Addresses that are remembered of one credential at one door."""


class Consumption(Enum):
    """What became of an attempt to use a single-use row."""

    WON = "won"
    ALREADY_CONSUMED = "already consumed"
    REVOKED_OR_EXPIRED = "revoked, expired or gone"
