"""Revocation by an operator: what may be named, and what that does. The CLI and the admin API share it."""

from typing import Literal

from tokenward.base.problems import INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.store.port import Store

What = Literal["token", "refresh", "grant", "client", "user", "all"]


async def revoke(store: Store, what: What, subject: str, *, before: float | None, at: float) -> None:
    """Revoke, and have every process hear of it by the feed.

    Args:
        store: where it is recorded.
        what: the kind of thing that `subject` names.
        subject: a token_id (of an access token, or with `refresh` of a refresh token, which takes its grant
            along), grant_id, client_id or user name; "" for all.
        before: for client, user and all: only what was issued at or before that moment; None means now.
        at: now, seconds since the epoch.

    Raises:
        Refusal: NOT_FOUND, there is no such thing, or it was revoked before; INVALID_INPUT, `before` is yet
            to come.
        StoreUnavailable: nothing was revoked.
    """
    moment = _past(before, at)
    match what:
        case "token":
            if not await store.revoke_token(subject, at):
                raise Refusal(NOT_FOUND, f"no live access token has the id {subject}")
        case "refresh":
            state = await store.refresh_token(subject)
            if state is None or not await store.revoke_grant(state.grant.grant_id, at):
                raise Refusal(NOT_FOUND, f"no live refresh token has the id {subject}")
        case "grant":
            if not await store.revoke_grant(subject, at):
                raise Refusal(NOT_FOUND, f"no live grant has the id {subject}")
        case "client":
            if await store.client(subject) is None:
                raise Refusal(NOT_FOUND, f"no client has the id {subject}")
            await store.revoke_issued_to_client(subject, before=moment, at=at)
        case "user":
            user = await store.user_by_name(subject)
            if user is None:
                raise Refusal(NOT_FOUND, f"nobody has the user name {subject}")
            await store.revoke_issued_for_user(user.user_id, before=moment, at=at)
            await store.end_sessions(user.user_id)
        case "all":
            await store.revoke_all_issued(before=moment, at=at)


def _past(before: float | None, at: float) -> float:
    """The moment until which what was issued ends."""
    if before is not None and before > at:
        # It would end what has not been issued yet, and nothing takes a cutoff back.
        raise Refusal(INVALID_INPUT, "the moment before which to revoke is yet to come")
    return at if before is None else before
