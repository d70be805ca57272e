"""A server that answers as it is told, and a client of it."""

import asyncio

import aiohttp
import httpx
import pytest
import requests

from client.browser import Browser
from client.fake_server import fake_server
from tokenward.client import (
    AiohttpAuth,
    ClientCredentials,
    ClientSecret,
    HttpxAuth,
    RequestsAuth,
    Server,
)


@pytest.fixture
def fake():
    with fake_server() as server:
        yield server


@pytest.fixture
def browser(fake):
    return Browser(fake.issuer)


@pytest.fixture
def source(fake, monkeypatch):
    """Makes a source of tokens of the fake server."""
    monkeypatch.setenv("FAKE_SECRET", "a secret of the fake client")

    def make(**changes):
        server = changes.pop("server", None) or Server(fake.issuer)
        settings = {
            "client_id": "reports",
            "authentication": ClientSecret("env:FAKE_SECRET"),
            "scope": ["forecast:read"],
            "resource": f"{fake.api}/api",
        }
        return ClientCredentials(server, **settings | changes)

    return make


@pytest.fixture(params=["httpx", "httpx-async", "requests", "aiohttp"])
def send(request):
    """Sends once with a source's tokens, by each library, following redirects; gives the status."""

    def by_httpx(source, method, url, body, options):
        with httpx.Client(auth=HttpxAuth(source, **options), trust_env=False, follow_redirects=True) as web:
            return web.request(method, url, content=body).status_code

    async def by_httpx_async(source, method, url, body, options):
        shows = HttpxAuth(source, **options)
        async with httpx.AsyncClient(auth=shows, trust_env=False, follow_redirects=True) as web:
            return (await web.request(method, url, content=body)).status_code

    def by_requests(source, method, url, body, options):
        with requests.Session() as session:
            session.trust_env = False
            shows = RequestsAuth(source, **options)
            return session.request(method, url, data=body, auth=shows).status_code

    async def by_aiohttp(source, method, url, body, options):
        async with (
            aiohttp.ClientSession(middlewares=[AiohttpAuth(source, **options)]) as session,
            session.request(method, url, data=body) as response,
        ):
            return response.status

    ways = {
        "httpx": by_httpx,
        "httpx-async": by_httpx_async,
        "requests": by_requests,
        "aiohttp": by_aiohttp,
    }
    way = ways[request.param]

    def once(source, method, url, body=None, **options):
        sent = way(source, method, url, body, options)
        return asyncio.run(sent) if asyncio.iscoroutine(sent) else sent

    return once
