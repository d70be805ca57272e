"""What keeps the database small."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam

from tokenward.store.pushed_port import OPENED_SECONDS
from tokenward.store.sql.family import Family
from tokenward.store.sql.schema import (
    access_tokens,
    api_keys,
    browser_logouts,
    browser_sessions,
    clients,
    codes,
    credential_uses,
    device_codes,
    feed,
    grants,
    initial_tokens,
    leak_incidents,
    links,
    pushed_requests,
    refresh_tokens,
    registrations,
    replays,
    session_clients,
    sessions,
    signing_keys,
    upstream_logouts,
)
from tokenward.store.sql.statements import Statement

FEED_KEPT = 24 * 3600.0  # seconds; a follower that was away longer starts afresh
LOST_RESPONSE_KEPT = 10.0  # seconds during which a lost refresh response can be had again
API_KEY_KEPT = 90 * 86_400.0  # seconds after its end; people ask which key it was that stopped working
DEVICE_CODE_KEPT = 3600.0  # seconds after its end during which a device is told that it is too late
PRIVATE_KEPT = 3600.0  # seconds after a key's removal during which a process with a slow clock may open it

INCIDENT_KEPT = 400 * 86_400.0  # seconds after it was closed; a year's look back finds it

_AT: ColumnElement[float] = bindparam("at", type_=sa.Double)


def _some(*key: sa.Column[Any], where: tuple[ColumnElement[bool], ...]) -> sa.Select[Any]:
    """At most `limit` keys; rows that another process is sweeping are left to it."""
    limit: ColumnElement[int] = bindparam("limit", type_=sa.Integer)
    some = sa.select(*key).where(*where).limit(limit).correlate(None)
    return some.with_for_update(of=key[0].table, skip_locked=True)


def _delete_uses() -> Statement:
    """Where something was used from, unless an incident is about it."""
    uses, key = credential_uses.c, tuple(credential_uses.primary_key.columns)
    is_evidence = sa.exists().where(
        leak_incidents.c.kind == uses.kind, leak_incidents.c.subject == uses.subject
    )
    some = _some(*key, where=(uses.kept_until <= _AT, sa.not_(is_evidence)))
    return sa.delete(credential_uses).where(sa.tuple_(*key).in_(some))


def _delete_by_key(table: sa.Table, *conditions: ColumnElement[bool]) -> Statement:
    """Of a table whose key has several columns."""
    key = tuple(table.primary_key.columns)
    return sa.delete(table).where(sa.tuple_(*key).in_(_some(*key, where=conditions)))


def _delete(key: sa.Column[Any], *conditions: ColumnElement[bool]) -> Statement:
    return sa.delete(key.table).where(key.in_(_some(key, where=conditions)))


_over = grants.c.expires_at <= _AT
_has_grant = sa.exists().where(grants.c.grant_id == device_codes.c.grant_id)
_has_links = sa.exists().where(refresh_tokens.c.grant_id == grants.c.grant_id)

# In this order. Codes go with their grant: a used one stays as long, so that its replay is recognised.
_SWEEPS: tuple[Statement, ...] = (
    _delete(access_tokens.c.token_id, access_tokens.c.expires_at <= _AT),
    _delete(api_keys.c.key_id, api_keys.c.expires_at <= _AT - sa.literal(API_KEY_KEPT)),
    _delete(sessions.c.session_id, sessions.c.expires_at <= _AT),
    _delete(browser_sessions.c.key, browser_sessions.c.until <= _AT),
    _delete_by_key(browser_logouts, browser_logouts.c.kept_until <= _AT),
    _delete(links.c.link_id, links.c.expires_at <= _AT),
    _delete(pushed_requests.c.request_id, pushed_requests.c.expires_at <= _AT - sa.literal(OPENED_SECONDS)),
    # Nobody has allowed it anything, or what they allowed is over. What belongs to it goes with it.
    _delete(
        clients.c.client_id,
        clients.c.client_id == registrations.c.client_id,
        registrations.c.unused_at <= _AT,
        sa.not_(sa.exists().where(grants.c.client_id == clients.c.client_id)),
    ),
    _delete(initial_tokens.c.token_id, initial_tokens.c.expires_at <= _AT),
    _delete(replays.c.key, replays.c.until <= _AT),
    _delete(leak_incidents.c.incident_id, leak_incidents.c.closed_at <= _AT - sa.literal(INCIDENT_KEPT)),
    _delete_uses(),
    _delete_by_key(upstream_logouts, upstream_logouts.c.kept_until <= _AT),
    _delete_by_key(session_clients, session_clients.c.expires_at <= _AT),
    _delete(feed.c.seq, feed.c.at <= _AT - sa.literal(FEED_KEPT)),
    sa.update(refresh_tokens)
    .where(
        refresh_tokens.c.token_id.in_(
            _some(
                refresh_tokens.c.token_id,
                where=(
                    refresh_tokens.c.sealed_response.is_not(None),
                    refresh_tokens.c.consumed_at <= _AT - sa.literal(LOST_RESPONSE_KEPT),
                ),
            )
        )
    )
    .values(sealed_response=sa.null()),
    # Links of a chain: the last one when it was idle too long, the used ones when the whole grant is over.
    _delete(
        refresh_tokens.c.token_id, refresh_tokens.c.consumed_at.is_(None), refresh_tokens.c.expires_at <= _AT
    ),
    _delete(refresh_tokens.c.token_id, refresh_tokens.c.grant_id == grants.c.grant_id, _over),
    _delete(grants.c.grant_id, _over, sa.not_(_has_links)),
    # A grant whose code was never redeemed has nothing that follows from it.
    _delete(
        grants.c.grant_id,
        grants.c.grant_id == codes.c.grant_id,
        codes.c.consumed_at.is_(None),
        codes.c.expires_at <= _AT,
    ),
    # Nor has one that no device fetched; its device code follows.
    _delete(
        grants.c.grant_id,
        grants.c.grant_id == device_codes.c.grant_id,
        device_codes.c.consumed_at.is_(None),
        device_codes.c.expires_at <= _AT,
    ),
    _delete(
        device_codes.c.token_id,
        device_codes.c.expires_at <= _AT - sa.literal(DEVICE_CODE_KEPT),
        sa.or_(device_codes.c.consumed_at.is_not(None), sa.not_(_has_grant)),
    ),
    # What is removed needs no private half, and whoever comes by the database later finds none.
    sa.update(signing_keys)
    .where(
        signing_keys.c.kid.in_(
            _some(
                signing_keys.c.kid,
                where=(
                    signing_keys.c.sealed_private != sa.literal(b"", sa.LargeBinary),
                    signing_keys.c.removes_at <= _AT - sa.literal(PRIVATE_KEPT),
                ),
            )
        )
    )
    .values(sealed_private=sa.literal(b"", sa.LargeBinary)),
)
_PING: Statement = sa.select(sa.literal_column("1"))


class SqlUpkeep(Family):
    """`tokenward.store.port.Upkeep`."""

    async def sweep(self, *, at: float, limit: int) -> int:
        swept = 0
        for statement in _SWEEPS:
            swept += await self._sweep(statement, at, limit)  # each a unit: others get their turn between
        return swept

    async def _sweep(self, statement: Statement, at: float, limit: int) -> int:
        return await self._database.write(lambda cursor: cursor.run(statement, {"at": at, "limit": limit}))

    async def ping(self) -> None:
        await self._database.read(lambda cursor: cursor.one(_PING))

    async def close(self) -> None:
        await self._database.close()
