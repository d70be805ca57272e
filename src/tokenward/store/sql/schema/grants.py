"""What people allowed, and what was issued for it."""

import sqlalchemy as sa

from tokenward.store.sql.schema.columns import METADATA, Text, key, octets, partial, text, time

# A row per scope, so that adding is one insert and never a read, a merge and a write.
consents = sa.Table(
    "consents",
    METADATA,
    key("user_id"),
    key("client_id"),
    key("audience"),
    key("scope"),
    time("given_at"),
    sqlite_with_rowid=False,
)

grants = sa.Table(
    "grants",
    METADATA,
    key("grant_id"),
    sa.Column("client_id", Text, nullable=False, index=True),
    sa.Column("user_id", Text, nullable=False, index=True),
    text("scope"),
    text("audience"),
    text("amr"),
    time("auth_time"),
    time("created_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    time("revoked_at", null=True),
    text("authorization_details", null=True),
    text("sid", null=True),
    text("claims", null=True),
    sqlite_with_rowid=False,
)

codes = sa.Table(
    "codes",
    METADATA,
    key("token_id"),
    octets("keyed_hash"),
    sa.Column(
        "grant_id", Text, sa.ForeignKey("grants.grant_id", ondelete="CASCADE"), nullable=False, index=True
    ),
    text("redirect_uri"),
    text("code_challenge"),
    text("nonce", null=True),
    time("expires_at"),
    time("consumed_at", null=True),
    text("cnf", null=True),
    partial("ix_codes_unused_expires_at", "expires_at", where="consumed_at IS NULL"),
    sqlite_with_rowid=False,
)

# A device that asks a person (RFC 8628). `grant_id` is what the person gave; `interval` is what it has to
# wait between two polls, and `cnf` the key of its first one. No foreign key: a grant that is never fetched
# is swept first, and its row stays a while, to tell the device that it is too late.
device_codes = sa.Table(
    "device_codes",
    METADATA,
    key("token_id"),
    octets("keyed_hash"),
    sa.Column("user_code_hash", sa.LargeBinary, nullable=False, unique=True),
    text("client_id"),
    text("scope"),
    text("audience"),
    text("address"),
    time("created_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    sa.Column("interval", sa.Integer, nullable=False),
    text("level", null=True),
    sa.Column("max_age", sa.Integer),
    time("polled_at", null=True),
    text("cnf", null=True),
    text("grant_id", null=True),
    time("denied_at", null=True),
    time("consumed_at", null=True),
    partial("ix_device_codes_grant_id", "grant_id", where="grant_id IS NOT NULL"),
    sqlite_with_rowid=False,
)

# An authorization request that was pushed (RFC 9126). Whoever answers it deletes it.
pushed_requests = sa.Table(
    "pushed_requests",
    METADATA,
    key("request_id"),
    octets("keyed_hash"),
    text("client_id"),
    text("parameters"),
    time("created_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# No foreign key on the hottest table: a grant that is gone counts as revoked (see `tokens.py`).
access_tokens = sa.Table(
    "access_tokens",
    METADATA,
    key("token_id"),
    octets("keyed_hash"),
    text("grant_id", null=True),
    text("client_id"),
    text("user_id", null=True),
    text("scope"),
    text("audience"),
    text("credential"),
    time("issued_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    time("revoked_at", null=True),
    text("cnf", null=True),
    text("act", null=True),
    text("ancestors", null=True),
    text("subject_client", null=True),
    text("authorization_details", null=True),
    sqlite_with_rowid=False,
)

# `sealed_response` answers a client that lost its successor; it is erased when the successor is used, so
# its presence says that the successor is unused.
refresh_tokens = sa.Table(
    "refresh_tokens",
    METADATA,
    key("token_id"),
    octets("keyed_hash"),
    sa.Column("grant_id", Text, sa.ForeignKey("grants.grant_id"), nullable=False, index=True),
    time("issued_at"),
    time("expires_at"),
    text("predecessor_id", null=True),
    time("consumed_at", null=True),
    octets("sealed_response", null=True),
    text("cnf", null=True),
    partial("ix_refresh_tokens_unused_expires_at", "expires_at", where="consumed_at IS NULL"),
    partial("ix_refresh_tokens_sealed_consumed_at", "consumed_at", where="sealed_response IS NOT NULL"),
    sqlite_with_rowid=False,
)
