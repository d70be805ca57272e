"""Sessions of people. A unit that adds one, or ends all of a person's, holds the person's row."""

import json

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.store.people_records import Proof, Session, UpstreamLogout
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.logouts import move_sids, note_end
from tokenward.store.sql.person_row import hold, hold_enabled
from tokenward.store.sql.replays import first_use
from tokenward.store.sql.schema import sessions, upstream_logouts
from tokenward.store.sql.statements import Parameters, Row, Statement, insert_into

_COLUMNS = [sessions.c[name] for name in Session.__dataclass_fields__]
_IS_THIS = sessions.c.session_id == bindparam("session")
_IS_THEIRS = sessions.c.user_id == bindparam("user")

_ADD = insert_into(sessions)
_ONE = sa.select(*_COLUMNS).where(_IS_THIS)
_OF_USER = (
    sa.select(*_COLUMNS).where(_IS_THEIRS).order_by(sessions.c.last_seen_at.desc(), sessions.c.session_id)
)
_TOUCH = (
    sa.update(sessions)
    .where(_IS_THIS, sessions.c.last_seen_at < bindparam("at"))
    .values(last_seen_at=bindparam("at"))
    .returning(sessions.c.session_id)
)
_END = sa.delete(sessions).where(_IS_THIS).returning(sessions.c.session_id)
_END_ALL = sa.delete(sessions).where(_IS_THEIRS).returning(sessions.c.session_id)
_END_OTHERS = (
    sa.delete(sessions)
    .where(_IS_THEIRS, sessions.c.session_id != bindparam("keep"))
    .returning(sessions.c.session_id)
)

_IS_UPSTREAMS = sa.and_(
    sessions.c.upstream != sa.literal_column("''"), sessions.c.upstream == bindparam("by")
)
_IS_SUBJECTS = sessions.c.upstream_subject == bindparam("subject")
_IS_SID = sessions.c.upstream_sid == bindparam("sid")
_note = insert_into(upstream_logouts)
_NOTE_LOGOUT = _note.on_conflict_do_update(
    index_elements=[upstream_logouts.c.upstream, upstream_logouts.c.subject, upstream_logouts.c.sid],
    set_={"at": _note.excluded.at, "kept_until": _note.excluded.kept_until},
    where=upstream_logouts.c.at < _note.excluded.at,
)
_any = sa.literal_column("''", sa.Text)
_ENDED = sa.select(upstream_logouts.c.at).where(
    upstream_logouts.c.upstream == bindparam("by"),
    upstream_logouts.c.subject.in_([_any, bindparam("subject")]),
    upstream_logouts.c.sid.in_([_any, bindparam("sid")]),
    upstream_logouts.c.at >= bindparam("since", type_=sa.Double),
)
# By what is given, subject and sid: whose they are, and their end.
_UPSTREAM = {
    given: (
        sa.select(sessions.c.user_id).distinct().where(_IS_UPSTREAMS, *fits).order_by(sessions.c.user_id),
        sa.delete(sessions).where(_IS_UPSTREAMS, *fits).returning(sessions.c.session_id),
    )
    for given, fits in {
        (True, False): [_IS_SUBJECTS],
        (False, True): [_IS_SID],
        (True, True): [_IS_SUBJECTS, _IS_SID],
    }.items()
}


