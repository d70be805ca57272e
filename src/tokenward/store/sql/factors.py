"""Factors, recovery codes and sign-in links of people.

What can be used once is used up by one conditional UPDATE: whatever the number of attempts, the database lets
one of them find the condition true.
"""

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam

from tokenward.store.people_records import FactorSummary, Link, Passkey, Totp
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.person_row import count_change, hold, hold_enabled
from tokenward.store.sql.schema import (
    join_words,
    links,
    passkeys,
    recovery_codes,
    split_words,
    totp,
    users,
)
from tokenward.store.sql.statements import Parameters, Row, Statement, insert_into

_user: ColumnElement[str] = bindparam("user", type_=sa.Text)
_at: ColumnElement[float] = bindparam("at", type_=sa.Double)


def _count(table: sa.Table, *conditions: ColumnElement[bool]) -> sa.ScalarSelect[int]:
    whose = table.c.user_id == users.c.user_id
    return sa.select(sa.func.count()).select_from(table).where(whose, *conditions).scalar_subquery()


_SUMMARY = sa.select(
    _count(passkeys),
    _count(totp),
    _count(recovery_codes, recovery_codes.c.used_at.is_(None)),
    users.c.password_hash != sa.literal_column("''"),
).where(users.c.user_id == _user)

_PASSKEY_COLUMNS = [passkeys.c[name] for name in Passkey.__dataclass_fields__]
_IS_PASSKEY = passkeys.c.credential_id == bindparam("credential")
_ADD_PASSKEY = insert_into(passkeys)
_PASSKEY = sa.select(*_PASSKEY_COLUMNS).where(_IS_PASSKEY)
_PASSKEYS = (
    sa.select(*_PASSKEY_COLUMNS)
    .where(passkeys.c.user_id == _user)
    .order_by(passkeys.c.created_at, passkeys.c.credential_id)
)
_reported: ColumnElement[int] = bindparam("reported", type_=sa.BigInteger)
_zero = sa.literal_column("0", sa.BigInteger)
_USE_PASSKEY = (
    sa.update(passkeys)
    .where(
        _IS_PASSKEY,
        # WebAuthn Level 3 §7.2, step 22
        sa.or_(
            passkeys.c.sign_count < _reported, sa.and_(passkeys.c.sign_count == _zero, _reported == _zero)
        ),
    )
    .values(sign_count=_reported, backed_up=bindparam("copied"), last_used_at=_at)
    .returning(passkeys.c.credential_id)
)
_RENAME_PASSKEY = (
    sa.update(passkeys)
    .where(_IS_PASSKEY, passkeys.c.user_id == _user)
    .values(name=bindparam("called"))
    .returning(passkeys.c.credential_id)
)
_REMOVE_PASSKEY = (
    sa.delete(passkeys).where(_IS_PASSKEY, passkeys.c.user_id == _user).returning(passkeys.c.credential_id)
)

_FORGET_PASSKEYS = sa.delete(passkeys).where(passkeys.c.user_id == _user)

_TOTP = sa.select(*(totp.c[name] for name in Totp.__dataclass_fields__)).where(totp.c.user_id == _user)
_totp = insert_into(totp)
_SET_TOTP = _totp.on_conflict_do_update(
    index_elements=[totp.c.user_id],
    set_={name: _totp.excluded[name] for name in ("sealed_secret", "created_at", "last_step")},
)
_step: ColumnElement[int] = bindparam("step", type_=sa.BigInteger)
_USE_STEP = (
    sa.update(totp)
    .where(totp.c.user_id == _user, totp.c.last_step < _step)
    .values(last_step=_step)
    .returning(totp.c.user_id)
)
_REMOVE_TOTP = sa.delete(totp).where(totp.c.user_id == _user).returning(totp.c.user_id)

