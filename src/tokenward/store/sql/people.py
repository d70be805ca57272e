"""Persons, what is known of them, their sessions and what they consented to."""

import json
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.store.records import Session, User
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.revoking import record
from tokenward.store.sql.schema import consents, join_words, sessions, split_words, user_claims, users
from tokenward.store.sql.statements import insert_into

_ADD_USER = insert_into(users)
_USER = sa.select(users).where(users.c.user_id == bindparam("user"))
_USER_BY_NAME = sa.select(users).where(users.c.username == bindparam("name"))
_USERS = sa.select(users).order_by(users.c.created_at, users.c.user_id)
_SET_PASSWORD = (
    sa.update(users)
    .where(users.c.user_id == bindparam("user"))
    .values(password_hash=bindparam("new"))
    .returning(users.c.user_id)
)

_HOLD_USER = sa.select(users.c.user_id).where(users.c.user_id == bindparam("user")).with_for_update()

_CLAIMS = sa.select(user_claims.c.name, user_claims.c.value).where(user_claims.c.user_id == bindparam("user"))
_claim = insert_into(user_claims)
_SET_CLAIM = _claim.on_conflict_do_update(
    index_elements=[user_claims.c.user_id, user_claims.c.name], set_={"value": _claim.excluded.value}
)
_REMOVE_CLAIM = sa.delete(user_claims).where(
    user_claims.c.user_id == bindparam("user"), user_claims.c.name == bindparam("claim")
)

_ADD_SESSION = insert_into(sessions)
_SESSION = sa.select(sessions).where(sessions.c.session_id == bindparam("session"))
_TOUCH = (
    sa.update(sessions)
    .where(sessions.c.session_id == bindparam("session"), sessions.c.last_seen_at < bindparam("at"))
    .values(last_seen_at=bindparam("at"))
    .returning(sessions.c.session_id)
)
_END = (
    sa.delete(sessions).where(sessions.c.session_id == bindparam("session")).returning(sessions.c.session_id)
)
_END_ALL = sa.delete(sessions).where(sessions.c.user_id == bindparam("user")).returning(sessions.c.session_id)

_CONSENTED = sa.select(consents.c.scope).where(
    consents.c.user_id == bindparam("user"),
    consents.c.client_id == bindparam("client"),
    consents.c.audience == bindparam("at_audience"),
)
_CONSENT = insert_into(consents).on_conflict_do_nothing()


class SqlPeople(Family):
    """`tokenward.store.port.People`."""

    async def add_user(self, user: User) -> None:
        row = {
            "user_id": user.user_id,
            "username": user.username,
            "password_hash": user.password_hash,
            "created_at": user.created_at,
        }
        await self._database.write(lambda cursor: cursor.run(_ADD_USER, row))

    async def user(self, user_id: str) -> User | None:
        row = await self._database.read(lambda cursor: cursor.one(_USER, {"user": user_id}))
        return User(*row) if row else None

    async def user_by_name(self, username: str) -> User | None:
        row = await self._database.read(lambda cursor: cursor.one(_USER_BY_NAME, {"name": username}))
        return User(*row) if row else None

    async def users(self) -> list[User]:
        rows = await self._database.read(lambda cursor: cursor.all(_USERS))
        return [User(*row) for row in rows]

    async def set_password_hash(self, user_id: str, password_hash: str) -> bool:
        row = {"user": user_id, "new": password_hash}
        return await self._database.write(lambda cursor: cursor.one(_SET_PASSWORD, row)) is not None

    async def user_claims(self, user_id: str) -> dict[str, object]:
        rows = await self._database.read(lambda cursor: cursor.all(_CLAIMS, {"user": user_id}))
        return {name: json.loads(value) for name, value in rows}

    async def change_user_claims(self, user_id: str, changes: Mapping[str, object], at: float) -> bool:
        def unit(cursor: Cursor) -> bool:
            if cursor.one(_HOLD_USER, {"user": user_id}) is None:
                return False
            for name, value in changes.items():
                if value is None:
                    cursor.run(_REMOVE_CLAIM, {"user": user_id, "claim": name})
                else:
                    row = {"user_id": user_id, "name": name, "value": json.dumps(value)}
                    cursor.run(_SET_CLAIM, row)
            record(cursor, "claims", user_id, at=at)
            return True

        return await self._database.write(unit)

    async def add_session(self, session: Session) -> None:
        row = {
            "session_id": session.session_id,
            "keyed_hash": session.keyed_hash,
            "user_id": session.user_id,
            "amr": join_words(session.amr),
            "auth_time": session.auth_time,
            "last_seen_at": session.last_seen_at,
            "expires_at": session.expires_at,
        }
        await self._database.write(lambda cursor: cursor.run(_ADD_SESSION, row))

    async def session(self, session_id: str) -> Session | None:
        row = await self._database.read(lambda cursor: cursor.one(_SESSION, {"session": session_id}))
        if row is None:
            return None
        found_id, keyed_hash, user_id, amr, auth_time, last_seen_at, expires_at = row
        return Session(found_id, keyed_hash, user_id, split_words(amr), auth_time, last_seen_at, expires_at)

    async def touch_session(self, session_id: str, at: float) -> None:
        row = {"session": session_id, "at": at}
        await self._database.write(lambda cursor: cursor.one(_TOUCH, row))

    async def end_session(self, session_id: str) -> bool:
        row = await self._database.write(lambda cursor: cursor.one(_END, {"session": session_id}))
        return row is not None

    async def end_sessions(self, user_id: str) -> int:
        return await self._database.write(lambda cursor: end_sessions(cursor, user_id))

    async def consented_scope(self, user_id: str, client_id: str, audience: str) -> frozenset[str]:
        key = {"user": user_id, "client": client_id, "at_audience": audience}
        rows = await self._database.read(lambda cursor: cursor.all(_CONSENTED, key))
        return frozenset(scope for (scope,) in rows)

    async def add_consent(
        self, user_id: str, client_id: str, audience: str, scope: Sequence[str], at: float
    ) -> None:
        key = {"user_id": user_id, "client_id": client_id, "audience": audience, "given_at": at}
        # In one order, so that two such units never wait for each other crosswise.
        rows = [{**key, "scope": word} for word in sorted(set(scope))]

        def unit(cursor: Cursor) -> None:
            for row in rows:
                cursor.run(_CONSENT, row)

        await self._database.write(unit)


def end_sessions(cursor: Cursor, user_id: str) -> int:
    """Delete every session of a person; how many there were."""
    return len(cursor.all(_END_ALL, {"user": user_id}))
