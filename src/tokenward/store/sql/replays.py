"""What may be used once, remembered in the database."""

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.schema import replays
from tokenward.store.sql.statements import insert_into

# Who may use something until a moment judged so a moment ago, and perhaps by another machine's clock than the
# one by which it is forgotten.
USED_KEPT = 10.0  # seconds after that moment

_insert = insert_into(replays)
# One statement, so that of any number of attempts in any number of processes one inserts. What could be shown
# again no longer counts as new, since whoever shows it then is refused for its age.
_FIRST_USE = _insert.on_conflict_do_update(
    index_elements=[replays.c.key],
    set_={"until": _insert.excluded.until},
    where=replays.c.until <= bindparam("at", type_=sa.Double),
).returning(replays.c.key)


class SqlReplays(Family):
    """`tokenward.store.port.Uses`."""

    async def first_use(self, key: bytes, until: float, *, at: float) -> bool:
        return await self._database.write(lambda cursor: first_use(cursor, key, until, at=at))


def first_use(cursor: Cursor, key: bytes, until: float, *, at: float) -> bool:
    """`Uses.first_use` as part of a unit."""
    return cursor.one(_FIRST_USE, {"key": key, "until": until + USED_KEPT, "at": at}) is not None
