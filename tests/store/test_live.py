"""What makes an opaque token live: all of it at once."""

import asyncio

import pytest

from store.values import NOW, access, api_key, opened
from tokenward.base.redaction import redact
from tokenward.store.live import live_access_token, live_api_key
from tokenward.store.records import API_KEY_CLIENT
from tokenward.tokens import opaque

PEPPER, OLD_PEPPER = b"p" * 32, b"o" * 32


@pytest.mark.parametrize(
    ("disturb", "expected"),
    [
        ({}, True),
        ({"pepper": OLD_PEPPER}, True),
        ({"pepper": b"x" * 32}, False),
        ({"expires_at": NOW}, False),
        ({"revoked": True}, False),
        ({"text": opaque.new("at").secret.reveal()}, False),
        ({"known": False}, False),
    ],
    ids=["good", "older pepper", "other pepper", "expired", "revoked", "another secret", "unknown"],
)
def test_a_token_is_live_only_if_nothing_speaks_against_it(sqlite_url, disturb, expected):
    token = opaque.new("at")
    text = token.secret.reveal()
    row = access(
        token_id=token.token_id,
        keyed_hash=opaque.keyed_hash(disturb.get("pepper", PEPPER), text),
        expires_at=disturb.get("expires_at", NOW + 0.1),
    )

    async def run():
        async with opened(sqlite_url) as store:
            if disturb.get("known", True):
                await store.add_access_token(row)
            if disturb.get("revoked"):
                await store.revoke_token(token.token_id, NOW)
            return await live_access_token(
                store, (PEPPER, OLD_PEPPER), disturb.get("text", text), token.token_id, at=NOW
            )

    assert asyncio.run(run()) == (row if expected else None)


@pytest.mark.parametrize(
    ("kind", "over", "expected"),
    [("ak", {}, True), ("ak", {"imported": True}, False), ("at", {}, False)],
    ids=["good", "one of somebody else's", "another kind"],
)
def test_a_key_of_our_form_is_one_that_we_gave_out(sqlite_url, kind, over, expected):
    token = opaque.new(kind)
    text = token.secret.reveal()
    row = api_key(key_id=token.token_id, keyed_hash=opaque.keyed_hash(OLD_PEPPER, text), **over)

    async def run():
        async with opened(sqlite_url) as store:
            await store.add_api_keys([row])
            return await live_api_key(store, (PEPPER, OLD_PEPPER), text, at=NOW)

    assert asyncio.run(run()) == (row if expected else None)


def test_the_client_id_of_an_api_key_is_not_masked_in_logs():
    assert redact(f"client {API_KEY_CLIENT}4U9WEWqebqm") == f"client {API_KEY_CLIENT}4U9WEWqebqm"
