"""Devices that ask for access, their polls, and the one answer that each gets."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam

from tokenward.store.device_port import SLOWER
from tokenward.store.device_records import DeviceCode, DeviceCodeState, Poll
from tokenward.store.records import AccessToken, Consumption, Grant, RefreshToken
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.revoking import is_cut_off
from tokenward.store.sql.schema import device_codes, grants, join_words, split_words
from tokenward.store.sql.statements import Parameters, Row, insert_into
from tokenward.store.sql.token_rows import confirmation_text, grant_row, read_confirmation, read_grant
from tokenward.store.sql.tokens import ADD_GRANT, GRANT_COLUMNS, consuming, redeeming
from tokenward.tokens.binding import Confirmation

_AT: ColumnElement[float] = bindparam("at", type_=sa.Double)
_COLUMNS = [device_codes.c[name] for name in DeviceCode.__dataclass_fields__]
_IS_THIS = device_codes.c.token_id == bindparam("token")
_WAITS = sa.and_(
    device_codes.c.grant_id.is_(None),
    device_codes.c.denied_at.is_(None),
    device_codes.c.expires_at > _AT,
)
# What the client was issued before it was removed, or before its secret got out, is dead, and so is what it
# asked for. There is no person yet, and nobody's user_id is empty.
_MAY_BE_ANSWERED = sa.and_(
    _WAITS,
    sa.not_(is_cut_off(device_codes.c.client_id, sa.literal_column("''"), device_codes.c.created_at)),
)
_SAME_KEY = sa.or_(
    device_codes.c.polled_at.is_(None), device_codes.c.cnf.is_not_distinct_from(bindparam("key"))
)

_ADD = insert_into(device_codes, *DeviceCode.__dataclass_fields__)
_STATE = (
    sa.select(
        *_COLUMNS,
        device_codes.c.polled_at.is_not(None),
        device_codes.c.cnf,
        device_codes.c.denied_at.is_not(None),
        device_codes.c.consumed_at.is_not(None),
        *GRANT_COLUMNS,
    )
    .select_from(device_codes.outerjoin(grants, grants.c.grant_id == device_codes.c.grant_id))
    .where(_IS_THIS)
)
_ASKING = sa.select(*_COLUMNS).where(device_codes.c.user_code_hash == bindparam("hash"), _MAY_BE_ANSWERED)
_APPROVE = (
    sa.update(device_codes)
    .where(_IS_THIS, _MAY_BE_ANSWERED)
    .values(grant_id=bindparam("grant"))
    .returning(device_codes.c.token_id)
)
_DENY = (
    sa.update(device_codes)
    .where(_IS_THIS, _MAY_BE_ANSWERED)
    .values(denied_at=_AT)
    .returning(device_codes.c.token_id)
)

_FIRST_KEY = sa.case((device_codes.c.polled_at.is_(None), bindparam("key")), else_=device_codes.c.cnf)

_poll = (
    sa.update(device_codes)
    .where(_IS_THIS, _WAITS)
    .values(polled_at=_AT, cnf=_FIRST_KEY)
    .returning(device_codes.c.token_id)
)
_POLL_IN_TIME = _poll.where(
    sa.or_(device_codes.c.polled_at.is_(None), device_codes.c.polled_at + device_codes.c.interval <= _AT)
)
_POLL_TOO_SOON = _poll.values(interval=device_codes.c.interval + sa.literal_column(str(SLOWER), sa.Integer))
_CONSUME = consuming(device_codes, device_codes.c.grant_id, _SAME_KEY, polled_at=_AT, cnf=_FIRST_KEY)
_CONSUMED = sa.select(device_codes.c.grant_id).where(
    _IS_THIS, device_codes.c.consumed_at.is_not(None), _SAME_KEY
)

_WIDTH = len(_COLUMNS)


class SqlDeviceCodes(Family):
    """`tokenward.store.device_port.DeviceCodes`."""

    async def add_device_code(self, code: DeviceCode) -> None:
        await self._database.insert(_ADD, _row(code))

    async def device_code(self, token_id: str) -> DeviceCodeState | None:
        row = await self._database.read(lambda cursor: cursor.one(_STATE, {"token": token_id}))
        if row is None:
            return None
        polled, cnf, denied, consumed, *grant = row[_WIDTH:]
        return DeviceCodeState(
            _device_code(row[:_WIDTH]),
            bool(polled),
            read_confirmation(cnf),
            read_grant(tuple(grant)) if grant[0] is not None else None,
            bool(denied),
            bool(consumed),
        )

    async def asking_device(self, user_code_hashes: Sequence[bytes], at: float) -> DeviceCode | None:
        def unit(cursor: Cursor) -> Row | None:
            found = (cursor.one(_ASKING, {"hash": each, "at": at}) for each in user_code_hashes)
            return next((row for row in found if row is not None), None)

        row = await self._database.read(unit)
        return None if row is None else _device_code(row)

    async def approve_device(self, token_id: str, grant: Grant) -> bool:
        values = grant_row(grant)
        named = {"token": token_id, "grant": grant.grant_id, "at": grant.created_at}

        def unit(cursor: Cursor) -> bool:
            if cursor.one(_APPROVE, named) is None:
                return False
            cursor.run(ADD_GRANT, values)
            return True

        return await self._database.write(unit)

    async def deny_device(self, token_id: str, at: float) -> bool:
        return await self._database.write(lambda cursor: deny_device(cursor, token_id, at))

    async def poll_device(self, token_id: str, cnf: Confirmation | None, at: float) -> Poll:
        named = {"token": token_id, "key": confirmation_text(cnf), "at": at}

        def unit(cursor: Cursor) -> Poll:
            if cursor.one(_POLL_IN_TIME, named) is not None:
                return Poll.PENDING
            return Poll.OVER if cursor.one(_POLL_TOO_SOON, named) is None else Poll.TOO_SOON

        return await self._database.write(unit)

    async def redeem_device_code(
        self,
        token_id: str,
        access: AccessToken,
        refresh: RefreshToken | None,
        *,
        cnf: Confirmation | None,
        at: float,
    ) -> Consumption:
        named = {"token": token_id, "key": confirmation_text(cnf), "at": at}
        return await self._database.write(redeeming(_CONSUME, _CONSUMED, named, access, refresh))


def deny_device(cursor: Cursor, token_id: str, at: float) -> bool:
    """Answer a device that still waits with a no; False if there is none."""
    return cursor.one(_DENY, {"token": token_id, "at": at}) is not None


def _row(code: DeviceCode) -> Parameters:
    row = {name: getattr(code, name) for name in DeviceCode.__dataclass_fields__}
    return {**row, "scope": join_words(code.scope)}


def _device_code(row: Row) -> DeviceCode:
    token_id, keyed_hash, user_code_hash, client_id, scope, *rest = row
    return DeviceCode(token_id, keyed_hash, user_code_hash, client_id, split_words(scope), *rest)
