"""Persons, what is known of them, and who else vouches for them.

A unit that changes how somebody signs in begins by counting that in their row, which it then holds.
"""

import json
import math
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.store.people_records import UpstreamLink, User
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.factors import remove_factors, use_link, void_links
from tokenward.store.sql.family import Family
from tokenward.store.sql.person_row import count_change, counting, hold
from tokenward.store.sql.revoking import cut_off, record, revive
from tokenward.store.sql.schema import upstream_links, user_claims, users
from tokenward.store.sql.sessions import end_sessions, end_upstream_sessions
from tokenward.store.sql.statements import Parameters, insert_into

_COLUMNS = [users.c[name] for name in User.__dataclass_fields__]
_ADD = insert_into(users)
_ONE = sa.select(*_COLUMNS).where(users.c.user_id == bindparam("user"))
_BY_NAME = sa.select(*_COLUMNS).where(users.c.username == bindparam("name"))
_ALL = sa.select(*_COLUMNS).order_by(users.c.created_at, users.c.user_id)
_SET_PASSWORD = counting(password_hash=bindparam("new"))
_REHASH = (
    sa.update(users)
    .where(users.c.user_id == bindparam("user"), users.c.password_hash == bindparam("old"))
    .values(password_hash=bindparam("new"))
    .returning(users.c.user_id)
)
_DISABLE = counting(users.c.disabled_at.is_(None), disabled_at=bindparam("at"))
_ENABLE = counting(users.c.disabled_at.is_not(None), disabled_at=sa.null())

_CLAIMS = sa.select(user_claims.c.name, user_claims.c.value).where(user_claims.c.user_id == bindparam("user"))
_claim = insert_into(user_claims)
_SET_CLAIM = _claim.on_conflict_do_update(
    index_elements=[user_claims.c.user_id, user_claims.c.name], set_={"value": _claim.excluded.value}
)
_REMOVE_CLAIM = sa.delete(user_claims).where(
    user_claims.c.user_id == bindparam("user"), user_claims.c.name == bindparam("claim")
)
_verified = user_claims.alias("verified")
_WITH_EMAIL = (
    sa.select(user_claims.c.user_id)
    .where(
        user_claims.c.name == sa.literal_column("'email'"),  # as the condition of the index says it
        user_claims.c.value == bindparam("email"),
        sa.exists().where(
            _verified.c.user_id == user_claims.c.user_id,
            _verified.c.name == sa.literal_column("'email_verified'"),
            _verified.c.value == sa.literal_column("'true'"),
        ),
    )
    .order_by(user_claims.c.user_id)
)

_IS_LINK = (
    upstream_links.c.upstream == bindparam("by"),
    upstream_links.c.subject == bindparam("named"),
)
_ADD_LINK = insert_into(upstream_links)
_LINKED = sa.select(upstream_links.c.user_id).where(*_IS_LINK)
_USE_LINK = (
    sa.update(upstream_links)
    .where(*_IS_LINK)
    .values(last_used_at=bindparam("at"))
    .returning(upstream_links.c.user_id)
)
_LINKS = (
    sa.select(*(upstream_links.c[name] for name in UpstreamLink.__dataclass_fields__))
    .where(upstream_links.c.user_id == bindparam("user"))
    .order_by(upstream_links.c.linked_at, upstream_links.c.upstream, upstream_links.c.subject)
)
_REMOVE_LINK = (
    sa.delete(upstream_links)
    .where(*_IS_LINK, upstream_links.c.user_id == bindparam("user"))
    .returning(upstream_links.c.user_id)
)


