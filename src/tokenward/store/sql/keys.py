"""The data key, signing keys, peppers and what else is secret, sealed before it gets here."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.store.port import AlreadyExists
from tokenward.store.records import KeyPurpose, SealedContents, SigningKeyRecord
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.revoking import record
from tokenward.store.sql.schema import data_key, lasting_secrets, peppers, signing_keys
from tokenward.store.sql.statements import Parameters, Statement, insert_into

_COLUMNS = tuple(SigningKeyRecord.__dataclass_fields__)
_DATA_KEY = sa.select(data_key.c.sealed)
_ADD_DATA_KEY = insert_into(data_key)
_REPLACE_DATA_KEY = (
    sa.update(data_key).where(data_key.c.sealed == bindparam("old")).values(sealed=bindparam("new"))
)
_SIGNING_KEYS = (
    sa.select(*[signing_keys.c[name] for name in _COLUMNS])
    .where(signing_keys.c.purpose == bindparam("wanted"))
    .order_by(signing_keys.c.created_at, signing_keys.c.kid)
)
_put = insert_into(signing_keys, *_COLUMNS)
_PUT_KEY = _put.on_conflict_do_update(
    index_elements=[signing_keys.c.kid],
    set_={name: _put.excluded[name] for name in _COLUMNS if name != "kid"},
)
_PEPPERS = sa.select(peppers.c.sealed).order_by(peppers.c.number.desc())
_FORGET_PEPPERS = sa.delete(peppers)
_ADD_PEPPER = insert_into(peppers)
_LASTING = sa.select(lasting_secrets.c.sealed).where(lasting_secrets.c.name == bindparam("secret"))
_ADD_LASTING = insert_into(lasting_secrets)


class _Changed(Exception):  # noqa: N818 - ends a unit, and takes back what it did so far
    """The keys are not what they were when they were read."""


class SqlKeys(Family):
    """`tokenward.store.sealed_port.Keys`."""

    async def data_key(self) -> bytes | None:
        row = await self._database.read(lambda cursor: cursor.one(_DATA_KEY))
        return row[0] if row else None

    async def add_data_key(self, sealed: bytes, contents: SealedContents) -> bool:
        def unit(cursor: Cursor) -> None:
            cursor.run(_ADD_DATA_KEY, {"id": 1, "sealed": sealed})  # its key is the judge
            cursor.run(_FORGET_PEPPERS)
            numbers = range(len(contents.peppers), 0, -1)
            for number, pepper in zip(numbers, contents.peppers, strict=True):
                cursor.run(_ADD_PEPPER, {"number": number, "sealed": pepper})
            for key in contents.signing_keys:
                cursor.run(_PUT_KEY, _row(key))

        try:
            await self._database.write(unit)
        except AlreadyExists:
            return False
        return True

    async def replace_data_key(self, old: bytes, new: bytes) -> bool:
        both = {"old": old, "new": new}
        return await self._database.write(lambda cursor: cursor.run(_REPLACE_DATA_KEY, both)) > 0

    async def signing_keys(self, purpose: KeyPurpose) -> list[SigningKeyRecord]:
        # Apart, as the feed is read: who follows it waits for this before it confirms anything.
        return await self._database.read(lambda cursor: _signing_keys(cursor, purpose), apart=True)

    async def change_signing_keys(
        self,
        purpose: KeyPurpose,
        old: Sequence[SigningKeyRecord],
        new: Sequence[SigningKeyRecord],
        *,
        at: float,
    ) -> bool:
        def unit(cursor: Cursor) -> None:
            record(
                cursor, "signing_keys", purpose, at=at
            )  # first: its lock lets one unit after the other look
            if _signing_keys(cursor, purpose) != list(old):
                raise _Changed
            for key in new:
                if key not in old:
                    cursor.run(_PUT_KEY, _row(key))

        try:
            await self._database.write(unit)
        except _Changed:
            return False
        return True

    async def peppers(self) -> list[bytes]:
        rows = await self._database.read(lambda cursor: cursor.all(_PEPPERS))
        return [sealed for (sealed,) in rows]

    async def add_first_pepper(self, sealed: bytes) -> bool:
        return await self._add(_ADD_PEPPER, {"number": 1, "sealed": sealed})

    async def lasting_secret(self, name: str) -> bytes | None:
        row = await self._database.read(lambda cursor: cursor.one(_LASTING, {"secret": name}))
        return row[0] if row else None

    async def add_lasting_secret(self, name: str, sealed: bytes) -> bool:
        return await self._add(_ADD_LASTING, {"name": name, "sealed": sealed})

    async def _add(self, statement: Statement, row: Parameters) -> bool:
        try:
            await self._database.write(lambda cursor: cursor.run(statement, row))
        except AlreadyExists:  # the unique key is the judge between processes that start at once
            return False
        return True


def _signing_keys(cursor: Cursor, purpose: KeyPurpose) -> list[SigningKeyRecord]:
    return [SigningKeyRecord(*row) for row in cursor.all(_SIGNING_KEYS, {"wanted": purpose})]


def _row(key: SigningKeyRecord) -> dict[str, object]:
    return {name: getattr(key, name) for name in _COLUMNS}
