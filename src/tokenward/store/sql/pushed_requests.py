"""Authorization requests that were pushed, and the one answer that each gets."""

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.store.pushed_records import PushedRequest
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.revoking import is_cut_off
from tokenward.store.sql.schema import pushed_requests
from tokenward.store.sql.statements import insert_into

_COLUMNS = [pushed_requests.c[name] for name in PushedRequest.__dataclass_fields__]
# What the client was issued before it was removed, or before its secret got out, is dead, and so is what it
# asked for. There is no person yet, and nobody's user_id is empty.
_MAY_BE_ANSWERED = sa.and_(
    pushed_requests.c.request_id == bindparam("request"),
    sa.not_(is_cut_off(pushed_requests.c.client_id, sa.literal_column("''"), pushed_requests.c.created_at)),
)

_ADD = insert_into(pushed_requests)
_ONE = sa.select(*_COLUMNS).where(_MAY_BE_ANSWERED)
_TAKE = sa.delete(pushed_requests).where(_MAY_BE_ANSWERED).returning(pushed_requests.c.request_id)


class SqlPushedRequests(Family):
    """`tokenward.store.pushed_port.PushedRequests`."""

    async def add_pushed_request(self, request: PushedRequest) -> None:
        row = {name: getattr(request, name) for name in PushedRequest.__dataclass_fields__}
        await self._database.insert(_ADD, row)

    async def pushed_request(self, request_id: str) -> PushedRequest | None:
        row = await self._database.read(lambda cursor: cursor.one(_ONE, {"request": request_id}))
        return PushedRequest(*row) if row else None

    async def answer_pushed_request(self, request_id: str) -> bool:
        return await self._database.write(lambda cursor: take_pushed_request(cursor, request_id))


def take_pushed_request(cursor: Cursor, request_id: str) -> bool:
    """Take a request away as part of the unit that answers it; False if it is gone."""
    return cursor.one(_TAKE, {"request": request_id}) is not None
