"""The applications of the how-to, run as their users would: FastAPI, Flask and Django, over HTTP."""

import asyncio
import contextlib
import os
import re
import secrets
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from fastapi import Depends, FastAPI, WebSocket

from client.web.visit import URL, answered, id_token, logout_token
from interop.house import free_ports
from tokenward.client.web import Person
from tokenward.client.web.fastapi import CurrentPerson
from tokenward.client.web.routes import MAX_BODY
from tokenward.client.web.wsgi import SignInWsgi

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "sign-people-in-to-a-web-app.md"
CHAPTERS = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL))
NAVIGATING = {"accept": "text/html", "sec-fetch-mode": "navigate"}
DJANGO = """
SECRET_KEY = "{secret}"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
USE_TZ = True
"""
URLS = """
from django.urls import path
import views
urlpatterns = [path("", views.home), path("orders", views.orders), path("pay", views.pay)]
"""
DJANGO_WSGI = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
DJANGO_ASGI = "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"


def blocks(chapter):
    return re.findall(r"^```python\n(.*?)^```", CHAPTERS[chapter], re.MULTILINE | re.DOTALL)


def django_files():
    people, settings, views = blocks("Django")
    own = DJANGO.format(secret=secrets.token_urlsafe(40))
    return {
        "people.py": people, "settings.py": own + settings, "views.py": views, "urls.py": URLS,
        "wsgi.py": DJANGO_WSGI, "asgi.py": DJANGO_ASGI,
    }  # fmt: skip


APPS = {
    "fastapi": (lambda: {"shop.py": blocks("FastAPI and Starlette")[0]}, "uvicorn", "shop:app"),
    "flask": (lambda: {"shop.py": blocks("Flask")[0]}, "gunicorn", "shop:app"),
    "django-wsgi": (django_files, "gunicorn", "wsgi:application"),
    "django-asgi": (django_files, "uvicorn", "asgi:application"),
}
SERVERS = {
    "uvicorn": ("--log-level", "error", "--host", "127.0.0.1", "--port"),
    "gunicorn": ("--log-level", "error", "--threads", "4", "--bind"),
}


