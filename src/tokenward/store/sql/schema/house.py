"""What the house keeps for itself: revocations and their feed, single uses, keys."""

import sqlalchemy as sa

from tokenward.store.sql.schema.columns import METADATA, Sequence, key, octets, text, time

# Revocation of everything that a client, a person or anybody was issued at or before a moment. One row per
# subject, however many tokens it ends; never swept, since it is bounded by the number of clients and people.
cutoffs = sa.Table(
    "cutoffs",
    METADATA,
    key("kind"),
    key("subject"),
    time("before"),
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
    sa.Column("seq", Sequence, primary_key=True, autoincrement=False),
    text("revoked"),
    text("subject"),
    time("before"),
    sa.Column("at", sa.Double, nullable=False, index=True),
)

# One row. Its lock is what puts revocations of all processes into one order: whoever holds it commits first.
feed_head = sa.Table(
    "feed_head",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", Sequence, nullable=False),
)

# In which state a key is follows from its moments. Never deleted: what was signed with which key stays known.
signing_keys = sa.Table(
    "signing_keys",
    METADATA,
    key("kid"),
    text("purpose"),
    text("algorithm"),
    octets("sealed_private"),
    text("public_jwk"),
    time("created_at"),
    time("activates_at"),
    time("retires_at", null=True),
    time("removes_at", null=True),
    time("compromised_at", null=True),
)

# One row at most.
data_key = sa.Table(
    "data_key",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    octets("sealed"),
)

peppers = sa.Table(
    "peppers",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # the highest one writes
    octets("sealed"),
)

# Secrets of the house that never change, sealed: the key of pairwise subjects.
lasting_secrets = sa.Table(
    "lasting_secrets",
    METADATA,
    key("name"),
    octets("sealed"),
)
