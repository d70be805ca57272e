"""The row of a person, which a unit holds while it ends sign-ins or changes how the person signs in.

Units that hold the same row run one after the other, in any number of processes: a session that is being
added is either there already when all are ended, or finds the person changed.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.store.sql.database import Cursor
from tokenward.store.sql.schema import users

_IS_THEIRS = users.c.user_id == bindparam("user")
_HOLD = sa.select(users.c.version).where(_IS_THEIRS).with_for_update()
_HOLD_ENABLED = sa.select(users.c.version).where(_IS_THEIRS, users.c.disabled_at.is_(None)).with_for_update()
_one = sa.literal_column("1", sa.BigInteger)


def counting(*conditions: sa.ColumnElement[bool], **values: sa.ColumnElement[Any]) -> sa.UpdateBase:
    """An update of the person called `user` that counts as a change of how they sign in."""
    return (
        sa.update(users)
        .where(_IS_THEIRS, *conditions)
        .values(version=users.c.version + _one, **values)
        .returning(users.c.user_id)
    )


_COUNT = counting()


def hold(cursor: Cursor, user_id: str, *, version: int | None = None) -> bool:
    """Keep other units away from the person until this one ends.

    False if nobody has this id, or `version` is given and no longer theirs.
    """
    row = cursor.one(_HOLD, {"user": user_id})
    return row is not None and version in (None, row[0])


def hold_enabled(cursor: Cursor, user_id: str) -> int | None:
    """Likewise; the person's version, or None if they are unknown or disabled."""
    row = cursor.one(_HOLD_ENABLED, {"user": user_id})
    return None if row is None else row[0]


def count_change(cursor: Cursor, user_id: str) -> bool:
    """Hold the person's row, and count a change of how they sign in; False if nobody has this id."""
    return cursor.one(_COUNT, {"user": user_id}) is not None
