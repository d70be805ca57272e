"""An API key is kept elsewhere, shown to its API alone, and looked up again when it was rotated."""

import asyncio
import contextlib
import traceback

import httpx
import pytest

from client.test_presenting import INVALID
from tokenward.client import ApiKey, HttpxAuth, TokenError
from tokenward.client import api_key as module

OTHER_PATH = (302, {"location": "/api/elsewhere"})


@pytest.fixture
def key(fake, monkeypatch):
    monkeypatch.setenv("WEATHER_KEY", "the-key")

    def make(**options):
        return ApiKey("env:WEATHER_KEY", resource=f"{fake.api}/api", **options)

    return make


def test_it_goes_as_a_bearer_or_in_the_header_that_was_said(fake, key, send):
    assert send(key(), "GET", f"{fake.api}/api") == 200
    assert send(key(header="X-API-Key"), "POST", f"{fake.api}/api", b"a body") == 200
    assert fake.calls == [("Bearer the-key", None), (None, None)]
    assert fake.keys_shown == [None, "the-key"]
    with pytest.raises(TokenError, match="wrong_destination"):
        send(key(header="X-API-Key"), "GET", "http://127.0.0.2/api")


@pytest.mark.parametrize("header", ["", "X-API-Key"], ids=["bearer", "header"])
def test_a_redirect_elsewhere_gets_no_key(fake, key, send, header):
    fake.refusals = [(302, {"location": fake.api.replace("127.0.0.1", "localhost") + "/api"}), INVALID]
    with contextlib.suppress(TokenError):  # of the middleware, which is asked about each step
        assert send(key(header=header), "GET", f"{fake.api}/api") == 401
    assert [call for call, _ in fake.calls[1:] if call] == []
    assert [shown for shown in fake.keys_shown[1:] if shown] == []


def test_a_key_that_was_rotated_is_looked_up_again_once(fake, key, send, monkeypatch):
    monkeypatch.setattr(module, "LOOKED_UP_AGAIN", 0)
    weather = key(header="X-API-Key")
    assert weather.token().value.reveal() == "the-key"
    monkeypatch.setenv("WEATHER_KEY", "the-next")
    fake.refusals = [INVALID]
    assert send(weather, "GET", f"{fake.api}/api") == 200
    assert fake.keys_shown == ["the-key", "the-next"]
    fake.refusals = [INVALID] * 9
    assert send(weather, "GET", f"{fake.api}/api") == 401
    assert fake.keys_shown[2:] == ["the-next", "the-next"]


def test_a_dead_key_is_not_looked_up_at_each_call(fake, key, send):
    weather = key()
    fake.refusals = [INVALID] * 9
    for _ in range(3):
        assert send(weather, "GET", f"{fake.api}/api") == 401
    assert len(fake.calls) == 3


def test_a_literal_is_refused_with_what_mends_it_and_not_repeated():
    with pytest.raises(ValueError, match="env:NAME") as caught:
        ApiKey("tkw_ak_0123456789", resource="https://api.example.com")
    assert "0123456789" not in str(caught.value)


@pytest.mark.parametrize("header", ["Cookie", "authorization", "X Key", "X-Key:", "x\r\nHost"])
def test_what_is_no_header_for_a_key_is_refused(key, header):
    with pytest.raises(ValueError, match="name of a header"):
        key(header=header)


@pytest.mark.parametrize("kept", ["two words", "two\nlines", "\N{SNOWMAN}", "tab\t"])
def test_what_cannot_be_sent_is_said_so_and_not_repeated(fake, key, monkeypatch, kept):
    monkeypatch.setenv("WEATHER_KEY", kept)
    with httpx.Client(trust_env=False) as web, pytest.raises(TokenError, match="no API key") as caught:
        web.get(f"{fake.api}/api", auth=HttpxAuth(key()))
    assert kept not in "".join(traceback.format_exception(caught.value))
    assert fake.calls == []


def test_a_key_that_is_not_there_is_said_where_it_was_looked_for(key, monkeypatch):
    monkeypatch.delenv("WEATHER_KEY")
    for ask in (lambda: key().token(), lambda: asyncio.run(key().token_async())):
        with pytest.raises(TokenError, match="WEATHER_KEY is not set"):
            ask()


def test_nothing_prints_it(key):
    weather = key()
    assert "the-key" not in f"{weather.token()!r} {weather!r}"
