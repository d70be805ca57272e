"""Which credential of ours a report is about, if it is about any.

A report proves what it says: by the credential itself, or by its fingerprint, which nobody can guess who has
not seen it. An id alone is public, and proves nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, get_args

from tokenward.leaks.response.private_keys import ShownKey, shown_key
from tokenward.store.device_port import DeviceCodes
from tokenward.store.leak_records import Leaked, LeakKind
from tokenward.store.people_port import Factors, People
from tokenward.store.port import ApiKeys, Clients, Tokens
from tokenward.store.records import ApiKeyState, Grant, KeyPurpose
from tokenward.store.registration_port import Registrations
from tokenward.store.sealed_port import Keys
from tokenward.tokens import opaque
from tokenward.tokens.presented import claimed_token_id


class Credentials(Clients, Registrations, People, Factors, Tokens, DeviceCodes, ApiKeys, Keys, Protocol):
    """Where credentials are looked up."""


_PURPOSES: tuple[KeyPurpose, ...] = get_args(KeyPurpose)


@dataclass(frozen=True, slots=True)
class Named:
    """What a report says which credential it means.

    Attributes:
        token_id: its id; "" for one that has none in itself, which an imported API key has not.
        digest: its fingerprint, 32 bytes.
        kind: what it is; None where nobody says.
        key: the private key that was shown; None for anything else.
    """

    token_id: str
    digest: bytes = field(repr=False)
    kind: LeakKind | None = None
    key: ShownKey | None = None


@dataclass(frozen=True, slots=True)
class Recognised:
    """A credential of ours.

    Attributes:
        leaked: itself.
        live: whether it, or what follows from it, is still good for anything.
    """

    leaked: Leaked
    live: bool


KINDS: Mapping[str, LeakKind] = {
    "at": "access_token",
    "rt": "refresh_token",
    "ac": "authorization_code",
    "dc": "device_code",
    "ak": "api_key",
    "cs": "client_secret",
    "se": "session",
    "sl": "sign_in_link",
    "ia": "initial_access_token",
    "ra": "registration_access_token",
    "ad": "admin_token",
}
"""Of opaque tokens, by the letters in them."""


def named(text: str, *, prefix: str = "tkw") -> Named:
    """What the credential `text` says of itself. Whatever has no form of ours may be an imported API key."""
    digest = opaque.fingerprint(text)
    parsed = opaque.parse(text, prefix=prefix)
    if parsed is not None and parsed.kind in KINDS:
        return Named(parsed.token_id, digest, KINDS[parsed.kind])
    token_id = claimed_token_id(text, prefix=prefix)
    if token_id is not None:
        return Named(token_id, digest, "access_token")
    if (key := shown_key(text)) is not None:
        return Named("", digest, "signing_key", key)
    return Named("", digest, "api_key")


class Recogniser:
    """Recognises credentials by their fingerprints.

    Args:
        store: where they are looked up.
        peppers: under any of which a keyed hash may be.
        admin_token: the fingerprint of the admin token, which stands in no table.
    """

    def __init__(
        self, store: Credentials, peppers: Sequence[bytes], *, admin_token: bytes | None = None
    ) -> None:
        self._store = store
        self._peppers = peppers
        self._admin_token = admin_token

    async def recognise(self, wanted: Named, *, at: float) -> Recognised | None:
        """The credential, if there is one of that id with that fingerprint.

        Raises:
            StoreUnavailable: nobody can know.
        """
        if self._admin_token is not None and self._is(wanted, self._keyed(self._admin_token)):
            return Recognised(Leaked("admin_token", ""), live=True)
        if wanted.key is not None:
            return await self._signing_key(wanted.key)
        if not wanted.token_id:
            return await self._imported(wanted, at)
        for kind in (wanted.kind,) if wanted.kind is not None else tuple(_LOOKS):
            look = _LOOKS.get(kind)
            found = await look(self._store, wanted.token_id, at) if look is not None else None
            if found is not None and self._is(wanted, found[0]):
                return found[1]
        return None

    async def _signing_key(self, shown: ShownKey) -> Recognised | None:
        for purpose in _PURPOSES:
            for key in await self._store.signing_keys(purpose):
                if key.kid == shown.kid and shown.is_whole():
                    leaked = Leaked("signing_key", key.kid, issued_at=key.activates_at)
                    return Recognised(leaked, live=key.compromised_at is None)
        return None

    async def _imported(self, wanted: Named, at: float) -> Recognised | None:
        """An imported API key, which is found by its keyed hash."""
        for pepper in self._peppers:
            state = await self._store.imported_api_key(opaque.keyed_fingerprint(pepper, wanted.digest))
            if state is not None:
                return _api_key(state, at)
        return None

    def _is(self, wanted: Named, stored: bytes) -> bool:
        return opaque.matches_fingerprint(self._peppers, wanted.digest, stored)

    def _keyed(self, digest: bytes) -> bytes:
        return opaque.keyed_fingerprint(self._peppers[0], digest)


Look = Callable[[Credentials, str, float], Awaitable[tuple[bytes, Recognised] | None]]


async def _access_token(store: Credentials, token_id: str, at: float) -> tuple[bytes, Recognised] | None:
    state = await store.access_token(token_id)
    if state is None:
        return None
    token = state.token
    leaked = Leaked(
        "access_token",
        token_id,
        client_id=token.client_id,
        user_id=token.user_id,
        grant_id=token.grant_id,
        audience=token.audience,
        issued_at=token.issued_at,
    )
    return token.keyed_hash, Recognised(leaked, live=not state.revoked and token.expires_at > at)


async def _refresh_token(store: Credentials, token_id: str, at: float) -> tuple[bytes, Recognised] | None:
    """A used one counts as live as long as its family: what came of it may be in the same hands."""
    state = await store.refresh_token(token_id)
    if state is None:
        return None
    leaked = _of_grant("refresh_token", token_id, state.grant, state.token.issued_at)
    return state.token.keyed_hash, Recognised(leaked, live=not state.revoked and state.grant.expires_at > at)


async def _code(store: Credentials, token_id: str, at: float) -> tuple[bytes, Recognised] | None:
    """A used one is worthless, and stays in the histories of browsers by design."""
    state = await store.code(token_id)
    if state is None:
        return None
    leaked = _of_grant("authorization_code", token_id, state.grant, state.grant.created_at)
    live = not (state.consumed or state.revoked) and state.code.expires_at > at
    return state.code.keyed_hash, Recognised(leaked, live=live)


def _of_grant(kind: LeakKind, token_id: str, grant: Grant, issued_at: float) -> Leaked:
    return Leaked(
        kind,
        token_id,
        client_id=grant.client_id,
        user_id=grant.user_id,
        grant_id=grant.grant_id,
        audience=grant.audience,
        issued_at=issued_at,
    )


async def _device_code(store: Credentials, token_id: str, at: float) -> tuple[bytes, Recognised] | None:
    """A used one is worthless, as with an authorization code."""
    state = await store.device_code(token_id)
    if state is None:
        return None
    code, grant = state.code, state.grant
    leaked = Leaked(
        "device_code",
        token_id,
        client_id=code.client_id,
        user_id=grant.user_id if grant else None,
        grant_id=grant.grant_id if grant else None,
        audience=code.audience,
        issued_at=code.created_at,
    )
    live = not (state.consumed or state.denied) and code.expires_at > at
    return code.keyed_hash, Recognised(leaked, live=live)


async def _own_api_key(store: Credentials, key_id: str, at: float) -> tuple[bytes, Recognised] | None:
    state = await store.api_key(key_id)
    return None if state is None else (state.key.keyed_hash, _api_key(state, at))


def _api_key(state: ApiKeyState, at: float) -> Recognised:
    key = state.key
    leaked = Leaked("api_key", key.key_id, owner=key.owner, audience=key.audience, issued_at=key.created_at)
    return Recognised(leaked, live=not state.revoked and key.expires_at > at)


async def _client_secret(store: Credentials, secret_id: str, at: float) -> tuple[bytes, Recognised] | None:
    found = await store.client_with_secret(secret_id)
    if found is None:
        return None
    client, secret = found
    leaked = Leaked("client_secret", secret_id, client_id=client.client_id, issued_at=secret.created_at)
    live = secret.expires_at is None or secret.expires_at > at
    return secret.keyed_hash, Recognised(leaked, live=live)


async def _session(store: Credentials, session_id: str, at: float) -> tuple[bytes, Recognised] | None:
    session = await store.session(session_id)
    if session is None:
        return None
    leaked = Leaked("session", session_id, user_id=session.user_id, issued_at=session.created_at)
    return session.keyed_hash, Recognised(leaked, live=session.expires_at > at)


async def _sign_in_link(store: Credentials, link_id: str, at: float) -> tuple[bytes, Recognised] | None:
    """A used one is worthless; a person ends what came of it by the account page, or by another link."""
    link = await store.link(link_id)
    if link is None:
        return None
    leaked = Leaked("sign_in_link", link_id, user_id=link.user_id, issued_at=link.created_at)
    return link.keyed_hash, Recognised(leaked, live=link.used_at is None and link.expires_at > at)


async def _initial_token(store: Credentials, token_id: str, at: float) -> tuple[bytes, Recognised] | None:
    token = await store.initial_token(token_id)
    if token is None:
        return None
    leaked = Leaked("initial_access_token", token_id, issued_at=token.created_at)
    return token.keyed_hash, Recognised(leaked, live=token.uses_left > 0 and token.expires_at > at)


async def _registration_token(
    store: Credentials, token_id: str, _at: float
) -> tuple[bytes, Recognised] | None:
    """One that a change put another in the place of is unknown, as everything that is no token now."""
    registration = await store.registration_by_token(token_id)
    if registration is None:
        return None
    since = opaque.issued_at(token_id)
    leaked = Leaked("registration_access_token", token_id, client_id=registration.client_id, issued_at=since)
    return registration.keyed_hash, Recognised(leaked, live=True)


# In the order of how often each leaks.
_LOOKS: Mapping[LeakKind, Look] = {
    "access_token": _access_token,
    "api_key": _own_api_key,
    "client_secret": _client_secret,
    "refresh_token": _refresh_token,
    "session": _session,
    "sign_in_link": _sign_in_link,
    "authorization_code": _code,
    "device_code": _device_code,
    "registration_access_token": _registration_token,
    "initial_access_token": _initial_token,
}
