"""Django REST framework, behind both kinds of doors: `request.user` and `request.auth` are the caller's."""

import asyncio

import httpx
import pytest
from django.conf import settings
from django.urls import clear_url_caches

from gateway import inner_django
from gateway.inner import Ready
from gateway.world import World
from tokenward.app.engine_thread import EngineThread
from tokenward.gateway.doors.asgi import AsgiDoor
from tokenward.gateway.doors.wsgi import WsgiDoor


@pytest.fixture(autouse=True)
def urls(monkeypatch):
    monkeypatch.setattr(settings, "ROOT_URLCONF", "gateway.inner_rest")
    clear_url_caches()
    yield
    clear_url_caches()


def by_wsgi(world, target, headers):
    thread = EngineThread(lambda: Ready(world.engine))
    transport = httpx.WSGITransport(WsgiDoor(inner_django.wsgi_app(), thread.ask))
    try:
        with httpx.Client(transport=transport, base_url="http://a") as client:
            return client.get(target, headers=headers)
    finally:
        thread.close()


def by_asgi(world, target, headers):
    async def request():
        transport = httpx.ASGITransport(AsgiDoor(inner_django.asgi_app(), Ready(world.engine)))
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            return await client.get(target, headers=headers)

    return asyncio.run(request())


@pytest.mark.parametrize("ask", [by_wsgi, by_asgi])
def test_the_view_knows_who_calls(ask):
    world = World()
    bearer = {"authorization": f"Bearer {world.tokens['reader']}"}
    answer = ask(world, "/bank/accounts/7", bearer)
    assert answer.json() == {
        "pk": "shop",
        "user": "shop",
        "operation": "GET /accounts/{id}",
        "flags": [True, False, True, False, False],
    }
    assert ask(world, "/bank/accounts/7", {}).status_code == 401
    assert ask(world, "/weather/about", {}).json() == {"user": "None"}


def test_without_the_middleware_nothing_works():
    with httpx.Client(transport=httpx.WSGITransport(inner_django.wsgi_app()), base_url="http://a") as client:
        assert client.get("/weather/about").status_code == 500
