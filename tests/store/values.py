"""Records to fill stores with: fresh ones, each with the fields that a test cares about."""

import asyncio
import os
from contextlib import asynccontextmanager

from tokenward.base.entropy import identifier
from tokenward.store.device_records import DeviceCode
from tokenward.store.people_records import Link, Passkey, Proof, Session, User
from tokenward.store.pushed_records import PushedRequest
from tokenward.store.records import (
    AccessToken,
    ApiKey,
    AuthorizationCode,
    Client,
    ClientSecret,
    Grant,
    RefreshToken,
    SigningKeyRecord,
)
from tokenward.store.sql import open_store
from tokenward.tokens import opaque

NOW = 1_800_000_000.0


@asynccontextmanager
async def opened(url):
    store = await open_store(url)
    try:
        yield store
    finally:
        await store.close()


def client(**over):
    return Client(
        **{
            "client_id": identifier(),
            "name": "App",
            "type": "web",
            "redirect_uris": ("https://app.example/callback", "https://app.example/other"),
            "scopes": ("a:read", "a:write"),
            "created_at": NOW,
            **over,
        }
    )


def secret_of(client_id, **over):
    fields = {"secret_id": token_id("cs"), "client_id": client_id, "keyed_hash": os.urandom(32)}
    return ClientSecret(**{**fields, "created_at": NOW, "expires_at": None, **over})


def user(**over):
    name = identifier()
    fields = {"user_id": identifier(), "username": name, "password_hash": "$argon2id$…", "created_at": NOW}
    return User(**{**fields, **over})


async def signed_in(store, *sessions):
    """Add the sessions, and the people whose they are where these are new."""
    for each in sessions:
        person = await store.user(each.user_id)
        if person is None:
            person = user(user_id=each.user_id)
            await store.add_user(person)
        assert await store.add_session(each, version=person.version)


def passkey(**over):
    return Passkey(
        **{
            "credential_id": identifier(),
            "user_id": "ann",
            "public_key": os.urandom(77),
            "sign_count": 0,
            "name": "Phone",
            "transports": ("internal", "hybrid"),
            "aaguid": "00000000-0000-0000-0000-000000000000",
            "backup_eligible": True,
            "backed_up": False,
            "created_at": NOW,
            **over,
        }
    )


def link(**over):
    return Link(
        **{
            "link_id": identifier(),
            "keyed_hash": os.urandom(32),
            "user_id": "ann",
            "purpose": "reset",
            "created_at": NOW,
            "expires_at": NOW + 3600,
            **over,
        }
    )


def session(**over):
    return Session(
        **{
            "session_id": token_id("se"),
            "keyed_hash": os.urandom(32),
            "user_id": "ann",
            "proofs": (Proof(("pwd",), NOW), Proof(("otp",), NOW + 1)),
            "created_at": NOW,
            "last_seen_at": NOW,
            "expires_at": NOW + 3600,
            **over,
        }
    )


def grant(**over):
    return Grant(
        **{
            "grant_id": identifier(),
            "client_id": "app",
            "user_id": "ann",
            "scope": ("a:read", "a:write"),
            "audience": "https://api.example",
            "amr": ("pwd",),
            "auth_time": NOW - 10,
            "created_at": NOW,
            "expires_at": NOW + 90 * 86400,
            **over,
        }
    )


def code_of(its_grant, **over):
    return AuthorizationCode(
        **{
            "token_id": token_id("ac"),
            "keyed_hash": os.urandom(32),
            "grant_id": its_grant.grant_id,
            "redirect_uri": "https://app.example/callback",
            "code_challenge": "x" * 43,
            "nonce": None,
            "expires_at": NOW + 60,
            **over,
        }
    )


def device_code(**over):
    return DeviceCode(
        **{
            "token_id": token_id("dc"),
            "keyed_hash": os.urandom(32),
            "user_code_hash": os.urandom(32),
            "client_id": "tv",
            "scope": ("a:read", "openid"),
            "audience": "https://api.example",
            "address": "192.0.2.7",
            "created_at": NOW,
            "expires_at": NOW + 600,
            "interval": 5,
            "level": "two-factor",
            "max_age": 300,
            **over,
        }
    )


def pushed_request(**over):
    return PushedRequest(
        **{
            "request_id": token_id("ac"),
            "keyed_hash": os.urandom(32),
            "client_id": "app",
            "parameters": "response_type=code&state=a%26b",
            "created_at": NOW,
            "expires_at": NOW + 60,
            **over,
        }
    )


def access(its_grant=None, **over):
    return AccessToken(
        **{
            "token_id": token_id("at"),
            "keyed_hash": os.urandom(32),
            "grant_id": its_grant.grant_id if its_grant else None,
            "client_id": its_grant.client_id if its_grant else "app",
            "user_id": its_grant.user_id if its_grant else None,
            "scope": ("a:read",),
            "audience": "https://api.example",
            "credential": "client_secret",
            "issued_at": NOW,
            "expires_at": NOW + 600,
            **over,
        }
    )


def refresh(its_grant, **over):
    return RefreshToken(
        **{
            "token_id": token_id("rt"),
            "keyed_hash": os.urandom(32),
            "grant_id": its_grant.grant_id,
            "issued_at": NOW,
            "expires_at": NOW + 14 * 86400,
            **over,
        }
    )


def api_key(**over):
    return ApiKey(
        **{
            "key_id": token_id("ak"),
            "keyed_hash": os.urandom(32),
            "name": "Forecasts",
            "owner": "ann@example.com",
            "last_four": "a1B2",
            "audience": "https://api.example",
            "scopes": ("a:read",),
            "created_at": NOW,
            "expires_at": NOW + 90 * 86400,
            **over,
        }
    )


def signing_key(**over):
    return SigningKeyRecord(
        **{
            "kid": identifier(),
            "purpose": "outside",
            "algorithm": "ES256",
            "sealed_private": os.urandom(64),
            "public_jwk": "{}",
            "created_at": NOW,
            "activates_at": NOW,
            **over,
        }
    )


async def until(condition):
    """Return as soon as the condition holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for knows of no event
            await asyncio.sleep(0.001)


_given = set()


def opaque_token(kind):
    """A fresh token with an id of its own: of hundreds in a millisecond some would share one."""
    while (token := opaque.new(kind)).token_id in _given:
        pass
    _given.add(token.token_id)
    return token


def token_id(kind):
    return opaque_token(kind).token_id


async def started(store, **over):
    """A grant whose code was redeemed: the grant, its access token and its first refresh token."""
    its_grant = grant(**over)
    code = code_of(its_grant, expires_at=its_grant.created_at + 60)
    await store.add_grant(its_grant, code)
    first, link = access(its_grant), refresh(its_grant)
    await store.redeem_code(code.token_id, first, link, at=its_grant.created_at + 1)
    return its_grant, first, link
