"""The schema, once for SQLite and PostgreSQL.

Keys are texts compared byte by byte on both. Times are seconds since 1970 as doubles. Lists of words (scopes,
amr values, redirect URIs) are joined by one space, which none of them may hold.
Tables that are only ever looked up by their key are WITHOUT ROWID on SQLite: one B-tree instead of two.
The migrations make exactly this; a test compares the two.
"""

from tokenward.store.sql.schema.browser import browser_logouts, browser_sessions
from tokenward.store.sql.schema.clients import (
    api_keys,
    client_secrets,
    clients,
    initial_tokens,
    registrations,
)
from tokenward.store.sql.schema.columns import METADATA
from tokenward.store.sql.schema.grants import (
    access_tokens,
    codes,
    consents,
    device_codes,
    grants,
    pushed_requests,
    refresh_tokens,
)
from tokenward.store.sql.schema.house import (
    cutoffs,
    data_key,
    feed,
    feed_head,
    lasting_secrets,
    peppers,
    replays,
    signing_keys,
)
from tokenward.store.sql.schema.leaks import credential_uses, leak_actions, leak_evidence, leak_incidents
from tokenward.store.sql.schema.people import (
    links,
    logout_notices,
    passkeys,
    recovery_codes,
    session_clients,
    sessions,
    totp,
    upstream_links,
    upstream_logouts,
    user_claims,
    users,
)
from tokenward.store.sql.schema.words import join_words, split_words

__all__ = [
    "METADATA",
    "access_tokens",
    "api_keys",
    "browser_logouts",
    "browser_sessions",
    "client_secrets",
    "clients",
    "codes",
    "consents",
    "credential_uses",
    "cutoffs",
    "data_key",
    "device_codes",
    "feed",
    "feed_head",
    "grants",
    "initial_tokens",
    "join_words",
    "lasting_secrets",
    "leak_actions",
    "leak_evidence",
    "leak_incidents",
    "links",
    "logout_notices",
    "passkeys",
    "peppers",
    "pushed_requests",
    "recovery_codes",
    "refresh_tokens",
    "registrations",
    "replays",
    "session_clients",
    "sessions",
    "signing_keys",
    "split_words",
    "totp",
    "upstream_links",
    "upstream_logouts",
    "user_claims",
    "users",
]