class SqlPeople(Family):
    """Of `tokenward.store.people_port.People`, what is about persons."""

    async def add_user(self, user: User, link: UpstreamLink | None = None) -> None:
        def unit(cursor: Cursor) -> None:
            cursor.run(_ADD, _fields(user))
            if link is not None:
                cursor.run(_ADD_LINK, _fields(link))

        await self._database.write(unit)

    async def user(self, user_id: str) -> User | None:
        row = await self._database.read(lambda cursor: cursor.one(_ONE, {"user": user_id}))
        return User(*row) if row else None

    async def user_by_name(self, username: str) -> User | None:
        row = await self._database.read(lambda cursor: cursor.one(_BY_NAME, {"name": username}))
        return User(*row) if row else None

    async def users(self) -> list[User]:
        rows = await self._database.read(lambda cursor: cursor.all(_ALL))
        return [User(*row) for row in rows]

    async def users_with_email(self, email: str) -> list[str]:
        named = {"email": json.dumps(email)}
        rows = await self._database.read(lambda cursor: cursor.all(_WITH_EMAIL, named))
        return [user_id for (user_id,) in rows]

    async def change_password(
        self,
        user_id: str,
        password_hash: str,
        *,
        at: float,
        link_id: str | None = None,
        keep_session: str | None = None,
    ) -> bool:
        def unit(cursor: Cursor) -> bool:
            if not hold(cursor, user_id):
                return False
            if link_id is not None and not use_link(cursor, link_id, at, user_id=user_id):
                return False
            cursor.run(_SET_PASSWORD, {"user": user_id, "new": password_hash})
            void_links(cursor, user_id)
            end_sessions(cursor, user_id, keep=keep_session)
            return True

        return await self._database.write(unit)

    async def rehash_password(self, user_id: str, old: str, new: str) -> bool:
        row = {"user": user_id, "old": old, "new": new}
        return await self._database.write(lambda cursor: cursor.one(_REHASH, row)) is not None

    async def disable_user(self, user_id: str, at: float) -> bool:
        def unit(cursor: Cursor) -> bool:
            if cursor.one(_DISABLE, {"user": user_id, "at": at}) is None:
                return False
            end_sessions(cursor, user_id)
            # Without end: a token request that read the grant just before may insert just after.
            cut_off(cursor, "user", user_id, before=math.inf, at=at)
            return True

        return await self._database.write(unit)

    async def enable_user(self, user_id: str, at: float) -> bool:
        def unit(cursor: Cursor) -> bool:
            if cursor.one(_ENABLE, {"user": user_id}) is None:
                return False
            revive(cursor, "user", user_id, until=at)
            record(cursor, "user", user_id, before=at, at=at)  # so that no cache goes on with what was so
            return True

        return await self._database.write(unit)

    async def reset_factors(self, user_id: str) -> bool:
        def unit(cursor: Cursor) -> bool:
            if not count_change(cursor, user_id):
                return False
            remove_factors(cursor, user_id)
            void_links(cursor, user_id)
            end_sessions(cursor, user_id)
            return True

        return await self._database.write(unit)

    async def user_claims(self, user_id: str) -> dict[str, object]:
        rows = await self._database.read(lambda cursor: cursor.all(_CLAIMS, {"user": user_id}))
        return {name: json.loads(value) for name, value in rows}

    async def change_user_claims(self, user_id: str, changes: Mapping[str, object], at: float) -> bool:
        def unit(cursor: Cursor) -> bool:
            if not hold(cursor, user_id):
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

    async def upstream_user(self, upstream: str, subject: str) -> str | None:
        named = {"by": upstream, "named": subject}
        row = await self._database.read(lambda cursor: cursor.one(_LINKED, named))
        return row[0] if row else None

    async def use_upstream_link(self, upstream: str, subject: str, at: float) -> str | None:
        used = {"by": upstream, "named": subject, "at": at}
        row = await self._database.write(lambda cursor: cursor.one(_USE_LINK, used))
        return row[0] if row else None

    async def upstream_links(self, user_id: str) -> list[UpstreamLink]:
        rows = await self._database.read(lambda cursor: cursor.all(_LINKS, {"user": user_id}))
        return [UpstreamLink(*row) for row in rows]

    async def add_upstream_link(self, link: UpstreamLink) -> bool:
        def unit(cursor: Cursor) -> bool:
            if not count_change(cursor, link.user_id):
                return False
            cursor.run(_ADD_LINK, _fields(link))
            return True

        return await self._database.write(unit)

    async def remove_upstream_link(self, upstream: str, subject: str, *, version: int | None = None) -> bool:
        named = {"by": upstream, "named": subject}

        def unit(cursor: Cursor) -> bool:
            linked = cursor.one(_LINKED, named)
            if linked is None or not hold(cursor, linked[0], version=version):
                return False
            if cursor.one(_REMOVE_LINK, {**named, "user": linked[0]}) is None:
                return False
            count_change(cursor, linked[0])
            end_upstream_sessions(cursor, upstream, subject=subject, sid=None)
            return True

        return await self._database.write(unit)


def _fields(record: User | UpstreamLink) -> Parameters:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
