"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _times(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Double, nullable=False) for name in names]


def _hash() -> sa.Column[bytes]:
    return sa.Column("keyed_hash", sa.LargeBinary, nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    """Make every table."""
    _registry()
    _people()
    _issued()
    _revocation()
    _keys()


def _registry() -> None:
    op.create_table(
        "clients",
        *_text("client_id", "name", "type", "redirect_uris", "scopes"),
        *_times("created_at"),
        sa.PrimaryKeyConstraint("client_id", name="pk_clients"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "client_secrets",
        *_text("secret_id", "client_id"),
        _hash(),
        *_times("created_at"),
        sa.Column("expires_at", sa.Double),
        sa.PrimaryKeyConstraint("secret_id", name="pk_client_secrets"),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name="fk_client_secrets_client_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    _index("client_secrets", "client_id")


def _people() -> None:
    op.create_table(
        "users",
        *_text("user_id", "username", "password_hash"),
        *_times("created_at"),
        sa.PrimaryKeyConstraint("user_id", name="pk_users"),
        sa.UniqueConstraint("username", name="uq_users_username"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sessions",
        *_text("session_id"),
        _hash(),
        *_text("user_id", "amr"),
        *_times("auth_time", "last_seen_at", "expires_at"),
        sa.PrimaryKeyConstraint("session_id", name="pk_sessions"),
        sqlite_with_rowid=False,
    )
    _index("sessions", "user_id")
    _index("sessions", "expires_at")
    op.create_table(
        "consents",
        *_text("user_id", "client_id", "audience", "scope"),
        *_times("given_at"),
        sa.PrimaryKeyConstraint("user_id", "client_id", "audience", "scope", name="pk_consents"),
        sqlite_with_rowid=False,
    )


def _issued() -> None:
    op.create_table(
        "grants",
        *_text("grant_id", "client_id", "user_id", "scope", "audience", "amr"),
        *_times("auth_time", "created_at", "expires_at"),
        sa.Column("revoked_at", sa.Double),
        sa.PrimaryKeyConstraint("grant_id", name="pk_grants"),
        sqlite_with_rowid=False,
    )
    _index("grants", "expires_at")
    op.create_table(
        "codes",
        *_text("token_id"),
        _hash(),
        *_text("grant_id", "redirect_uri", "code_challenge"),
        sa.Column("nonce", TEXT),
        *_times("expires_at"),
        sa.Column("consumed_at", sa.Double),
        sa.PrimaryKeyConstraint("token_id", name="pk_codes"),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["grants.grant_id"], name="fk_codes_grant_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    _index("codes", "grant_id")
    _partial_index("ix_codes_unused_expires_at", "codes", ["expires_at"], "consumed_at IS NULL")
    op.create_table(
        "access_tokens",
        *_text("token_id"),
        _hash(),
        sa.Column("grant_id", TEXT),
        *_text("client_id"),
        sa.Column("user_id", TEXT),
        *_text("scope", "audience", "credential"),
        *_times("issued_at", "expires_at"),
        sa.Column("revoked_at", sa.Double),
        sa.PrimaryKeyConstraint("token_id", name="pk_access_tokens"),
        sqlite_with_rowid=False,
    )
    _index("access_tokens", "expires_at")
    op.create_table(
        "refresh_tokens",
        *_text("token_id"),
        _hash(),
        *_text("grant_id"),
        *_times("issued_at", "expires_at"),
        sa.Column("predecessor_id", TEXT),
        sa.Column("consumed_at", sa.Double),
        sa.Column("sealed_response", sa.LargeBinary),
        sa.PrimaryKeyConstraint("token_id", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.grant_id"], name="fk_refresh_tokens_grant_id"),
        sqlite_with_rowid=False,
    )
    _index("refresh_tokens", "grant_id")
    links = "refresh_tokens"
    _partial_index("ix_refresh_tokens_unused_expires_at", links, ["expires_at"], "consumed_at IS NULL")
    _partial_index(
        "ix_refresh_tokens_sealed_consumed_at", links, ["consumed_at"], "sealed_response IS NOT NULL"
    )


def _revocation() -> None:
    op.create_table(
        "cutoffs",
        *_text("kind", "subject"),
        *_times("before"),
        sa.PrimaryKeyConstraint("kind", "subject", name="pk_cutoffs"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feed",
        sa.Column("seq", SEQUENCE, nullable=False, autoincrement=False),
        *_text("revoked", "subject"),
        *_times("before", "at"),
        sa.PrimaryKeyConstraint("seq", name="pk_feed"),
    )
    _index("feed", "at")
    head = op.create_table(
        "feed_head",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("seq", SEQUENCE, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feed_head"),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0}])


def _keys() -> None:
    op.create_table(
        "signing_keys",
        *_text("kid", "purpose", "algorithm"),
        sa.Column("sealed_private", sa.LargeBinary, nullable=False),
        *_text("public_jwk"),
        *_times("created_at"),
        sa.Column("retired_at", sa.Double),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )
    _partial_index(
        "uq_signing_keys_active", "signing_keys", ["purpose", "algorithm"], "retired_at IS NULL", unique=True
    )
    op.create_table(
        "peppers",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_peppers"),
    )
