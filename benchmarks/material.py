"""Codes and tokens made before they are used: rows in our store, as if the endpoints had issued them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

from tokenward.app.config import Configuration
from tokenward.app.foundation import Foundation, foundation
from tokenward.base.entropy import identifier
from tokenward.store.locators import with_fresh_locators
from tokenward.store.records import AccessToken, AuthorizationCode, Grant, RefreshToken
from tokenward.tokens import opaque

CLIENT = "bench"
SCOPE = "forecast:read"
CALLBACK = "https://app.example/cb"
VERIFIER = "a-code-verifier-that-every-code-of-the-benchmark-has"
LIFETIME = 600  # seconds, as the issuer's default
AT_ONCE = 1000  # writes that share transactions

Mint = Callable[[str, int], list[str]]
"""So many fresh `tokens`, `codes`, `refresh_tokens`, or `personal_tokens`, which are good for userinfo."""


@contextlib.contextmanager
def minting(configuration: Configuration, challenge: str) -> Iterator[Mint]:
    """Makes them while the server that they are for runs, in its database."""
    with asyncio.Runner() as runner:
        opened = foundation(configuration)
        ground = runner.run(opened.__aenter__())
        make: dict[str, Callable[[], Awaitable[str]]] = {
            "tokens": lambda: _token(ground),
            "codes": lambda: _code(ground, challenge),
            "refresh_tokens": lambda: _refresh_token(ground, challenge),
            "personal_tokens": lambda: _personal_token(ground),
        }

        async def several(kind: str, count: int) -> list[str]:
            texts: list[str] = []
            while len(texts) < count:
                some = min(AT_ONCE, count - len(texts))
                texts += await asyncio.gather(*(with_fresh_locators(make[kind]) for _ in range(some)))
            return texts

        try:
            yield lambda kind, count: runner.run(several(kind, count))
        finally:
            runner.run(opened.__aexit__(None, None, None))


def _new(ground: Foundation, kind: str) -> tuple[str, str, bytes]:
    """A text, its locator and its keyed hash."""
    token = opaque.new(kind)
    text = token.secret.reveal()
    return text, token.token_id, opaque.keyed_hash(ground.peppers[0], text)


def _access_token(ground: Foundation, grant: Grant | None = None) -> tuple[str, AccessToken]:
    text, token_id, keyed_hash = _new(ground, "at")
    now = ground.clock.time()
    return text, AccessToken(
        token_id=token_id,
        keyed_hash=keyed_hash,
        grant_id=grant.grant_id if grant else None,
        client_id=CLIENT,
        user_id=grant.user_id if grant else None,
        scope=(SCOPE,),
        audience=ground.configuration.settings.audience("weather"),
        credential="client_secret",
        issued_at=now,
        expires_at=now + LIFETIME,
    )


async def _token(ground: Foundation) -> str:
    text, token = _access_token(ground)
    await ground.store.add_access_token(token)
    return text


async def _code(ground: Foundation, challenge: str) -> str:
    text, _, _ = await _granted(ground, challenge)
    return text


async def _refresh_token(ground: Foundation, challenge: str) -> str:
    _, code, grant = await _granted(ground, challenge)
    now = ground.clock.time()
    text, token_id, keyed_hash = _new(ground, "rt")
    _, access = _access_token(ground, grant)
    refresh = RefreshToken(token_id, keyed_hash, grant.grant_id, now, now + LIFETIME)
    await ground.store.redeem_code(code.token_id, access, refresh, at=now)
    return text


async def _personal_token(ground: Foundation) -> str:
    """For the issuer itself, of a grant that says `openid`."""
    own = {"scope": ("openid",), "audience": ground.issuer_settings.url}
    grant = replace(_grant(ground), **own)
    _, code, _ = await _granted(ground, "", grant)
    text, token = _access_token(ground, grant)
    await ground.store.redeem_code(code.token_id, replace(token, **own), None, at=ground.clock.time())
    return text


def _grant(ground: Foundation) -> Grant:
    now = ground.clock.time()
    return Grant(
        grant_id=identifier(),
        client_id=CLIENT,
        user_id=identifier(),
        scope=("offline_access", SCOPE),
        audience=ground.configuration.settings.audience("weather"),
        amr=("pwd",),
        auth_time=now,
        created_at=now,
        expires_at=now + 86_400,
    )


async def _granted(
    ground: Foundation, challenge: str, grant: Grant | None = None
) -> tuple[str, AuthorizationCode, Grant]:
    now = ground.clock.time()
    grant = grant or _grant(ground)
    text, token_id, keyed_hash = _new(ground, "ac")
    code = AuthorizationCode(token_id, keyed_hash, grant.grant_id, CALLBACK, challenge, None, now + LIFETIME)
    await ground.store.add_grant(grant, code)
    return text, code, grant
