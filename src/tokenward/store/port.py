"""The store's port: what the rest of the house may ask of it, and what each answer promises.

Semantics live here, not in the adapters. `tests/store/contract.py` runs every promise on every adapter.

Promises that hold for all methods:
- A write has reached the disk when its coroutine returns; a cancelled caller's write still completes whole.
- A unit is atomic: all of it is visible, or nothing.
- Any method may raise `StoreUnavailable`; callers turn it into a 503 and never into a yes.
"""

from collections.abc import Sequence
from typing import Protocol

from tokenward.store.browser_port import BrowserSessions
from tokenward.store.device_port import DeviceCodes
from tokenward.store.leak_port import Leaks
from tokenward.store.logout_port import Logouts
from tokenward.store.people_port import Factors, People
from tokenward.store.pushed_port import PushedRequests
from tokenward.store.records import (
    AccessToken,
    AccessTokenState,
    ApiKey,
    ApiKeyState,
    AuthMethod,
    AuthorizationCode,
    Client,
    ClientKeySet,
    ClientSecret,
    CodeState,
    Consumption,
    FeedEvent,
    Grant,
    RefreshState,
    RefreshToken,
    RevokedTokens,
)
from tokenward.store.registration_port import Registrations
from tokenward.store.sealed_port import Keys
from tokenward.store.usage_port import Usages


class StoreUnavailable(Exception):  # noqa: N818 - reads as the condition it is
    """The store cannot answer now: down, locked too long, or out of space."""


class AlreadyExists(Exception):  # noqa: N818 - reads as the condition it is
    """A row with this key exists. For a token: its locator is taken, so make another and try again."""


CLIENT_SECONDS = 0.5
"""How old an answer of `Clients.client_with_secret` may be where another process changed the client since."""


REVOKED_AT_ONCE = 500
"""How many access tokens one unit revokes at most, so that nobody else waits long."""


class Clients(Protocol):
    """Registered applications and their secrets."""

    async def add_client(self, client: Client, secret: ClientSecret | None) -> None:
        """Add a client, with its first secret if it is confidential.

        Raises:
            AlreadyExists: the client_id or the secret_id is taken.
        """

    async def client(self, client_id: str) -> Client | None:
        """The client, or None."""

    async def clients(self) -> list[Client]:
        """Every client, by age."""

    async def registered_jwks(self, auth_method: AuthMethod) -> list[str]:
        """The key sets (JSON) of the clients that prove themselves by this method; none that is empty."""

    async def remove_client(self, client_id: str, at: float) -> bool:
        """Delete the client and its secrets and revoke all it holds, in one unit; False if unknown."""

    async def client_with_secret(self, secret_id: str) -> tuple[Client, ClientSecret] | None:
        """A secret by its locator, with the client that it belongs to. Expired secrets are returned too.

        What this store changed shows at once, what another process changed within `CLIENT_SECONDS`.
        """

    async def client_secrets(self, client_id: str) -> list[ClientSecret]:
        """The client's secrets, by age."""

    async def rotate_client_secret(
        self, new: ClientSecret, *, old_expire_at: float, void_until: float | None = None
    ) -> bool:
        """Add `new` and let every other secret of its client end by `old_expire_at` at the latest.

        With `void_until`, all that the client is issued at or before that moment is revoked in the same
        unit. Returns False, and changes nothing, if the client is unknown.

        Raises:
            AlreadyExists: the secret_id is taken.
        """

    async def set_client_keys(
        self, client_id: str, keys: ClientKeySet, *, at: float, void_until: float | None = None
    ) -> bool:
        """Let the client prove itself by these keys and nothing else: its secrets are deleted.

        With `void_until`, as `rotate_client_secret`. Returns False, and changes nothing, if it is unknown.
        """


