"""Sessions of browser apps: a random name in a cookie, everything else here, and sealed."""

import sqlalchemy as sa

from tokenward.store.sql.schema.columns import METADATA, octets, text, time

browser_sessions = sa.Table(
    "browser_sessions",
    METADATA,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    text("party"),
    text("subject"),
    text("sid"),
    time("issued_at"),
    sa.Column("until", sa.Double, nullable=False, index=True),
    octets("content"),
    # Who refreshes its tokens now, and for how long at most.
    text("holder", null=True),
    time("held_until", null=True),
    sa.Index("ix_browser_sessions_subject", "party", "subject"),
    sa.Index("ix_browser_sessions_sid", "party", "sid"),
)

# What a provider said, held against sessions that were about to begin when it did.
browser_logouts = sa.Table(
    "browser_logouts",
    METADATA,
    text("party"),
    text("subject"),
    text("sid"),
    time("issued_at"),
    sa.Column("kept_until", sa.Double, nullable=False, index=True),
    sa.PrimaryKeyConstraint("party", "subject", "sid", "issued_at"),
)
