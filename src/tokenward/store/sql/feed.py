"""The revocation feed, as its followers read it."""

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.store.records import FeedEvent
from tokenward.store.sql.family import Family
from tokenward.store.sql.schema import feed, feed_head
from tokenward.store.sql.statements import NOTHING

_HEAD = sa.select(feed_head.c.seq).where(feed_head.c.id == sa.literal_column("1"))
_AFTER = (
    sa.select(feed.c.seq, feed.c.revoked, feed.c.subject, feed.c.before)
    .where(feed.c.seq > bindparam("after"))
    .order_by(feed.c.seq)
    .limit(bindparam("limit", type_=sa.Integer))
)


class SqlFeed(Family):
    """`tokenward.store.port.Feed`.

    Read apart: behind some thousand lookups, as after a restart, it would come too late to confirm anything.
    """

    async def feed_head(self) -> int:
        row = await self._database.read(lambda cursor: cursor.one(_HEAD, NOTHING), apart=True)
        return int(row[0]) if row else 0

    async def feed_after(self, seq: int, *, limit: int) -> list[FeedEvent]:
        window = {"after": seq, "limit": limit}
        rows = await self._database.read(lambda cursor: cursor.all(_AFTER, window), apart=True)
        return [FeedEvent(*row) for row in rows]

    async def feed_wake(self, *, within: float) -> None:
        await self._database.revocation(within=within)
