"""Sessions of browser apps."""

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam

from tokenward.store.browser_records import BrowserLogout, BrowserSession
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.schema import browser_logouts, browser_sessions
from tokenward.store.sql.statements import insert_into

_FIELDS = tuple(BrowserSession.__dataclass_fields__)
_sessions, _logouts = browser_sessions.c, browser_logouts.c
_IS_IT = _sessions.key == bindparam("key", type_=sa.LargeBinary)

_ADD = insert_into(browser_sessions, *_FIELDS)
_FIND = sa.select(*(_sessions[name] for name in _FIELDS)).where(
    _IS_IT, _sessions.until > bindparam("at", type_=sa.Double)
)
_USE = sa.update(browser_sessions).where(_IS_IT).values(until=bindparam("until_", type_=sa.Double))
_KEEP = sa.update(browser_sessions).where(_IS_IT).values(content=bindparam("sealed", type_=sa.LargeBinary))
_END = sa.delete(browser_sessions).where(_IS_IT).returning(_sessions.content)


def _either(one: ColumnElement[str], nothing: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a logout names nobody in particular, or this one."""
    return sa.or_(nothing == sa.literal_column("''"), nothing == one)


# `LogoutNotice.means`, from both sides: of one session, whether any logout means it; of one logout, which
# sessions are meant.
_TOLD = (
    sa.delete(browser_sessions)
    .where(
        _IS_IT,
        sa.exists().where(
            _logouts.party == _sessions.party,
            _logouts.issued_at >= _sessions.issued_at,
            _logouts.kept_until > bindparam("at", type_=sa.Double),
            _either(_sessions.subject, _logouts.subject),
            _either(_sessions.sid, _logouts.sid),
        ),
    )
    .returning(_sessions.key)
)
_subject: ColumnElement[str] = bindparam("subject", type_=sa.Text)
_sid: ColumnElement[str] = bindparam("sid", type_=sa.Text)
_MEANT = sa.delete(browser_sessions).where(
    _sessions.party == bindparam("party"),
    _sessions.issued_at <= bindparam("issued_at", type_=sa.Double),
    _either(_sessions.subject, _subject),
    _either(_sessions.sid, _sid),
)
# What a newer logout of the same leaves nothing to: told again and again, it is one row.
_COVERED = sa.delete(browser_logouts).where(
    _logouts.party == bindparam("party"),
    _logouts.subject == _subject,
    _logouts.sid == _sid,
    _logouts.issued_at <= bindparam("issued_at", type_=sa.Double),
    _logouts.kept_until <= bindparam("kept_until", type_=sa.Double),
)
_REMEMBER = insert_into(browser_logouts).on_conflict_do_nothing()

_LEASE = (
    sa.update(browser_sessions)
    .where(
        _IS_IT,
        sa.or_(_sessions.held_until.is_(None), _sessions.held_until <= bindparam("at", type_=sa.Double)),
    )
    .values(holder=bindparam("who"), held_until=bindparam("until_", type_=sa.Double))
)
_IS_THERE = sa.select(_sessions.key).where(_IS_IT)
_RELEASE = (
    sa.update(browser_sessions)
    .where(_IS_IT, _sessions.holder == bindparam("who"))
    .values(holder=sa.null(), held_until=sa.null())
)


class SqlBrowserSessions(Family):
    """`tokenward.store.browser_port.BrowserSessions`."""

    async def add_browser_session(self, session: BrowserSession, *, at: float) -> bool:
        row = {name: getattr(session, name) for name in _FIELDS}
        await self._database.write(lambda cursor: cursor.run(_ADD, row))
        # A unit of its own, so that it sees what was said while the row was on its way: whoever ends sessions
        # remembers that first, and then sees the row, if this does not see what was remembered.
        look = {"key": session.key, "at": at}
        return await self._database.write(lambda cursor: cursor.one(_TOLD, look)) is None

    async def browser_session(self, key: bytes, *, at: float) -> BrowserSession | None:
        row = await self._database.read(lambda cursor: cursor.one(_FIND, {"key": key, "at": at}))
        return BrowserSession(*row) if row is not None else None

    async def use_browser_session(self, key: bytes, *, until: float) -> None:
        row = {"key": key, "until_": until}
        await self._database.write(lambda cursor: cursor.run(_USE, row))

    async def keep_browser_session(self, key: bytes, content: bytes) -> bool:
        row = {"key": key, "sealed": content}
        return await self._database.write(lambda cursor: cursor.run(_KEEP, row)) == 1

    async def end_browser_session(self, key: bytes) -> bytes | None:
        row = await self._database.write(lambda cursor: cursor.one(_END, {"key": key}))
        return row[0] if row is not None else None

    async def end_browser_sessions(self, logout: BrowserLogout) -> int:
        said = {name: getattr(logout, name) for name in BrowserLogout.__dataclass_fields__}

        def remember(cursor: Cursor) -> None:
            cursor.run(_COVERED, said)
            cursor.run(_REMEMBER, said)

        await self._database.write(remember)
        return await self._database.write(lambda cursor: cursor.run(_MEANT, said))

    async def lease_browser_session(self, key: bytes, holder: str, *, at: float, until: float) -> bool | None:
        asked = {"key": key, "who": holder, "at": at, "until_": until}
        if await self._database.write(lambda cursor: cursor.run(_LEASE, asked)) == 1:
            return True
        there = await self._database.read(lambda cursor: cursor.one(_IS_THERE, {"key": key}))
        return False if there is not None else None

    async def release_browser_session(self, key: bytes, holder: str) -> None:
        row = {"key": key, "who": holder}
        await self._database.write(lambda cursor: cursor.run(_RELEASE, row))