_ADD_CODE = insert_into(recovery_codes, "user_id", "keyed_hash", "created_at")
_FORGET_CODES = sa.delete(recovery_codes).where(recovery_codes.c.user_id == _user)
_FORGET_CODES_OF_NOTHING = _FORGET_CODES.where(
    sa.not_(sa.exists().where(passkeys.c.user_id == _user)),
    sa.not_(sa.exists().where(totp.c.user_id == _user)),
)
_IS_UNUSED = (recovery_codes.c.user_id == _user, recovery_codes.c.used_at.is_(None))
_USE_CODE = (
    sa.update(recovery_codes)
    .where(*_IS_UNUSED, recovery_codes.c.keyed_hash == bindparam("hash"))
    .values(used_at=_at)
    .returning(recovery_codes.c.user_id)
)
_CODES_LEFT = sa.select(sa.func.count()).select_from(recovery_codes).where(*_IS_UNUSED)

_ADD_LINK = insert_into(links)
_LINK = sa.select(*(links.c[name] for name in Link.__dataclass_fields__)).where(
    links.c.link_id == bindparam("link")
)
_VOID_LINKS = sa.delete(links).where(links.c.user_id == _user, links.c.used_at.is_(None))
_VOID_LINK = (
    sa.delete(links)
    .where(links.c.link_id == bindparam("link"), links.c.used_at.is_(None))
    .returning(links.c.link_id)
)
_USE_LINK = (
    sa.update(links)
    .where(
        links.c.link_id == bindparam("link"),
        links.c.used_at.is_(None),
        links.c.expires_at > _at,
        sa.exists().where(users.c.user_id == links.c.user_id, users.c.disabled_at.is_(None)),
    )
    .values(used_at=_at)
    .returning(links.c.link_id)
)
_USE_LINK_OF = _USE_LINK.where(links.c.user_id == _user)


