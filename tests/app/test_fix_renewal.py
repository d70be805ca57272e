"""What `tokenward fix` does at the issuer of this machine about an API key, and about a refresh token."""

import asyncio
import json
import time
from functools import partial

import pytest
from typer.testing import CliRunner

from app.test_api_keys import APIS, AUDIENCE, OPENAPI
from store.values import access, code_of, grant, opaque_token, refresh
from tokenward.app.cli import application
from tokenward.app.config import load
from tokenward.app.fix_renewal import question, recognised, renew
from tokenward.app.foundation import foundation
from tokenward.issuer.api_keys import Terms, add_key, rotate_key
from tokenward.tokens import opaque


@pytest.fixture
def at_issuer(tmp_path, monkeypatch):
    """Runs `work(ground)` at an issuer that was just set up."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(application, ["init"])
    assert result.exit_code == 0, result.output
    path = tmp_path / "tokenward.yaml"
    text = path.read_text()
    path.write_text(text[: text.index("# The APIs behind")] + APIS)
    (tmp_path / "weather.json").write_text(json.dumps(OPENAPI))
    configuration = load(path).configuration

    def run(work):
        async def opened():
            async with foundation(configuration) as ground:
                await work(ground)

        asyncio.run(opened())

    return run


async def given(ground):
    """An API key, on terms that not every key has."""
    terms = Terms(AUDIENCE, ("forecast:read",), addresses=("192.0.2.0/24",), rate=60)
    return await add_key(ground.api_key_desk, terms, name="Forecasts", owner="ann", lifetime=86400)


async def is_over(ground, key):
    state = await ground.store.api_key(key.key_id)
    return state.revoked or state.key.expires_at <= ground.clock.time()


def test_an_api_key_ends_at_once_and_its_successor_has_its_terms(at_issuer):
    async def work(ground):
        old, text = await given(ground)
        leaked = await recognised(ground, text.reveal())
        assert old.key_id in question(leaked)
        assert not await is_over(ground, old)
        new = await renew(ground, leaked)
        assert await is_over(ground, old)
        found = await recognised(ground, new.reveal())
        assert found.kind == "api_key"
        key = (await ground.store.api_key(found.subject)).key
        assert (key.scopes, key.addresses, key.rate) == (("forecast:read",), ("192.0.2.0/24",), 60)
        assert await recognised(ground, text.reveal()) is None

    at_issuer(work)


def test_an_api_key_that_has_a_successor_ends_at_once_too(at_issuer):
    async def work(ground):
        old, text = await given(ground)
        successor, _ = await rotate_key(ground.api_key_desk, old.key_id, overlap=3600)
        leaked = await recognised(ground, text.reveal())
        assert await renew(ground, leaked) is None
        assert await is_over(ground, old)
        assert not await is_over(ground, successor)

    at_issuer(work)


def test_a_refresh_token_takes_its_sign_in_along(at_issuer):
    async def work(ground):
        now, token = time.time(), opaque_token("rt")
        text = token.secret.reveal()
        its_grant = grant(created_at=now, auth_time=now, expires_at=now + 900)
        code = code_of(its_grant, expires_at=now + 60)
        at = access(its_grant, issued_at=now, expires_at=now + 600)
        keyed = opaque.keyed_hash(ground.peppers[0], text)
        kept = partial(refresh, its_grant, token_id=token.token_id, keyed_hash=keyed)
        await ground.store.add_grant(its_grant, code)
        await ground.store.redeem_code(
            code.token_id, at, kept(issued_at=now, expires_at=now + 900), at=now + 1
        )
        leaked = await recognised(ground, text)
        assert token.token_id in question(leaked)
        assert "sign-in" in question(leaked)
        assert await renew(ground, leaked) is None
        assert (await ground.store.access_token(at.token_id)).revoked
        assert (await ground.store.refresh_token(token.token_id)).revoked
        assert await recognised(ground, text) is None

    at_issuer(work)


def test_an_id_without_its_secret_ends_nothing(at_issuer):
    async def work(ground):
        old, _ = await given(ground)
        other = opaque.new("ak").secret.reveal()
        body = f"tkw_ak_{old.key_id}{other[18:-6]}"
        assert await recognised(ground, body + opaque._checksum(body)) is None
        assert not await is_over(ground, old)

    at_issuer(work)
