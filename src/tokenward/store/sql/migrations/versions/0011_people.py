"""How people sign in: factors, links, accounts at identity providers, and what sessions were proved by."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
IS_EMAIL = sa.text("name = 'email'")
IS_UPSTREAM = sa.text("upstream <> ''")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _times(*names: str, null: bool = False) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Double, nullable=null) for name in names]


def _table_of_people(name: str, *columns: sa.Column[Any], key: tuple[str, ...]) -> None:
    op.create_table(
        name,
        *_texts("user_id"),
        *columns,
        sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.user_id"], ondelete="CASCADE", name=f"fk_{name}_user_id"
        ),
        sqlite_with_rowid=False,
    )
    if "user_id" not in key:
        op.create_index(f"ix_{name}_user_id", name, ["user_id"])


def upgrade() -> None:
    """Sessions go on: each was proved once, when it began."""
    op.add_column("users", sa.Column("disabled_at", sa.Double))
    op.add_column("users", sa.Column("version", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index(
        "ix_user_claims_email", "user_claims", ["value"], sqlite_where=IS_EMAIL, postgresql_where=IS_EMAIL
    )
    op.create_index("ix_grants_user_id", "grants", ["user_id"])
    _table_of_people(
        "upstream_links", *_texts("upstream", "subject"), *_times("linked_at"), key=("upstream", "subject")
    )
    _table_of_people(
        "passkeys",
        *_texts("credential_id"),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        *_texts("name", "transports", "aaguid"),
        sa.Column("backup_eligible", sa.Boolean, nullable=False),
        sa.Column("backed_up", sa.Boolean, nullable=False),
        *_times("created_at"),
        *_times("last_used_at", null=True),
        key=("credential_id",),
    )
    _table_of_people(
        "totp",
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        *_times("created_at"),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        key=("user_id",),
    )
    _table_of_people(
        "recovery_codes",
        sa.Column("keyed_hash", sa.LargeBinary, nullable=False),
        *_times("created_at"),
        *_times("used_at", null=True),
        key=("user_id", "keyed_hash"),
    )
    _table_of_people(
        "links",
        *_texts("link_id"),
        sa.Column("keyed_hash", sa.LargeBinary, nullable=False),
        *_texts("purpose"),
        *_times("created_at", "expires_at"),
        *_times("used_at", null=True),
        key=("link_id",),
    )
    op.create_index("ix_links_expires_at", "links", ["expires_at"])
    _move_sessions()


def _move_sessions() -> None:
    """Into a table made anew: neither database changes this much of one in place."""
    old = sa.table(
        "sessions",
        *(
            sa.column(name)
            for name in (
                "session_id",
                "keyed_hash",
                "user_id",
                "amr",
                "auth_time",
                "last_seen_at",
                "expires_at",
            )
        ),
    )
    rows = list(map(_session, op.get_bind().execute(sa.select(old)).mappings()))
    op.drop_table("sessions")
    new = op.create_table(
        "sessions",
        *_texts("session_id"),
        sa.Column("keyed_hash", sa.LargeBinary, nullable=False),
        *_texts("user_id", "proofs"),
        *_times("created_at", "last_seen_at", "expires_at"),
        *_texts("device", "address", "upstream", "upstream_sid", "upstream_subject"),
        sa.PrimaryKeyConstraint("session_id", name="pk_sessions"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_index(
        "ix_sessions_upstream",
        "sessions",
        ["upstream", "upstream_subject"],
        sqlite_where=IS_UPSTREAM,
        postgresql_where=IS_UPSTREAM,
    )
    if rows:
        op.bulk_insert(new, rows)


def _session(old: sa.RowMapping) -> dict[str, Any]:
    amr, at = old["amr"].split(), old["auth_time"]
    kept = {name: old[name] for name in ("session_id", "keyed_hash", "user_id", "last_seen_at", "expires_at")}
    unknown = dict.fromkeys(("device", "address", "upstream", "upstream_sid", "upstream_subject"), "")
    return {**kept, **unknown, "proofs": json.dumps([[amr, at]]), "created_at": at}
