"""Under which names relying parties know sessions, and the notices that they have ended."""

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.base.entropy import identifier
from tokenward.store.logout_records import LogoutNotice
from tokenward.store.records import Grant
from tokenward.store.sql.clients import read_openid
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.schema import clients, logout_notices, session_clients, sessions
from tokenward.store.sql.statements import insert_into

_IS_SESSION = session_clients.c.session_id == bindparam("session")

# Whoever ends the session waits for this row, and then sees what was added; or was faster, and there is none.
_HOLD_SESSION = (
    sa.select(sessions.c.session_id).where(sessions.c.session_id == bindparam("session")).with_for_update()
)
_SID = sa.select(session_clients.c.sid).where(_IS_SESSION, session_clients.c.client_id == bindparam("client"))
# Names go when the session goes.
_ADD = sa.insert(session_clients).from_select(
    ["session_id", "client_id", "user_id", "sid", "expires_at"],
    sa.select(
        sessions.c.session_id,
        bindparam("client", type_=sa.Text),
        bindparam("user", type_=sa.Text),
        bindparam("sid", type_=sa.Text),
        sessions.c.expires_at,
    ).where(sessions.c.session_id == bindparam("session")),
)
_MOVE = (
    sa.update(session_clients)
    .where(session_clients.c.session_id == bindparam("old"))
    .values(session_id=bindparam("session"))
)
_END = (
    sa.delete(session_clients)
    .where(_IS_SESSION)
    .returning(session_clients.c.client_id, session_clients.c.user_id, session_clients.c.sid)
)
_OPENID = sa.select(clients.c.openid).where(clients.c.client_id == bindparam("client"))
_ADD_NOTICE = insert_into(logout_notices)

_due = (
    sa.select(logout_notices.c.notice_id)
    .where(logout_notices.c.due_at <= bindparam("at"))
    .order_by(logout_notices.c.due_at)
    .limit(bindparam("limit", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)
_TAKE = (
    sa.update(logout_notices)
    .where(logout_notices.c.notice_id.in_(_due))
    .values(
        due_at=bindparam("until", type_=sa.Double),
        attempts=logout_notices.c.attempts + sa.literal_column("1"),
    )
    .returning(*(logout_notices.c[name] for name in LogoutNotice.__dataclass_fields__))
)
_IS_NOTICE = logout_notices.c.notice_id == bindparam("notice")
_FORGET = sa.delete(logout_notices).where(_IS_NOTICE)
_PUT_OFF = sa.update(logout_notices).where(_IS_NOTICE).values(due_at=bindparam("again"))


class SqlLogouts(Family):
    """`tokenward.store.logout_port.Logouts`."""

    async def sid_of(self, session_id: str, client_id: str) -> str | None:
        named = {"session": session_id, "client": client_id}
        row = await self._database.read(lambda cursor: cursor.one(_SID, named))
        return row[0] if row else None

    async def take_logouts(self, *, at: float, until: float, limit: int) -> list[LogoutNotice]:
        order = {"at": at, "until": until, "limit": limit}
        rows = await self._database.write(lambda cursor: cursor.all(_TAKE, order))
        return [LogoutNotice(*row) for row in rows]

    async def settle_logout(self, notice_id: str, *, again_at: float | None) -> None:
        statement = _FORGET if again_at is None else _PUT_OFF
        row = {"notice": notice_id, "again": again_at}
        await self._database.write(lambda cursor: cursor.run(statement, row))


def hold_session(cursor: Cursor, session_id: str) -> bool:
    """Keep whoever would end the session away until this unit ends; False if it has ended."""
    return cursor.one(_HOLD_SESSION, {"session": session_id}) is not None


def sid_in(cursor: Cursor, session_id: str, grant: Grant) -> str:
    """The name of a session that is held at the grant's client: that of the grant, if it has none yet."""
    named = {"session": session_id, "client": grant.client_id}
    if (known := cursor.one(_SID, named)) is not None:
        return str(known[0])
    sid = grant.sid or identifier()
    cursor.run(_ADD, {**named, "user": grant.user_id, "sid": sid})
    return sid


def move_sids(cursor: Cursor, old_id: str, new_id: str) -> None:
    """Let a session that takes the place of another one be known by its names."""
    cursor.run(_MOVE, {"old": old_id, "session": new_id})


def note_end(cursor: Cursor, session_id: str) -> None:
    """Forget the names of a session that has been deleted, and leave a notice for who wants to be told."""
    for client_id, user_id, sid in cursor.all(_END, {"session": session_id}):
        registered = cursor.one(_OPENID, {"client": client_id})
        if registered is not None and read_openid(registered[0]).backchannel_logout_uri:
            row = {"notice_id": identifier(), "client_id": client_id, "user_id": user_id, "sid": sid}
            cursor.run(_ADD_NOTICE, {**row, "due_at": 0.0, "attempts": 0})
