"""Where credentials were used, and those that got out."""

import sqlalchemy as sa

from tokenward.store.sql.schema.columns import METADATA, Text, key, partial, text, time

_OF_INCIDENT = "leak_incidents.incident_id"

# From where each credential was used, a row for each door and address. It goes by its last column.
credential_uses = sa.Table(
    "credential_uses",
    METADATA,
    key("kind"),
    key("subject"),
    key("door"),
    key("address"),
    sa.Column("uses", sa.BigInteger, nullable=False),
    time("first_used_at"),
    time("last_used_at"),
    sa.Column("kept_until", sa.Double, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# One row for each credential that got out. It names the credential by its id alone.
leak_incidents = sa.Table(
    "leak_incidents",
    METADATA,
    key("incident_id"),
    text("kind"),
    text("subject"),
    text("client_id", null=True),
    text("user_id", null=True),
    text("grant_id", null=True),
    text("owner"),
    text("audience", null=True),
    time("issued_at", null=True),
    time("reported_at"),
    text("reporter"),
    sa.Column("reports", sa.BigInteger, nullable=False),
    text("state"),
    text("action"),
    time("responded_at", null=True),
    time("due_at", null=True),
    time("closed_at", null=True),
    text("note", default=""),
    time("tell_at", null=True),
    sa.Column("tells", sa.Integer, nullable=False, server_default="0"),
    text("told", default=""),
    sa.UniqueConstraint("kind", "subject"),
    partial("ix_leak_incidents_due_at", "due_at", where="due_at IS NOT NULL"),
    partial("ix_leak_incidents_tell_at", "tell_at", where="tell_at IS NOT NULL"),
    sqlite_with_rowid=False,
)

# `place` is a hash of all that is told of it, so that the same place is kept once.
leak_evidence = sa.Table(
    "leak_evidence",
    METADATA,
    sa.Column("incident_id", Text, sa.ForeignKey(_OF_INCIDENT, ondelete="CASCADE"), primary_key=True),
    sa.Column("place", sa.LargeBinary, primary_key=True),
    time("reported_at"),
    text("reporter"),
    text("source"),
    text("path"),
    sa.Column("line", sa.BigInteger, nullable=False),
    text("commit"),
    text("url"),
    time("since", null=True),
    sqlite_with_rowid=False,
)

leak_actions = sa.Table(
    "leak_actions",
    METADATA,
    sa.Column("incident_id", Text, sa.ForeignKey(_OF_INCIDENT, ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    time("at"),
    text("what"),
    sqlite_with_rowid=False,
)
