"""API keys."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam

from tokenward.store.records import ApiKey, ApiKeyState
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.revoking import is_cut_off, record
from tokenward.store.sql.schema import api_keys, join_words, split_words
from tokenward.store.sql.statements import Parameters, Row, insert_into

_WORDS = frozenset({"scopes", "addresses", "origins"})
_FIELDS = tuple(ApiKey.__dataclass_fields__)

_NOBODY: ColumnElement[str] = sa.literal_column("''")
KEY_IS_DEAD = sa.or_(
    api_keys.c.revoked_at.is_not(None),
    is_cut_off(_NOBODY, _NOBODY, api_keys.c.created_at),  # with everything that was issued until then
)
_STATE = sa.select(
    *(api_keys.c[name] for name in _FIELDS),
    KEY_IS_DEAD,
    api_keys.c.rotated_at,
    api_keys.c.uses,
    api_keys.c.last_used_at,
    api_keys.c.told_days,
)
_BY_AGE = (api_keys.c.created_at, api_keys.c.key_id)

_ADD = insert_into(api_keys, *_FIELDS)
_ONE = _STATE.where(api_keys.c.key_id == bindparam("key"))
_IMPORTED = _STATE.where(api_keys.c.imported, api_keys.c.keyed_hash == bindparam("hash"))
_ALL = _STATE.order_by(*_BY_AGE)
# The row's own column says that it has a successor: under concurrent rotations the second one finds it set.
_SUPERSEDE = (
    sa.update(api_keys)
    .where(
        api_keys.c.key_id == bindparam("old"),
        api_keys.c.rotated_at.is_(None),
        api_keys.c.expires_at > bindparam("at"),
        sa.not_(KEY_IS_DEAD),
    )
    .values(
        rotated_at=bindparam("at"),
        expires_at=sa.case(
            (api_keys.c.expires_at > bindparam("until"), bindparam("until")), else_=api_keys.c.expires_at
        ),
    )
    .returning(api_keys.c.key_id)
)
_REVOKE = (
    sa.update(api_keys)
    .where(api_keys.c.key_id == bindparam("key"), api_keys.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
    .returning(api_keys.c.key_id)
)

_NOT_TOLD = sa.or_(api_keys.c.told_days.is_(None), api_keys.c.told_days > bindparam("days"))
_TO_TELL_OF = _STATE.where(
    api_keys.c.expires_at > bindparam("at"),
    api_keys.c.expires_at <= bindparam("until"),
    api_keys.c.rotated_at.is_(None),
    _NOT_TOLD,
    sa.not_(KEY_IS_DEAD),
).order_by(api_keys.c.expires_at, api_keys.c.key_id)
_CLAIM = (
    sa.update(api_keys)
    .where(api_keys.c.key_id == bindparam("key"), _NOT_TOLD)
    .values(told_days=bindparam("days"))
    .returning(api_keys.c.key_id)
)
_RELEASE = (
    sa.update(api_keys)
    .where(api_keys.c.key_id == bindparam("key"), api_keys.c.told_days == bindparam("days"))
    .values(told_days=bindparam("before", type_=sa.Integer))
)


class SqlApiKeys(Family):
    """`tokenward.store.port.ApiKeys`."""

    async def add_api_keys(self, keys: Sequence[ApiKey]) -> None:
        rows = [_row(key) for key in keys]
        await self._database.write(lambda cursor: cursor.run_many(_ADD, rows))

    async def api_key(self, key_id: str) -> ApiKeyState | None:
        row = await self._database.read(lambda cursor: cursor.one(_ONE, {"key": key_id}))
        return _state(row) if row else None

    async def imported_api_key(self, keyed_hash: bytes) -> ApiKeyState | None:
        row = await self._database.read(lambda cursor: cursor.one(_IMPORTED, {"hash": keyed_hash}))
        return _state(row) if row else None

    async def api_keys(self) -> list[ApiKeyState]:
        rows = await self._database.read(lambda cursor: cursor.all(_ALL))
        return [_state(row) for row in rows]

    async def rotate_api_key(self, new: ApiKey, *, old_expire_at: float, at: float) -> bool:
        old = new.rotated_from
        row = _row(new)

        def unit(cursor: Cursor) -> bool:
            if cursor.one(_SUPERSEDE, {"old": old, "until": old_expire_at, "at": at}) is None:
                return False
            cursor.run(_ADD, row)
            record(cursor, "api_key", old or "", at=at)  # who remembers it would let it live to its old end
            return True

        return await self._database.write(unit)

    async def revoke_api_key(self, key_id: str, at: float) -> bool:
        return await self._database.write(lambda cursor: end_api_key(cursor, key_id, at))

    async def api_keys_to_tell_of(self, *, days: int, at: float) -> list[ApiKeyState]:
        when = {"days": days, "at": at, "until": at + days * 86_400}
        rows = await self._database.read(lambda cursor: cursor.all(_TO_TELL_OF, when))
        return [_state(row) for row in rows]

    async def claim_telling(self, key_id: str, days: int) -> bool:
        claim = {"key": key_id, "days": days}
        return await self._database.write(lambda cursor: cursor.one(_CLAIM, claim) is not None)

    async def release_telling(self, key_id: str, days: int, *, before: int | None) -> None:
        release = {"key": key_id, "days": days, "before": before}
        await self._database.write(lambda cursor: cursor.run(_RELEASE, release))


def end_api_key(cursor: Cursor, key_id: str, at: float) -> bool:
    """Revoke a key, and tell it; False if it is unknown or was revoked before."""
    if cursor.one(_REVOKE, {"key": key_id, "at": at}) is None:
        return False
    record(cursor, "api_key", key_id, at=at)
    return True


def _row(key: ApiKey) -> Parameters:
    return {
        name: join_words(getattr(key, name)) if name in _WORDS else getattr(key, name) for name in _FIELDS
    }


def _state(row: Row) -> ApiKeyState:
    values: dict[str, Any] = dict(zip(_FIELDS, row, strict=False))
    words = {name: split_words(values[name]) for name in _WORDS}
    key = ApiKey(**{**values, **words, "imported": bool(values["imported"])})
    revoked, *rest = row[len(_FIELDS) :]
    return ApiKeyState(key, bool(revoked), *rest)