class SqlFactors(Family):
    """`tokenward.store.people_port.Factors`."""

    async def has_factors(self, user_id: str) -> FactorSummary:
        row = await self._database.read(lambda cursor: cursor.one(_SUMMARY, {"user": user_id}))
        if row is None:
            return FactorSummary()
        return FactorSummary(row[0], bool(row[1]), row[2], bool(row[3]))

    async def passkeys(self, user_id: str) -> list[Passkey]:
        rows = await self._database.read(lambda cursor: cursor.all(_PASSKEYS, {"user": user_id}))
        return list(map(_passkey, rows))

    async def passkey(self, credential_id: str) -> Passkey | None:
        row = await self._database.read(lambda cursor: cursor.one(_PASSKEY, {"credential": credential_id}))
        return None if row is None else _passkey(row)

    async def add_passkey(self, passkey: Passkey) -> bool:
        row = {name: getattr(passkey, name) for name in Passkey.__dataclass_fields__}
        row["transports"] = join_words(passkey.transports)
        return await self._changing(passkey.user_id, lambda cursor: cursor.run(_ADD_PASSKEY, row) > 0)

    async def use_passkey(self, credential_id: str, *, sign_count: int, backed_up: bool, at: float) -> bool:
        use = {"credential": credential_id, "reported": sign_count, "copied": backed_up, "at": at}
        return await self._is_done(_USE_PASSKEY, use)

    async def rename_passkey(self, user_id: str, credential_id: str, name: str) -> bool:
        return await self._is_done(
            _RENAME_PASSKEY, {"user": user_id, "credential": credential_id, "called": name}
        )

    async def remove_passkey(self, user_id: str, credential_id: str, *, version: int | None = None) -> bool:
        named = {"user": user_id, "credential": credential_id}
        return await self._removing(user_id, _REMOVE_PASSKEY, named, version)

    async def totp(self, user_id: str) -> Totp | None:
        row = await self._database.read(lambda cursor: cursor.one(_TOTP, {"user": user_id}))
        return Totp(*row) if row else None

    async def set_totp(self, user_id: str, sealed_secret: bytes, *, step: int, at: float) -> bool:
        row = {"user_id": user_id, "sealed_secret": sealed_secret, "created_at": at, "last_step": step}
        return await self._changing(user_id, lambda cursor: cursor.run(_SET_TOTP, row) > 0)

    async def use_totp_step(self, user_id: str, step: int) -> bool:
        return await self._is_done(_USE_STEP, {"user": user_id, "step": step})

    async def remove_totp(self, user_id: str) -> bool:
        return await self._removing(user_id, _REMOVE_TOTP, {"user": user_id})

    async def set_recovery_codes(self, user_id: str, keyed_hashes: Sequence[bytes], *, at: float) -> bool:
        row = {"user_id": user_id, "created_at": at}
        rows = [{**row, "keyed_hash": keyed_hash} for keyed_hash in keyed_hashes]

        def change(cursor: Cursor) -> bool:
            cursor.run(_FORGET_CODES, {"user": user_id})
            cursor.run_many(_ADD_CODE, rows)
            return True

        return await self._changing(user_id, change)

    async def use_recovery_code(self, user_id: str, keyed_hash: bytes, *, at: float) -> bool:
        return await self._is_done(_USE_CODE, {"user": user_id, "hash": keyed_hash, "at": at})

    async def recovery_codes_left(self, user_id: str) -> int:
        row = await self._database.read(lambda cursor: cursor.one(_CODES_LEFT, {"user": user_id}))
        return row[0] if row else 0

    async def add_link(self, link: Link) -> bool:
        row = {name: getattr(link, name) for name in Link.__dataclass_fields__}

        def unit(cursor: Cursor) -> bool:
            if hold_enabled(cursor, link.user_id) is None:
                return False
            void_links(cursor, link.user_id)
            cursor.run(_ADD_LINK, row)
            return True

        return await self._database.write(unit)

    async def link(self, link_id: str) -> Link | None:
        row = await self._database.read(lambda cursor: cursor.one(_LINK, {"link": link_id}))
        return Link(*row) if row else None

    async def use_link(self, link_id: str, at: float) -> bool:
        return await self._is_done(_USE_LINK, {"link": link_id, "at": at})

    async def _is_done(self, statement: Statement, parameters: Parameters) -> bool:
        """Run one conditional statement; whether its condition held."""
        return await self._database.write(lambda cursor: cursor.one(statement, parameters)) is not None

    async def _removing(
        self, user_id: str, removal: Statement, named: Parameters, version: int | None = None
    ) -> bool:
        """Remove a factor, and with the last one the recovery codes; False if there is none."""

        def change(cursor: Cursor) -> bool:
            if cursor.one(removal, named) is None:
                return False
            cursor.run(_FORGET_CODES_OF_NOTHING, {"user": user_id})
            return True

        return await self._changing(user_id, change, version)

    async def _changing(
        self, user_id: str, change: Callable[[Cursor], bool], version: int | None = None
    ) -> bool:
        """Change factors of a person and count that, in one unit; False if unknown or nothing changed."""

        def unit(cursor: Cursor) -> bool:
            return hold(cursor, user_id, version=version) and change(cursor) and count_change(cursor, user_id)

        return await self._database.write(unit)


def use_link(cursor: Cursor, link_id: str, at: float, *, user_id: str) -> bool:
    """Use up a link of that person; False if there is none that could be used."""
    return cursor.one(_USE_LINK_OF, {"link": link_id, "at": at, "user": user_id}) is not None


def void_links(cursor: Cursor, user_id: str) -> None:
    """Remove what links of the person are unused."""
    cursor.run(_VOID_LINKS, {"user": user_id})


def void_link(cursor: Cursor, link_id: str) -> bool:
    """Remove a link; False if it is unknown or used."""
    return cursor.one(_VOID_LINK, {"link": link_id}) is not None


def remove_factors(cursor: Cursor, user_id: str) -> None:
    """Remove the person's passkeys, TOTP secret and recovery codes."""
    for statement in (_FORGET_PASSKEYS, _REMOVE_TOTP, _FORGET_CODES):
        cursor.run(statement, {"user": user_id})


def _passkey(row: Row) -> Passkey:
    fields = dict(zip(Passkey.__dataclass_fields__, row, strict=True))
    flags = {name: bool(fields[name]) for name in ("backup_eligible", "backed_up")}
    return Passkey(**{**fields, **flags, "transports": split_words(fields["transports"])})
