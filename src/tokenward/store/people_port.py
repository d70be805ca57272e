"""The part of the store that keeps people: their factors, sign-ins, consents and accounts elsewhere.

What `port` promises of all methods holds here, too. Whatever ends or replaces sign-ins begins by holding the
person's row, so that no sign-in that is under way at that moment slips through.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tokenward.store.people_records import (
    Consent,
    FactorSummary,
    Link,
    Passkey,
    Session,
    Totp,
    UpstreamLink,
    UpstreamLogout,
    User,
)
from tokenward.store.records import Grant


class People(Protocol):
    """Persons, what is known of them, their sessions, what they consented to, and who vouches for them."""

    async def add_user(self, user: User, link: UpstreamLink | None = None) -> None:
        """Add a person, with an account at an identity provider if there is one, in one unit.

        Raises:
            AlreadyExists: the user_id or the username is taken, or the account is linked to somebody.
        """

    async def user(self, user_id: str) -> User | None:
        """The person, or None."""

    async def user_by_name(self, username: str) -> User | None:
        """The person with exactly this username, or None."""

    async def users(self) -> list[User]:
        """Every person, by age."""

    async def users_with_email(self, email: str) -> list[str]:
        """The user_ids, in order, of those whose claim `email` is exactly this, and `email_verified` true."""

    async def change_password(
        self,
        user_id: str,
        password_hash: str,
        *,
        at: float,
        link_id: str | None = None,
        keep_session: str | None = None,
    ) -> bool:
        """Set the hash, count the change, and end every session but `keep_session`, in one unit.

        With `link_id`, that link is used up by it, in the same unit. Unused links are void afterwards.
        Returns False, and changes nothing, if the person is unknown, or the link is not theirs or cannot be
        used (`Factors.use_link`).
        """

    async def rehash_password(self, user_id: str, old: str, new: str) -> bool:
        """Replace the hash by another one of the same password; False if it is no longer `old`."""

    async def disable_user(self, user_id: str, at: float) -> bool:
        """Let the person neither sign in nor anything act for them; False if unknown or disabled before.

        Ends every session, and revokes all that was issued for them and all that will be until they are
        enabled: a token request that read the grant just before may insert just after.
        """

    async def enable_user(self, user_id: str, at: float) -> bool:
        """Let a disabled person sign in again; False if unknown or not disabled.

        All that was issued for them at or before `at` stays revoked.
        """

    async def reset_factors(self, user_id: str) -> bool:
        """Remove passkeys, TOTP and recovery codes, void links, end every session; False if unknown.

        The password and the accounts at identity providers stay.
        """

    async def user_claims(self, user_id: str) -> dict[str, object]:
        """What is known of the person: JSON values by name; empty if nothing is, or nobody has this id."""

    async def change_user_claims(self, user_id: str, changes: Mapping[str, object], at: float) -> bool:
        """Set claims, and remove those whose new value is None; False, and nothing, if the person is unknown.

        The feed tells it in the same unit, so that no cache goes on with what was known before.
        """

    async def add_session(self, session: Session, *, version: int) -> bool:
        """Add a session; False if its person is unknown, disabled, or no longer of this version.

        `version` is the person's as read before they proved who they are: what they proved may be worth
        nothing since.

        Raises:
            AlreadyExists: the session_id is taken.
        """

    async def session(self, session_id: str) -> Session | None:
        """The session, or None if it is unknown or was ended. Expiry is the caller's to judge."""

    async def sessions_of(self, user_id: str) -> list[Session]:
        """The person's sessions, the last used first. Expiry is the caller's to judge."""

    async def touch_session(self, session_id: str, at: float) -> None:
        """Record that the session was used at `at`."""

    async def replace_session(self, old_id: str, new: Session, *, version: int) -> bool:
        """Let `new` take the place of the session, in one unit.

        False, and nothing, if that was ended, or its person is disabled or no longer of this version, as
        with `add_session`.

        For each change of privilege: who learned the old token gains nothing by it.

        Raises:
            AlreadyExists: the session_id of `new` is taken; nothing was changed.
            ValueError: `new` is somebody else's.
        """

    async def end_session(self, session_id: str) -> bool:
        """Delete the session; False if unknown."""

    async def end_sessions(self, user_id: str) -> int:
        """Delete every session of a person; how many there were."""

    async def end_other_sessions(self, user_id: str, keep: str) -> int:
        """Delete every session of a person but `keep`; how many there were."""

    async def end_upstream_sessions(
        self, logout: UpstreamLogout, *, once: bytes, until: float, at: float
    ) -> int | None:
        """Delete the sessions that rest on what a provider says has ended; how many there were.

        Where it names subject and sid, both must fit (OpenID Connect Back-Channel Logout §2.6). `once` is
        used up in the same unit, as by `Uses.first_use`; None, and no session ends, if it was before.

        What has ended is noted for `upstream_ended`, and that is committed before the unit begins: whoever
        adds a session and only then asks there misses no end that the unit could not see.

        Raises:
            ValueError: it names neither.
        """

    async def upstream_ended(self, upstream: str, *, subject: str, sid: str, since: float) -> bool:
        """Whether the provider said, at `since` or later by its clock, that such a session of its has ended.

        `subject` and `sid` are those of one ID token; `sid` is "" where that has none.
        """

    async def consented_scope(self, user_id: str, client_id: str, audience: str) -> dict[str, float]:
        """The scopes that the person allowed this client at this audience → since when; empty if none."""

    async def add_consent(
        self, user_id: str, client_id: str, audience: str, scope: Sequence[str], at: float
    ) -> None:
        """Add `scope` to what the person allowed."""

    async def consents_of(self, user_id: str) -> list[Consent]:
        """All that the person allowed, by client and audience."""

    async def withdraw_consent(self, user_id: str, client_id: str, at: float) -> bool:
        """Forget what the person allowed the client, and revoke every grant of the two, in one unit.

        False if there was neither consent nor unrevoked grant.
        """

    async def grants_of(self, user_id: str, at: float) -> list[Grant]:
        """What can act for the person at that moment, or will: live grants, the newest first.

        None that is revoked, cut off or over, or whose code was not redeemed in time.
        """

    async def upstream_user(self, upstream: str, subject: str) -> str | None:
        """The user_id of the person to whom this account at an identity provider is linked, or None."""

    async def use_upstream_link(self, upstream: str, subject: str, at: float) -> str | None:
        """Note a use of a linked account, and tell as `upstream_user` whose it is."""

    async def upstream_links(self, user_id: str) -> list[UpstreamLink]:
        """The person's accounts at identity providers, by age."""

    async def add_upstream_link(self, link: UpstreamLink) -> bool:
        """Link an account, and count the change; False, and nothing, if the person is unknown.

        Raises:
            AlreadyExists: the account is linked, to them or to somebody else.
        """

    async def remove_upstream_link(self, upstream: str, subject: str, *, version: int | None = None) -> bool:
        """Unlink an account, and count the change; False, and nothing, if it was not linked.

        Nor if `version` is given and no longer the person's (`User.version`): what was known when it was
        decided, such as that they have another way in, may be so no more. The sessions that came of it end in
        the same unit.
        """


