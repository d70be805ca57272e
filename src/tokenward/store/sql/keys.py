"""Signing keys and peppers, sealed before they get here."""

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.store.port import AlreadyExists
from tokenward.store.records import KeyPurpose, SigningKeyRecord
from tokenward.store.sql.family import Family
from tokenward.store.sql.schema import peppers, signing_keys
from tokenward.store.sql.statements import Parameters, Statement, insert_into

_COLUMNS = tuple(SigningKeyRecord.__dataclass_fields__)
_ACTIVE = (
    sa.select(*[signing_keys.c[name] for name in _COLUMNS])
    .where(signing_keys.c.purpose == bindparam("wanted"), signing_keys.c.retired_at.is_(None))
    .order_by(signing_keys.c.created_at, signing_keys.c.kid)
)
_ADD_KEY = insert_into(signing_keys, *_COLUMNS)
_PEPPERS = sa.select(peppers.c.sealed).order_by(peppers.c.number.desc())
_ADD_PEPPER = insert_into(peppers)


class SqlKeys(Family):
    """`tokenward.store.port.Keys`."""

    async def signing_keys(self, purpose: KeyPurpose) -> list[SigningKeyRecord]:
        rows = await self._database.read(lambda cursor: cursor.all(_ACTIVE, {"wanted": purpose}))
        return [SigningKeyRecord(*row) for row in rows]

    async def add_signing_key(self, record: SigningKeyRecord) -> bool:
        return await self._add(_ADD_KEY, {name: getattr(record, name) for name in _COLUMNS})

    async def peppers(self) -> list[bytes]:
        rows = await self._database.read(lambda cursor: cursor.all(_PEPPERS))
        return [sealed for (sealed,) in rows]

    async def add_first_pepper(self, sealed: bytes) -> bool:
        return await self._add(_ADD_PEPPER, {"number": 1, "sealed": sealed})

    async def _add(self, statement: Statement, row: Parameters) -> bool:
        """The unique index is the judge between processes that start at once."""
        try:
            await self._database.write(lambda cursor: cursor.run(statement, row))
        except AlreadyExists:
            return False
        return True
