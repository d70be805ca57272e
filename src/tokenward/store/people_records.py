"""What is kept of people: who they are, how they sign in, their sign-ins and what they allowed.

Frozen values, no behaviour. Times are seconds since 1970-01-01 UTC. `keyed_hash` is as in `records`: what a
person or a browser holds is never stored itself.
"""

from dataclasses import dataclass
from typing import Literal

LinkPurpose = Literal["invite", "reset"]
"""What a sign-in link is for: the first sign-in, or another one after everything was lost."""


@dataclass(frozen=True, slots=True)
class User:
    """A person who can sign in.

    Attributes:
        password_hash: an argon2id string in PHC format; "" for who has no password.
        disabled_at: since when they cannot sign in and nothing acts for them; None for who can.
        version: how often it was changed how they sign in: password, factors, links to providers, disabling
            and enabling. What began under one version is not completed under another.
    """

    user_id: str
    username: str
    password_hash: str
    created_at: float
    disabled_at: float | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """One act of authentication: what was done, in the words of RFC 8176, and when."""

    amr: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's sign-in.

    Attributes:
        proofs: what the person proved since it began, oldest first.
        device: what the browser said that it is, and `address` where it came from, for the person's eyes.
        upstream: the name of the identity provider that vouched for them; "" where none did.
        upstream_sid: the provider's name for its session (OpenID Connect Back-Channel Logout §2.1), or "".
        upstream_subject: the provider's name for the person, or "".
    """

    session_id: str
    keyed_hash: bytes
    user_id: str
    proofs: tuple[Proof, ...]
    created_at: float
    last_seen_at: float
    expires_at: float
    device: str = ""
    address: str = ""
    upstream: str = ""
    upstream_sid: str = ""
    upstream_subject: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamLink:
    """A person's account at an identity provider: its name, and `sub` in the provider's ID tokens.

    `last_used_at` is when somebody last signed in by it; None while nobody has.
    """

    upstream: str
    subject: str
    user_id: str
    linked_at: float
    last_used_at: float | None = None


@dataclass(frozen=True, slots=True)
class UpstreamLogout:
    """What an identity provider says has ended (OpenID Connect Back-Channel Logout §2.4).

    Attributes:
        upstream: the provider's name.
        subject: whose sessions, by its `sub`; None where it names none.
        sid: its name for the one session; None for all of the subject's.
        at: when it said so, by its own clock (`iat`).
        kept_until: for how long a sign-in may be under way that rests on what has ended.
    """

    upstream: str
    subject: str | None
    sid: str | None
    at: float
    kept_until: float


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person allowed a client at an audience; `given_at` is when something was last added."""

    client_id: str
    audience: str
    scopes: tuple[str, ...]
    given_at: float


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential (Level 3, §4 "credential record").

    Attributes:
        credential_id: base64url without padding.
        public_key: in COSE form.
        sign_count: as last reported; 0 where the authenticator does not count.
        name: what the person calls it.
        transports: how the browser may reach it, such as `internal` and `hybrid`.
        aaguid: the model of the authenticator as a UUID; zeros where it does not tell.
        backup_eligible: it may be copied to other devices.
        backed_up: it was, when it was last used.
    """

    credential_id: str
    user_id: str
    public_key: bytes
    sign_count: int
    name: str
    transports: tuple[str, ...]
    aaguid: str
    backup_eligible: bool
    backed_up: bool
    created_at: float
    last_used_at: float | None = None


@dataclass(frozen=True, slots=True)
class Totp:
    """A secret shared with an authenticator app (RFC 6238), sealed; codes up to `last_step` are used up."""

    user_id: str
    sealed_secret: bytes
    created_at: float
    last_step: int


@dataclass(frozen=True, slots=True)
class Link:
    """A link that signs a person in once, sent by mail or printed at the console.

    `link_id` is the locator of an opaque token: public. `used_at` is None while it is unused.
    """

    link_id: str
    keyed_hash: bytes
    user_id: str
    purpose: LinkPurpose
    created_at: float
    expires_at: float
    used_at: float | None = None


@dataclass(frozen=True, slots=True)
class FactorSummary:
    """What a person can sign in with: how many passkeys and unused recovery codes, and what else."""

    passkeys: int = 0
    totp: bool = False
    recovery_codes: int = 0
    password: bool = False
