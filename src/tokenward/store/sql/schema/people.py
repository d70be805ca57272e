"""People, how they sign in, and where they are signed in."""

import sqlalchemy as sa

from tokenward.store.sql.schema.columns import METADATA, Text, key, octets, of_user, partial, text, time

users = sa.Table(
    "users",
    METADATA,
    key("user_id"),
    sa.Column("username", Text, nullable=False, unique=True),
    text("password_hash"),
    time("created_at"),
    time("disabled_at", null=True),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

# What is known of a person beside the name: a row per claim, its value as JSON.
user_claims = sa.Table(
    "user_claims",
    METADATA,
    of_user(key=True),
    key("name"),
    text("value"),
    partial("ix_user_claims_email", "value", where="name = 'email'"),
    sqlite_with_rowid=False,
)

# A person's accounts at identity providers.
upstream_links = sa.Table(
    "upstream_links",
    METADATA,
    key("upstream"),
    key("subject"),
    of_user(),
    time("linked_at"),
    time("last_used_at", null=True),
    sqlite_with_rowid=False,
)

# What providers say has ended; "" stands for whichever subject or session.
upstream_logouts = sa.Table(
    "upstream_logouts",
    METADATA,
    key("upstream"),
    key("subject"),
    key("sid"),
    time("at"),
    sa.Column("kept_until", sa.Double, nullable=False, index=True),
    sqlite_with_rowid=False,
)

passkeys = sa.Table(
    "passkeys",
    METADATA,
    key("credential_id"),
    of_user(),
    octets("public_key"),
    sa.Column("sign_count", sa.BigInteger, nullable=False),
    text("name"),
    text("transports"),
    text("aaguid"),
    sa.Column("backup_eligible", sa.Boolean, nullable=False),
    sa.Column("backed_up", sa.Boolean, nullable=False),
    time("created_at"),
    time("last_used_at", null=True),
    sqlite_with_rowid=False,
)

totp = sa.Table(
    "totp",
    METADATA,
    of_user(key=True),
    octets("sealed_secret"),
    time("created_at"),
    sa.Column("last_step", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

recovery_codes = sa.Table(
    "recovery_codes",
    METADATA,
    of_user(key=True),
    sa.Column("keyed_hash", sa.LargeBinary, primary_key=True),
    time("created_at"),
    time("used_at", null=True),
    sqlite_with_rowid=False,
)

links = sa.Table(
    "links",
    METADATA,
    key("link_id"),
    octets("keyed_hash"),
    of_user(),
    text("purpose"),
    time("created_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    time("used_at", null=True),
    sqlite_with_rowid=False,
)

# `proofs` is JSON: a list of [words, time].
sessions = sa.Table(
    "sessions",
    METADATA,
    key("session_id"),
    octets("keyed_hash"),
    sa.Column("user_id", Text, nullable=False, index=True),
    text("proofs"),
    time("created_at"),
    time("last_seen_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    text("device"),
    text("address"),
    text("upstream"),
    text("upstream_sid"),
    text("upstream_subject"),
    partial("ix_sessions_upstream", "upstream", "upstream_subject", where="upstream <> ''"),
    sqlite_with_rowid=False,
)

# By which name (`sid`) each relying party knows a session. No foreign key: whoever deletes a session has to
# read these first, to leave notices.
session_clients = sa.Table(
    "session_clients",
    METADATA,
    key("session_id"),
    key("client_id"),
    text("user_id"),
    text("sid"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# Ends of sessions that relying parties are still to be told of.
logout_notices = sa.Table(
    "logout_notices",
    METADATA,
    key("notice_id"),
    text("client_id"),
    text("user_id"),
    text("sid"),
    sa.Column("due_at", sa.Double, nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
