"""The columns that tables are made of, on both databases."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

Text = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")
METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def key(name: str) -> sa.Column[str]:
    """The primary key, a text."""
    return sa.Column(name, Text, primary_key=True)


def text(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[str]:
    """A text."""
    return sa.Column(name, Text, nullable=null, server_default=default)


def time(name: str, *, null: bool = False) -> sa.Column[float]:
    """Seconds since 1970."""
    return sa.Column(name, sa.Double, nullable=null)


def flag(name: str) -> sa.Column[bool]:
    """False where nothing else is said."""
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def octets(name: str, *, null: bool = False) -> sa.Column[bytes]:
    """Bytes."""
    return sa.Column(name, sa.LargeBinary, nullable=null)


def partial(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    """An index of the rows that meet `where`."""
    condition = sa.text(where)
    return sa.Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def of_user(*, key: bool = False) -> sa.Column[str]:
    """Whose row it is: their key, or one of several rows of theirs."""
    owner = sa.ForeignKey("users.user_id", ondelete="CASCADE")
    return sa.Column("user_id", Text, owner, primary_key=key, nullable=False, index=not key)
