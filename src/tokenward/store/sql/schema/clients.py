"""Clients, what proves them, and API keys."""

import sqlalchemy as sa

from tokenward.store.sql.schema.columns import METADATA, Text, flag, key, octets, partial, text, time

clients = sa.Table(
    "clients",
    METADATA,
    key("client_id"),
    text("name"),
    text("type"),
    text("redirect_uris"),
    text("scopes"),
    time("created_at"),
    text("sector", default=""),
    text("id_token_claims", default=""),
    text("access_token_format", default="opaque"),
    text("auth_method", default="client_secret"),
    text("jwks", default=""),
    text("jwks_uri", default=""),
    text("tls_subject", default=""),
    text("bound_tokens", default=""),
    text("introspection_signed_response_alg", default="RS256"),
    text("authorization_details_types", default=""),
    text("profile", default=""),
    flag("require_pushed_authorization_requests"),
    flag("require_signed_request_object"),
    text("openid", default="{}"),
    flag("self_registered"),
    text("reason", default=""),
    sqlite_with_rowid=False,
)

# A client that registered itself has a row here, which goes with it.
registrations = sa.Table(
    "registrations",
    METADATA,
    sa.Column("client_id", Text, sa.ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("token_id", Text, nullable=False, index=True),
    octets("keyed_hash"),
    text("said"),
    sa.Column("unused_at", sa.Double, nullable=False, index=True),
    sqlite_with_rowid=False,
)

initial_tokens = sa.Table(
    "initial_tokens",
    METADATA,
    key("token_id"),
    octets("keyed_hash"),
    sa.Column("uses_left", sa.Integer, nullable=False),
    time("created_at"),
    time("expires_at"),
    sqlite_with_rowid=False,
)

client_secrets = sa.Table(
    "client_secrets",
    METADATA,
    key("secret_id"),
    sa.Column(
        "client_id", Text, sa.ForeignKey("clients.client_id", ondelete="CASCADE"), nullable=False, index=True
    ),
    octets("keyed_hash"),
    time("created_at"),
    time("expires_at", null=True),
    time("last_used_at", null=True),
    sqlite_with_rowid=False,
)

# A key that was imported has no locator in itself and is found by its keyed hash.
api_keys = sa.Table(
    "api_keys",
    METADATA,
    key("key_id"),
    octets("keyed_hash"),
    text("name"),
    text("owner"),
    text("last_four"),
    text("audience"),
    text("scopes"),
    time("created_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    text("addresses"),
    text("origins"),
    sa.Column("rate", sa.Integer, nullable=True),
    text("rotated_from", null=True),
    sa.Column("imported", sa.Boolean, nullable=False),
    time("revoked_at", null=True),
    time("rotated_at", null=True),
    sa.Column("uses", sa.BigInteger, nullable=False, server_default="0"),
    time("last_used_at", null=True),
    sa.Column("told_days", sa.Integer, nullable=True),
    partial("uq_api_keys_imported_keyed_hash", "keyed_hash", where="imported", unique=True),
    sqlite_with_rowid=False,
)