class Tokens(Protocol):
    """Grants and the tokens that follow from them.

    Single-use rows are consumed by one conditional statement, so that of any number of concurrent attempts,
    in any number of processes, exactly one returns WON. What is issued is inserted in the same unit.
    """

    async def add_access_token(self, token: AccessToken) -> None:
        """Add a token that belongs to no grant.

        Raises:
            AlreadyExists: the locator is taken.
        """

    async def add_grant(
        self,
        grant: Grant,
        code: AuthorizationCode,
        *,
        as_remembered: bool = False,
        answers: str | None = None,
        session_id: str | None = None,
    ) -> bool:
        """Add a grant with the code that will start it.

        With `as_remembered`, by what the person allowed the client before: False, and nothing, if any of it
        is no longer so. A withdrawal at that moment finds either nothing yet, or this grant. With `answers`,
        as the one answer to the pushed request of that id: False, and nothing, if it is gone.

        With `session_id`, from that session of the person: False, and nothing, if it has ended, and whoever
        ends it at that moment finds the client told of it, or no grant. The grant bears the name under which
        the client knows the session; where it has none yet, that is the grant's own `sid`.

        Raises:
            AlreadyExists: a key is taken.
        """

    async def grant(self, grant_id: str) -> Grant | None:
        """The grant, revoked or not, or None."""

    async def code(self, token_id: str) -> CodeState | None:
        """A code and its grant, consumed and revoked ones included, so that replay can be told from noise."""

    async def redeem_code(
        self, token_id: str, access: AccessToken, refresh: RefreshToken | None, *, at: float
    ) -> Consumption:
        """Consume the code and insert what it gives, in one unit.

        ALREADY_CONSUMED also revokes the grant, in the same unit: the code was replayed, so whoever won
        may be the thief (RFC 6749 §4.1.2, RFC 9700 §2.1.1).

        Raises:
            AlreadyExists: a locator is taken; nothing was consumed.
        """

    async def refresh_token(self, token_id: str) -> RefreshState | None:
        """A refresh token and its grant, consumed and revoked ones included."""

    async def rotate_refresh_token(
        self,
        token_id: str,
        access: AccessToken,
        successor: RefreshToken,
        *,
        sealed_response: bytes,
        at: float,
    ) -> Consumption:
        """Consume the refresh token, insert what follows, and keep the sealed response, in one unit.

        The sealed response that led *to* `token_id` is erased in the same unit: its successor is now used.
        ALREADY_CONSUMED changes nothing: the caller decides between a lost response and reuse.

        Raises:
            AlreadyExists: a locator is taken; nothing was consumed.
        """

    async def use_refresh_token(
        self, token_id: str, access: AccessToken, *, expires_at: float, at: float
    ) -> Consumption:
        """Insert an access token by a refresh token that stays, and is idle from now on; in one unit.

        `expires_at` is its new idle limit. ALREADY_CONSUMED changes nothing: it was rotated before.

        Raises:
            AlreadyExists: the locator is taken; nothing has changed.
        """

    async def lost_response(self, token_id: str, *, consumed_after: float) -> bytes | None:
        """The sealed response of a refresh token that was consumed after that moment.

        None if it was consumed earlier, never, or if its successor is used, or its grant revoked.
        """

    async def access_token(self, token_id: str) -> AccessTokenState | None:
        """The token, and whether it, its grant, client or person, or any of its ancestors, was revoked.

        An ancestor that is gone counts as revoked. Expiry is the caller's; that of the token is no later than
        that of an API key among its ancestors, which rotation brings forward.
        """

    async def revoke_token(self, token_id: str, at: float) -> bool:
        """Revoke one access token; False if it is unknown or was revoked before."""

    async def access_token_hashes(self, token_ids: Sequence[str]) -> dict[str, bytes]:
        """token_id → keyed hash of those that are known, whatever became of them; at most `REVOKED_AT_ONCE`.

        Raises:
            ValueError: there are more.
        """

    async def revoke_tokens(self, token_ids: Sequence[str], at: float) -> RevokedTokens:
        """Revoke these access tokens, at most `REVOKED_AT_ONCE`, in one unit.

        One that is listed twice counts once.

        Raises:
            ValueError: there are more.
        """

    async def revoke_grant(self, grant_id: str, at: float) -> bool:
        """Revoke a grant and all that follows from it; False if it is unknown or was revoked before."""

    async def revoke_issued_to_client(self, client_id: str, *, before: float, at: float) -> None:
        """Revoke all that the client was issued at or before that moment; constant cost."""

    async def revoke_issued_for_user(self, user_id: str, *, before: float, at: float) -> None:
        """Revoke all that acts for the person and was issued at or before that moment; constant cost."""

    async def revoke_all_issued(self, *, before: float, at: float) -> None:
        """Revoke everything that was issued at or before that moment; constant cost."""


