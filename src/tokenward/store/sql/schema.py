"""The schema, once for SQLite and PostgreSQL.

Keys are texts compared byte by byte on both. Times are seconds since 1970 as doubles. Lists of words (scopes,
amr values, redirect URIs) are joined by one space, which none of them may hold.
Tables that are only ever looked up by their key are WITHOUT ROWID on SQLite: one B-tree instead of two.
The migrations make exactly this; a test compares the two.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_Text = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")

METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, _Text, primary_key=True)


def _text(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, _Text, nullable=null, server_default=default)


def _time(name: str, *, null: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=null)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def _bytes(name: str, *, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=null)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    condition = sa.text(where)
    return sa.Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


clients = sa.Table(
    "clients",
    METADATA,
    _key("client_id"),
    _text("name"),
    _text("type"),
    _text("redirect_uris"),
    _text("scopes"),
    _time("created_at"),
    _text("sector", default=""),
    _text("id_token_claims", default=""),
    _text("access_token_format", default="opaque"),
    _text("auth_method", default="client_secret"),
    _text("jwks", default=""),
    _text("jwks_uri", default=""),
    _text("tls_subject", default=""),
    _text("bound_tokens", default=""),
    _text("introspection_signed_response_alg", default="RS256"),
    _text("authorization_details_types", default=""),
    _text("profile", default=""),
    _flag("require_pushed_authorization_requests"),
    _flag("require_signed_request_object"),
    _text("openid", default="{}"),
    _flag("self_registered"),
    sqlite_with_rowid=False,
)

# A client that registered itself has a row here, which goes with it.
registrations = sa.Table(
    "registrations",
    METADATA,
    sa.Column("client_id", _Text, sa.ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True),
    _text("token_id"),
    _bytes("keyed_hash"),
    _text("said"),
    sa.Column("unused_at", sa.Double, nullable=False, index=True),
    sqlite_with_rowid=False,
)

initial_tokens = sa.Table(
    "initial_tokens",
    METADATA,
    _key("token_id"),
    _bytes("keyed_hash"),
    sa.Column("uses_left", sa.Integer, nullable=False),
    _time("created_at"),
    _time("expires_at"),
    sqlite_with_rowid=False,
)

client_secrets = sa.Table(
    "client_secrets",
    METADATA,
    _key("secret_id"),
    sa.Column(
        "client_id", _Text, sa.ForeignKey("clients.client_id", ondelete="CASCADE"), nullable=False, index=True
    ),
    _bytes("keyed_hash"),
    _time("created_at"),
    _time("expires_at", null=True),
    _time("last_used_at", null=True),
    sqlite_with_rowid=False,
)

users = sa.Table(
    "users",
    METADATA,
    _key("user_id"),
    sa.Column("username", _Text, nullable=False, unique=True),
    _text("password_hash"),
    _time("created_at"),
    _time("disabled_at", null=True),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)


def _of_user(*, key: bool = False) -> sa.Column[str]:
    """Whose row it is: their key, or one of several rows of theirs."""
    owner = sa.ForeignKey("users.user_id", ondelete="CASCADE")
    return sa.Column("user_id", _Text, owner, primary_key=key, nullable=False, index=not key)


# What is known of a person beside the name: a row per claim, its value as JSON.
user_claims = sa.Table(
    "user_claims",
    METADATA,
    _of_user(key=True),
    _key("name"),
    _text("value"),
    _partial("ix_user_claims_email", "value", where="name = 'email'"),
    sqlite_with_rowid=False,
)

# A person's accounts at identity providers.
upstream_links = sa.Table(
    "upstream_links",
    METADATA,
    _key("upstream"),
    _key("subject"),
    _of_user(),
    _time("linked_at"),
    _time("last_used_at", null=True),
    sqlite_with_rowid=False,
)

# What providers say has ended; "" stands for whichever subject or session.
upstream_logouts = sa.Table(
    "upstream_logouts",
    METADATA,
    _key("upstream"),
    _key("subject"),
    _key("sid"),
    _time("at"),
    sa.Column("kept_until", sa.Double, nullable=False, index=True),
    sqlite_with_rowid=False,
)

passkeys = sa.Table(
    "passkeys",
    METADATA,
    _key("credential_id"),
    _of_user(),
    _bytes("public_key"),
    sa.Column("sign_count", sa.BigInteger, nullable=False),
    _text("name"),
    _text("transports"),
    _text("aaguid"),
    sa.Column("backup_eligible", sa.Boolean, nullable=False),
    sa.Column("backed_up", sa.Boolean, nullable=False),
    _time("created_at"),
    _time("last_used_at", null=True),
    sqlite_with_rowid=False,
)

totp = sa.Table(
    "totp",
    METADATA,
    _of_user(key=True),
    _bytes("sealed_secret"),
    _time("created_at"),
    sa.Column("last_step", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

recovery_codes = sa.Table(
    "recovery_codes",
    METADATA,
    _of_user(key=True),
    sa.Column("keyed_hash", sa.LargeBinary, primary_key=True),
    _time("created_at"),
    _time("used_at", null=True),
    sqlite_with_rowid=False,
)

links = sa.Table(
    "links",
    METADATA,
    _key("link_id"),
    _bytes("keyed_hash"),
    _of_user(),
    _text("purpose"),
    _time("created_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    _time("used_at", null=True),
    sqlite_with_rowid=False,
)

# `proofs` is JSON: a list of [words, time].

sessions = sa.Table(
    "sessions",
    METADATA,
    _key("session_id"),
    _bytes("keyed_hash"),
    sa.Column("user_id", _Text, nullable=False, index=True),
    _text("proofs"),
    _time("created_at"),
    _time("last_seen_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    _text("device"),
    _text("address"),
    _text("upstream"),
    _text("upstream_sid"),
    _text("upstream_subject"),
    _partial("ix_sessions_upstream", "upstream", "upstream_subject", where="upstream <> ''"),
    sqlite_with_rowid=False,
)

# By which name (`sid`) each relying party knows a session. No foreign key: whoever deletes a session has to
# read these first, to leave notices.
session_clients = sa.Table(
    "session_clients",
    METADATA,
    _key("session_id"),
    _key("client_id"),
    _text("user_id"),
    _text("sid"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# Ends of sessions that relying parties are still to be told of.
logout_notices = sa.Table(
    "logout_notices",
    METADATA,
    _key("notice_id"),
    _text("client_id"),
    _text("user_id"),
    _text("sid"),
    sa.Column("due_at", sa.Double, nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

# A row per scope, so that adding is one insert and never a read, a merge and a write.
consents = sa.Table(
    "consents",
    METADATA,
    _key("user_id"),
    _key("client_id"),
    _key("audience"),
    _key("scope"),
    _time("given_at"),
    sqlite_with_rowid=False,
)

grants = sa.Table(
    "grants",
    METADATA,
    _key("grant_id"),
    sa.Column("client_id", _Text, nullable=False, index=True),
    sa.Column("user_id", _Text, nullable=False, index=True),
    _text("scope"),
    _text("audience"),
    _text("amr"),
    _time("auth_time"),
    _time("created_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    _time("revoked_at", null=True),
    _text("authorization_details", null=True),
    _text("sid", null=True),
    _text("claims", null=True),
    sqlite_with_rowid=False,
)

codes = sa.Table(
    "codes",
    METADATA,
    _key("token_id"),
    _bytes("keyed_hash"),
    sa.Column(
        "grant_id", _Text, sa.ForeignKey("grants.grant_id", ondelete="CASCADE"), nullable=False, index=True
    ),
    _text("redirect_uri"),
    _text("code_challenge"),
    _text("nonce", null=True),
    _time("expires_at"),
    _time("consumed_at", null=True),
    _text("cnf", null=True),
    _partial("ix_codes_unused_expires_at", "expires_at", where="consumed_at IS NULL"),
    sqlite_with_rowid=False,
)

# A device that asks a person (RFC 8628). `grant_id` is what the person gave; `interval` is what it has to
# wait between two polls, and `cnf` the key of its first one. No foreign key: a grant that is never fetched
# is swept first, and its row stays a while, to tell the device that it is too late.
device_codes = sa.Table(
    "device_codes",
    METADATA,
    _key("token_id"),
    _bytes("keyed_hash"),
    sa.Column("user_code_hash", sa.LargeBinary, nullable=False, unique=True),
    _text("client_id"),
    _text("scope"),
    _text("audience"),
    _text("address"),
    _time("created_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    sa.Column("interval", sa.Integer, nullable=False),
    _text("level", null=True),
    sa.Column("max_age", sa.Integer),
    _time("polled_at", null=True),
    _text("cnf", null=True),
    _text("grant_id", null=True),
    _time("denied_at", null=True),
    _time("consumed_at", null=True),
    _partial("ix_device_codes_grant_id", "grant_id", where="grant_id IS NOT NULL"),
    sqlite_with_rowid=False,
)

# An authorization request that was pushed (RFC 9126). Whoever answers it deletes it.
pushed_requests = sa.Table(
    "pushed_requests",
    METADATA,
    _key("request_id"),
    _bytes("keyed_hash"),
    _text("client_id"),
    _text("parameters"),
    _time("created_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# No foreign key on the hottest table: a grant that is gone counts as revoked (see `tokens.py`).
access_tokens = sa.Table(
    "access_tokens",
    METADATA,
    _key("token_id"),
    _bytes("keyed_hash"),
    _text("grant_id", null=True),
    _text("client_id"),
    _text("user_id", null=True),
    _text("scope"),
    _text("audience"),
    _text("credential"),
    _time("issued_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    _time("revoked_at", null=True),
    _text("cnf", null=True),
    _text("act", null=True),
    _text("ancestors", null=True),
    _text("subject_client", null=True),
    _text("authorization_details", null=True),
    sqlite_with_rowid=False,
)

# `sealed_response` answers a client that lost its successor; it is erased when the successor is used, so
# its presence says that the successor is unused.
refresh_tokens = sa.Table(
    "refresh_tokens",
    METADATA,
    _key("token_id"),
    _bytes("keyed_hash"),
    sa.Column("grant_id", _Text, sa.ForeignKey("grants.grant_id"), nullable=False, index=True),
    _time("issued_at"),
    _time("expires_at"),
    _text("predecessor_id", null=True),
    _time("consumed_at", null=True),
    _bytes("sealed_response", null=True),
    _text("cnf", null=True),
    _partial("ix_refresh_tokens_unused_expires_at", "expires_at", where="consumed_at IS NULL"),
    _partial("ix_refresh_tokens_sealed_consumed_at", "consumed_at", where="sealed_response IS NOT NULL"),
    sqlite_with_rowid=False,
)

# A key that was imported has no locator in itself and is found by its keyed hash.
api_keys = sa.Table(
    "api_keys",
    METADATA,
    _key("key_id"),
    _bytes("keyed_hash"),
    _text("name"),
    _text("owner"),
    _text("last_four"),
    _text("audience"),
    _text("scopes"),
    _time("created_at"),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    _text("addresses"),
    _text("origins"),
    sa.Column("rate", sa.Integer, nullable=True),
    _text("rotated_from", null=True),
    sa.Column("imported", sa.Boolean, nullable=False),
    _time("revoked_at", null=True),
    _time("rotated_at", null=True),
    sa.Column("uses", sa.BigInteger, nullable=False, server_default="0"),
    _time("last_used_at", null=True),
    sa.Column("told_days", sa.Integer, nullable=True),
    _partial("uq_api_keys_imported_keyed_hash", "keyed_hash", where="imported", unique=True),
    sqlite_with_rowid=False,
)

# Revocation of everything that a client, a person or anybody was issued at or before a moment. One row per
# subject, however many tokens it ends; never swept, since it is bounded by the number of clients and people.
cutoffs = sa.Table(
    "cutoffs",
    METADATA,
    _key("kind"),
    _key("subject"),
    _time("before"),
    sqlite_with_rowid=False,
)

# What may be used once and was used: a hash of it, and until when it could be shown again.
replays = sa.Table(
    "replays",
    METADATA,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("until", sa.Double, nullable=False, index=True),
    sqlite_with_rowid=False,
)

feed = sa.Table(
    "feed",
    METADATA,
    sa.Column("seq", _Sequence, primary_key=True, autoincrement=False),
    _text("revoked"),
    _text("subject"),
    _time("before"),
    sa.Column("at", sa.Double, nullable=False, index=True),
)

# One row. Its lock is what puts revocations of all processes into one order: whoever holds it commits first.
feed_head = sa.Table(
    "feed_head",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", _Sequence, nullable=False),
)

# In which state a key is follows from its moments. Never deleted: what was signed with which key stays known.
signing_keys = sa.Table(
    "signing_keys",
    METADATA,
    _key("kid"),
    _text("purpose"),
    _text("algorithm"),
    _bytes("sealed_private"),
    _text("public_jwk"),
    _time("created_at"),
    _time("activates_at"),
    _time("retires_at", null=True),
    _time("removes_at", null=True),
    _time("compromised_at", null=True),
)

# One row at most.
data_key = sa.Table(
    "data_key",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    _bytes("sealed"),
)

peppers = sa.Table(
    "peppers",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # the highest one writes
    _bytes("sealed"),
)

# Secrets of the house that never change, sealed: the key of pairwise subjects.
lasting_secrets = sa.Table(
    "lasting_secrets",
    METADATA,
    _key("name"),
    _bytes("sealed"),
)

# From where each credential was used, a row for each door and address. It goes by its last column.
credential_uses = sa.Table(
    "credential_uses",
    METADATA,
    _key("kind"),
    _key("subject"),
    _key("door"),
    _key("address"),
    sa.Column("uses", sa.BigInteger, nullable=False),
    _time("first_used_at"),
    _time("last_used_at"),
    sa.Column("kept_until", sa.Double, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# One row for each credential that got out. It names the credential by its id alone.
leak_incidents = sa.Table(
    "leak_incidents",
    METADATA,
    _key("incident_id"),
    _text("kind"),
    _text("subject"),
    _text("client_id", null=True),
    _text("user_id", null=True),
    _text("grant_id", null=True),
    _text("owner"),
    _text("audience", null=True),
    _time("issued_at", null=True),
    _time("reported_at"),
    _text("reporter"),
    sa.Column("reports", sa.BigInteger, nullable=False),
    _text("state"),
    _text("action"),
    _time("responded_at", null=True),
    _time("due_at", null=True),
    _time("closed_at", null=True),
    _text("note", default=""),
    _time("tell_at", null=True),
    sa.Column("tells", sa.Integer, nullable=False, server_default="0"),
    _text("told", default=""),
    sa.UniqueConstraint("kind", "subject"),
    _partial("ix_leak_incidents_due_at", "due_at", where="due_at IS NOT NULL"),
    _partial("ix_leak_incidents_tell_at", "tell_at", where="tell_at IS NOT NULL"),
    sqlite_with_rowid=False,
)

_OF_INCIDENT = "leak_incidents.incident_id"

# `place` is a hash of all that is told of it, so that the same place is kept once.
leak_evidence = sa.Table(
    "leak_evidence",
    METADATA,
    sa.Column("incident_id", _Text, sa.ForeignKey(_OF_INCIDENT, ondelete="CASCADE"), primary_key=True),
    sa.Column("place", sa.LargeBinary, primary_key=True),
    _time("reported_at"),
    _text("reporter"),
    _text("source"),
    _text("path"),
    sa.Column("line", sa.BigInteger, nullable=False),
    _text("commit"),
    _text("url"),
    _time("since", null=True),
    sqlite_with_rowid=False,
)

leak_actions = sa.Table(
    "leak_actions",
    METADATA,
    sa.Column("incident_id", _Text, sa.ForeignKey(_OF_INCIDENT, ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    _time("at"),
    _text("what"),
    sqlite_with_rowid=False,
)


def join_words(words: tuple[str, ...]) -> str:
    """The words as one text, from which `split_words` gives them back.

    Raises:
        ValueError: a word is empty or holds a space, so that it would not come back as it was.
    """
    text = " ".join(words)
    if split_words(text) != words:
        raise ValueError("a list of words would not come back as it was: one holds a space or is empty")
    return text


def split_words(text: str) -> tuple[str, ...]:
    """The words of a text that `join_words` made."""
    return tuple(text.split(" ")) if text else ()
