"""Revocation by an operator: what may be named, and what that does. The CLI and the admin API share it."""

from collections.abc import Awaitable, Callable
from typing import Literal

from tokenward.base.problems import INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.issuer.strangers import is_document_id
from tokenward.store.port import Store

What = Literal["token", "refresh", "grant", "client", "user", "api_key", "all"]


async def revoke(store: Store, what: What, subject: str, *, before: float | None, at: float) -> None:
    """Revoke, and have every process hear of it by the feed.

    Args:
        store: where it is recorded.
        what: the kind of thing that `subject` names; a key of `REVOCATIONS`.
        subject: a token_id (of an access token, or with `refresh` of a refresh token, which takes its grant
            along), grant_id, client_id, user name or key_id; "" for all.
        before: for client, user and all: only what was issued at or before that moment; None means now.
        at: now, seconds since the epoch.

    Raises:
        Refusal: NOT_FOUND, there is no such thing, or it was revoked before; INVALID_INPUT, `before` is yet
            to come.
        StoreUnavailable: nothing was revoked.
    """
    if before is not None and before > at:
        # It would end what has not been issued yet, and nothing takes a cutoff back.
        raise Refusal(INVALID_INPUT, "the moment before which to revoke is yet to come")
    if not await REVOCATIONS[what](store, subject, at if before is None else before, at):
        raise Refusal(NOT_FOUND, f"nothing live is known as {what} {subject}")


async def _token(store: Store, token_id: str, _before: float, at: float) -> bool:
    return await store.revoke_token(token_id, at)


async def _refresh(store: Store, token_id: str, _before: float, at: float) -> bool:
    state = await store.refresh_token(token_id)
    return state is not None and await store.revoke_grant(state.grant.grant_id, at)


async def _grant(store: Store, grant_id: str, _before: float, at: float) -> bool:
    return await store.revoke_grant(grant_id, at)


async def _client(store: Store, client_id: str, before: float, at: float) -> bool:
    if not is_document_id(client_id) and await store.client(client_id) is None:
        return False
    await store.revoke_issued_to_client(client_id, before=before, at=at)
    return True


async def _user(store: Store, username: str, before: float, at: float) -> bool:
    user = await store.user_by_name(username)
    if user is None:
        return False
    await store.revoke_issued_for_user(user.user_id, before=before, at=at)
    await store.end_sessions(user.user_id)
    return True


async def _api_key(store: Store, key_id: str, _before: float, at: float) -> bool:
    return await store.revoke_api_key(key_id, at)


async def _all(store: Store, _nothing: str, before: float, at: float) -> bool:
    await store.revoke_all_issued(before=before, at=at)
    return True


REVOCATIONS: dict[What, Callable[[Store, str, float, float], Awaitable[bool]]] = {
    "token": _token,
    "refresh": _refresh,
    "grant": _grant,
    "client": _client,
    "user": _user,
    "api_key": _api_key,
    "all": _all,
}