class Uses(Protocol):
    """What may be used once: proofs, assertions, tokens of other issuers."""

    async def first_use(self, key: bytes, until: float, *, at: float) -> bool:
        """Whether nobody used `key` before, in whatever process; it is taken from now on until that moment.

        Of any number of concurrent attempts exactly one returns True. A key whose moment is long past at `at`
        counts as never used; until some seconds after it, it is still taken, because clocks differ.
        """


class ApiKeys(Protocol):
    """API keys, and what is known of them."""

    async def add_api_keys(self, keys: Sequence[ApiKey]) -> None:
        """Add keys, all of them or none.

        Raises:
            AlreadyExists: a key_id is taken, or an imported key with that keyed hash is there already.
        """

    async def api_key(self, key_id: str) -> ApiKeyState | None:
        """A key by its id, revoked and ended ones included."""

    async def imported_api_key(self, keyed_hash: bytes) -> ApiKeyState | None:
        """An imported key by its keyed hash, revoked and ended ones included."""

    async def api_keys(self) -> list[ApiKeyState]:
        """Every key, by age."""

    async def rotate_api_key(self, new: ApiKey, *, old_expire_at: float, at: float) -> bool:
        """Add `new`, and let the key that it was rotated from end by `old_expire_at` at the latest.

        One unit. Returns False, and changes nothing, if that key is unknown, over, revoked, or has a
        successor: of concurrent rotations one succeeds.

        Raises:
            AlreadyExists: the key_id of `new` is taken.
        """

    async def revoke_api_key(self, key_id: str, at: float) -> bool:
        """Revoke a key; False if it is unknown or was revoked before."""

    async def api_keys_to_tell_of(self, *, days: int, at: float) -> list[ApiKeyState]:
        """Live keys without successor that end within `days`, whose owners were not told of so few yet."""

    async def claim_telling(self, key_id: str, days: int) -> bool:
        """Note that the owner is told that the key ends within `days`; False if that, or fewer, was noted.

        Of any number of processes exactly one gets True.
        """

    async def release_telling(self, key_id: str, days: int, *, before: int | None) -> None:
        """Undo the claim that noted `days`: it could not be told. `before` is what was noted until then."""


class Feed(Protocol):
    """The revocation feed: every revocation and every change of a person's claims, in the order of commits.

    The sequence is assigned under a lock in the revoking transaction itself, so a reader that has seen `seq`
    has missed nothing below it.
    """

    async def feed_head(self) -> int:
        """The highest sequence number, 0 when there is none."""

    async def feed_after(self, seq: int, *, limit: int) -> list[FeedEvent]:
        """Events above `seq`, in order, at most `limit`."""

    async def feed_wake(self, *, within: float) -> None:
        """Return early if the store can tell that something was revoked, else after `within` seconds."""


class Upkeep(Protocol):
    """What keeps a store small and honest."""

    async def sweep(self, *, at: float, limit: int) -> int:
        """Delete at most `limit` rows of each kind whose time is over; how many were deleted in all.

        Consumed refresh tokens stay until their grant's absolute end, since their reuse must be recognised.
        Sealed responses older than 10 seconds are erased, and private halves of keys that have been removed
        for an hour; they count as deleted. Device codes stay for an hour after their end, so that the device
        is told that it is too late, and pushed requests for `OPENED_SECONDS`. API keys stay for 90 days after
        theirs, so that people can still see what a caller shows, and incidents for 400 days after they were
        closed. Where a credential was used from is forgotten 90 days after its last use from there, of access
        tokens a day after; what an incident is about stays as long as the incident.
        """

    async def ping(self) -> None:
        """Ask the database for a trivial answer.

        Raises:
            StoreUnavailable: there was none.
        """

    async def close(self) -> None:
        """Finish what was accepted, then release everything. Later calls raise `StoreUnavailable`."""


class ClientStore(Clients, Registrations, Protocol):
    """Clients, whoever registered them."""


class Store(
    Clients,
    Registrations,
    People,
    Factors,
    Logouts,
    BrowserSessions,
    Tokens,
    DeviceCodes,
    PushedRequests,
    Uses,
    ApiKeys,
    Usages,
    Leaks,
    Feed,
    Keys,
    Upkeep,
    Protocol,
):
    """All of it; rooms ask for the narrow part that they need."""