class Factors(Protocol):
    """What people sign in with, beside a password. Each may be used once, or only forward.

    What can be used once is used up by one conditional statement, so that of any number of concurrent
    attempts, in any number of processes, exactly one returns True. Each change of factors counts as one
    (`User.version`); their use does not.
    """

    async def has_factors(self, user_id: str) -> FactorSummary:
        """What the person can sign in with; nothing if nobody has this id."""

    async def passkeys(self, user_id: str) -> list[Passkey]:
        """The person's passkeys, by age."""

    async def passkey(self, credential_id: str) -> Passkey | None:
        """The passkey, or None."""

    async def add_passkey(self, passkey: Passkey) -> bool:
        """Add a passkey; False, and nothing, if the person is unknown.

        Raises:
            AlreadyExists: the credential_id is taken, by them or by somebody else (WebAuthn Level 3 §7.1).
        """

    async def use_passkey(self, credential_id: str, *, sign_count: int, backed_up: bool, at: float) -> bool:
        """Note a use. False, and nothing, if it is unknown, or its count did not grow and either is not 0.

        A count that stands still or goes back is a sign of a copy (WebAuthn Level 3 §7.2, step 22).
        """

    async def rename_passkey(self, user_id: str, credential_id: str, name: str) -> bool:
        """Give a passkey of the person another name; False if they have no such passkey."""

    async def remove_passkey(self, user_id: str, credential_id: str, *, version: int | None = None) -> bool:
        """Remove a passkey of the person; False if they have none such, or are not of that `version`.

        With the last of passkeys and TOTP go the recovery codes, in the same unit: they stand in for those.
        """

    async def totp(self, user_id: str) -> Totp | None:
        """The person's TOTP secret, or None."""

    async def set_totp(self, user_id: str, sealed_secret: bytes, *, step: int, at: float) -> bool:
        """Set or replace the TOTP secret; False, and nothing, if the person is unknown.

        `step` is that of the code by which they showed that they have the secret: it is used up.
        """

    async def use_totp_step(self, user_id: str, step: int) -> bool:
        """Use up this step and all before; False if it is, or there is no secret (RFC 6238 §5.2)."""

    async def remove_totp(self, user_id: str) -> bool:
        """Remove the TOTP secret; False if there is none. Recovery codes: see `remove_passkey`."""

    async def set_recovery_codes(self, user_id: str, keyed_hashes: Sequence[bytes], *, at: float) -> bool:
        """Replace all recovery codes by these; False, and nothing, if the person is unknown."""

    async def use_recovery_code(self, user_id: str, keyed_hash: bytes, *, at: float) -> bool:
        """Use up a recovery code; False if the person has no such code, or it was used."""

    async def recovery_codes_left(self, user_id: str) -> int:
        """How many are unused."""

    async def add_link(self, link: Link) -> bool:
        """Add a sign-in link; those of the person that are unused are void from now on.

        False, and nothing, if the person is unknown or disabled.

        Raises:
            AlreadyExists: the link_id is taken.
        """

    async def link(self, link_id: str) -> Link | None:
        """The link, used ones and ones that are over included; None if it is unknown or void."""

    async def use_link(self, link_id: str, at: float) -> bool:
        """Use up a link; False if it is unknown, void, used or over, or its person is disabled."""