@contextlib.contextmanager
def running(app, op, directory):
    """The application of the page at a free port of this machine; its origin."""
    files, server, target = APPS[app]
    (port,) = free_ports(1)
    origin = f"http://127.0.0.1:{port}"
    for name, text in files().items():
        here = text.replace("https://login.example.com", op.issuer).replace(
            "https://shop.example.com", origin
        )
        (directory / name).write_text(here)
    where = f"127.0.0.1:{port}" if server == "gunicorn" else str(port)
    environment = os.environ | {"SHOP_SECRET": secrets.token_urlsafe(), "DJANGO_SETTINGS_MODULE": "settings"}
    process = subprocess.Popen(
        [sys.executable, "-m", server, *SERVERS[server], where, target],
        cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield origin, process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def up(browser, process):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(process.stdout.read())
        with contextlib.suppress(httpx.TransportError):
            return browser.get("/")
        time.sleep(0.05)
    raise AssertionError("it did not come up")


def away(answer, browser, op):
    """From being sent to sign in to the provider; what it is asked."""
    assert (answer.status_code, answer.headers["cache-control"]) == (303, "no-store"), answer.text
    answer = browser.get(answer.headers["location"])
    assert answer.headers["location"].startswith(f"{op.issuer}/authorize?"), answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def back(asked, browser, op, **claims):
    token = id_token(op, asked, int(time.time()), **claims)
    op.scripts = [(200, op.token(id_token=token, refresh_token="refresh-1"))]
    return browser.get(f"{asked['redirect_uri']}?{answered(asked, op)}")


@pytest.mark.parametrize("app", APPS)
def test_an_application_of_the_page_signs_people_in_and_out(app, op, tmp_path):
    with (
        running(app, op, tmp_path) as (origin, process),
        httpx.Client(base_url=origin, trust_env=False) as web,
    ):
        assert up(web, process).json() == {"hello": None}
        assert web.get("/orders", headers={"accept": "application/json"}).status_code == 401
        # To the provider and back to the page that was asked for.
        asked = away(web.get("/orders?page=2", headers=NAVIGATING), web, op)
        answer = back(asked, web, op)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{origin}/orders?page=2")
        assert "httponly" in answer.headers["set-cookie"].lower()
        assert "samesite=lax" in answer.headers["set-cookie"].lower()
        assert (web.get("/orders").json(), web.get("/").json()) == (
            {"orders_of": "alice"},
            {"hello": "alice"},
        )
        assert len(web.cookies) == 1
        # What changes something comes from a page of its own.
        for headers, status in (
            ({}, 400), ({"origin": "https://evil.example"}, 400), ({"sec-fetch-site": "cross-site"}, 400),
            ({"origin": origin}, 200),
        ):  # fmt: skip
            assert web.post("/orders", headers=headers).status_code == status
        # What matters more asks again.
        assert web.get("/pay").json() == {"paid_by": "alice"}
        # A logout that the provider tells, which has no cookie.
        told = httpx.post(
            f"{origin}/auth/backchannel-logout", data={"logout_token": logout_token(op, int(time.time()))}
        )
        assert (told.status_code, told.content) == (200, b"")
        assert httpx.post(f"{origin}/auth/backchannel-logout", data={"logout_token": "x"}).status_code == 400
        assert web.get("/").json() == {"hello": None}
        # Signed in long ago is not good enough to pay.
        asked = away(web.get("/orders", headers=NAVIGATING), web, op)
        now = int(time.time())
        back(asked, web, op, iat=now + 1, auth_time=now - 400)
        assert web.get("/orders").json() == {"orders_of": "alice"}
        asked = away(web.get("/pay", headers=NAVIGATING), web, op)
        assert asked["max_age"] == "300"
        assert back(asked, web, op, iat=now + 1, auth_time=now - 400).status_code == 403
        assert (
            back(away(web.get("/pay", headers=NAVIGATING), web, op), web, op, iat=now + 1).status_code == 303
        )
        assert web.get("/pay").json() == {"paid_by": "alice"}
        # Out, by the form of the page alone.
        for headers in ({}, {"origin": "https://evil.example"}):
            assert web.post("/auth/sign-out", headers=headers).status_code == 400
        op.scripts = []
        out = web.post("/auth/sign-out", headers={"origin": origin})
        assert (out.status_code, out.headers["location"].startswith(f"{op.issuer}/bye?")) == (303, True)
        assert (web.get("/").json(), op.forms[-1][0].keys()) == ({"hello": None}, {"token"})
        # What is no use to anybody.
        assert web.post("/auth/sign-out", content=b"x" * 40_000).status_code == 413
        assert web.get("/auth/callback?state=a&state=b").status_code == 403
        assert web.get("/auth/elsewhere").status_code == 404


def test_a_web_socket_is_for_who_is_signed_in_and_for_pages_of_the_application(shop, browser):
    app = FastAPI()
    signed_in = Depends(CurrentPerson(shop))

    @app.websocket("/chat")
    async def chat(socket: WebSocket, person: Person = signed_in):
        await socket.accept()
        await socket.send_text(person.subject)
        await socket.close()

    def connected(**headers):
        """The first thing that the server says."""
        said = []

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            said.append(message)

        scope = browser.scope("GET", "/chat", headers) | {"type": "websocket", "subprotocols": []}
        scope["extensions"] = {"websocket.http.response": {}}
        asyncio.run(app(scope, receive, send))
        return said[0]

    assert connected(origin=URL)["status"] == 401
    browser.sign_in_as()
    assert connected(origin=URL)["type"] == "websocket.accept"
    assert connected()["status"] == connected(origin="https://evil.example")["status"] == 400


@pytest.mark.parametrize("length", [str(MAX_BODY + 1), "9" * 5000], ids=["a-little", "digits"])
def test_a_body_that_is_said_to_be_too_long_is_not_read(shop, length):
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/auth/backchannel-logout", "CONTENT_LENGTH": length,
    }  # fmt: skip
    told = []
    SignInWsgi(None, shop)(environ, lambda status, _headers: told.append(status[:3]))
    assert told == ["413"]