class SqlSessions(Family):
    """Of `tokenward.store.people_port.People`, what is about sessions."""

    async def add_session(self, session: Session, *, version: int) -> bool:
        row = _row(session)

        def unit(cursor: Cursor) -> bool:
            if hold_enabled(cursor, session.user_id) != version:
                return False
            cursor.run(_ADD, row)
            return True

        return await self._database.write(unit)

    async def session(self, session_id: str) -> Session | None:
        row = await self._database.read(lambda cursor: cursor.one(_ONE, {"session": session_id}))
        return None if row is None else _session(row)

    async def sessions_of(self, user_id: str) -> list[Session]:
        rows = await self._database.read(lambda cursor: cursor.all(_OF_USER, {"user": user_id}))
        return list(map(_session, rows))

    async def touch_session(self, session_id: str, at: float) -> None:
        row = {"session": session_id, "at": at}
        await self._database.write(lambda cursor: cursor.one(_TOUCH, row))

    async def replace_session(self, old_id: str, new: Session, *, version: int) -> bool:
        row = _row(new)

        def unit(cursor: Cursor) -> bool:
            held = hold_enabled(cursor, new.user_id)
            old = cursor.one(_ONE, {"session": old_id})
            if old is None:
                return False
            if _session(old).user_id != new.user_id:
                raise ValueError("a session is replaced by one of the same person")
            if held != version or cursor.one(_END, {"session": old_id}) is None:
                return False
            cursor.run(_ADD, row)
            move_sids(cursor, old_id, new.session_id)
            return True

        return await self._database.write(unit)

    async def end_session(self, session_id: str) -> bool:
        named = {"session": session_id}
        return await self._database.write(lambda cursor: _ended(cursor, _END, named)) == 1

    async def end_sessions(self, user_id: str) -> int:
        return await self._database.write(lambda cursor: end_sessions(cursor, user_id))

    async def end_other_sessions(self, user_id: str, keep: str) -> int:
        return await self._database.write(lambda cursor: end_sessions(cursor, user_id, keep=keep))

    async def end_upstream_sessions(
        self, logout: UpstreamLogout, *, once: bytes, until: float, at: float
    ) -> int | None:
        by, subject, sid = logout.upstream, logout.subject, logout.sid
        if subject is None and sid is None:
            raise ValueError("a logout names a subject or a session")
        note = {
            "upstream": by,
            "subject": subject or "",
            "sid": sid or "",
            "at": logout.at,
            "kept_until": logout.kept_until,
        }

        def unit(cursor: Cursor) -> int | None:
            if not first_use(cursor, once, until, at=at):
                return None
            return end_upstream_sessions(cursor, by, subject=subject, sid=sid)

        await self._database.write(lambda cursor: cursor.run(_NOTE_LOGOUT, note))
        return await self._database.write(unit)

    async def upstream_ended(self, upstream: str, *, subject: str, sid: str, since: float) -> bool:
        named = {"by": upstream, "subject": subject, "sid": sid, "since": since}
        return await self._database.read(lambda cursor: cursor.one(_ENDED, named)) is not None


def end_sessions(cursor: Cursor, user_id: str, *, keep: str | None = None) -> int:
    """Delete every session of a person but `keep`; how many there were."""
    hold(cursor, user_id)
    if keep is None:
        return _ended(cursor, _END_ALL, {"user": user_id})
    return _ended(cursor, _END_OTHERS, {"user": user_id, "keep": keep})


def end_upstream_sessions(cursor: Cursor, upstream: str, *, subject: str | None, sid: str | None) -> int:
    """Delete the sessions that fit what is given; how many there were."""
    whose, end = _UPSTREAM[subject is not None, sid is not None]
    named = {"by": upstream, "subject": subject, "sid": sid}
    # Whose session is being replaced at this moment is held, so that the new one is seen.
    for (user_id,) in cursor.all(whose, named):
        hold(cursor, user_id)
    return _ended(cursor, end, named)


def _ended(cursor: Cursor, end: Statement, named: Parameters) -> int:
    """Run a deletion of sessions, and leave notices of their end; how many there were."""
    ended = cursor.all(end, named)
    for (session_id,) in ended:
        note_end(cursor, session_id)
    return len(ended)


def _row(session: Session) -> Parameters:
    row = {name: getattr(session, name) for name in Session.__dataclass_fields__}
    return {**row, "proofs": json.dumps([[proof.amr, proof.at] for proof in session.proofs])}


def _session(row: Row) -> Session:
    session_id, keyed_hash, user_id, proofs, *rest = row
    proved = tuple(Proof(tuple(amr), at) for amr, at in json.loads(proofs))
    return Session(session_id, keyed_hash, user_id, proved, *rest)
