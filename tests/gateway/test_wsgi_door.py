"""The decision inside WSGI applications, under the servers that people use, over real HTTP."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import wsgiref.simple_server
from functools import partial
from pathlib import Path

import pytest
import waitress
import werkzeug.serving
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import inner_django
from gateway.inner import INNER, Ready, every_case, flask_app, header, seen, write_world
from gateway.test_proxy import SPOOFED
from gateway.test_report_only import rolling_out
from gateway.wire import Gateway
from gateway.world import World
from tokenward.app import engine_thread
from tokenward.app.engine_thread import EngineThread
from tokenward.base.problems import UNAVAILABLE, Refusal
from tokenward.gateway.doors.wsgi import WsgiDoor

APPS = {"flask": flask_app, "django": inner_django.wsgi_app}


@contextlib.contextmanager
def decided(app, world):
    thread = EngineThread(lambda: Ready(world.engine))
    try:
        yield WsgiDoor(app, thread.ask)
    finally:
        thread.close()


@contextlib.contextmanager
def on_thread(run, stop, port):
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield port
    finally:
        stop()
        thread.join(10)


@contextlib.contextmanager
def under_werkzeug(app, world, tmp_path):
    class Quiet(werkzeug.serving.WSGIRequestHandler):
        def log(self, *args):
            pass

    with decided(APPS[app](), world) as door:
        server = werkzeug.serving.make_server("127.0.0.1", 0, door, threaded=True, request_handler=Quiet)
        with on_thread(server.serve_forever, server.shutdown, server.port) as port:
            yield port
        server.server_close()


@contextlib.contextmanager
def under_wsgiref(app, world, tmp_path):
    class Quiet(wsgiref.simple_server.WSGIRequestHandler):
        def log_message(self, *args):
            pass

    with decided(APPS[app](), world) as door:
        server = wsgiref.simple_server.make_server("127.0.0.1", 0, door, handler_class=Quiet)
        with on_thread(server.serve_forever, server.shutdown, server.server_port) as port:
            yield port
        server.server_close()


@contextlib.contextmanager
def under_waitress(app, world, tmp_path):
    with decided(APPS[app](), world) as door:
        server = waitress.create_server(door, host="127.0.0.1", port=0, threads=2)

        def close():  # on its own thread: a socket that is closed while it is waited for is an error there
            for each in tuple(server._map.values()):
                each.close()

        def stop():
            server.trigger.pull_trigger(close)

        with on_thread(server.run, stop, server.effective_port) as port:
            yield port
        server.task_dispatcher.shutdown()


@contextlib.contextmanager
def under_gunicorn(app, world, tmp_path):
    write_world(world, tmp_path / "world")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "--preload", "--threads", "2", "--log-level", "error"),
                *("--bind", f"fd://{listener.fileno()}", "gateway.gunicorn_app"),
            ],
            cwd=Path(__file__).parent.parent,
            env=os.environ | {"INNER": app, "WORLD": str(tmp_path / "world"), "PYTHONPATH": "."},
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
        try:
            yield listener.getsockname()[1]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)


SERVERS = {
    "gunicorn": under_gunicorn,
    "waitress": under_waitress,
    "werkzeug": under_werkzeug,
    "wsgiref": under_wsgiref,
}


def through(scenario, server, app, tmp_path):
    world = World()
    with SERVERS[server](app, world, tmp_path) as port:
        asyncio.run(asyncio.wait_for(scenario(Gateway(world, None, None, port)), 60))


# WSGI joins repeated headers by commas: what was one header and what were two cannot be told apart.
FOLDED = {
    "two tokens in one header": "several_credentials",
    "two API keys": "invalid_token",
    "twice in one place": "invalid_token",
    "with two origins": "preflight_refused",
}
REFUSED_BY = {"gunicorn": ("two hosts",)}
EVERYWHERE = pytest.mark.parametrize("app", APPS)
UNDER_EACH = pytest.mark.parametrize("server", SERVERS)


@EVERYWHERE
@UNDER_EACH
def test_every_case_through_the_door(server, app, tmp_path):
    cases = partial(every_case, folded=FOLDED, by_the_server=REFUSED_BY.get(server, ()))
    through(cases, server, app, tmp_path)


@EVERYWHERE
@UNDER_EACH
def test_the_application_sees_what_was_decided_on_and_nothing_that_speaks_in_our_name(server, app, tmp_path):
    async def scenario(gateway):
        headers = [(name, "forged") for name in SPOOFED if name.lower() not in _REFUSED_NAMES]
        headers += [
            ("authorization", "Bearer {person}"),
            ("x-trace", "kept"),
            ("cookie", "a=1; tokenward=s"),
            ("connection", "close, Authorization, X-Secret"),
            ("x-secret", "hop"),
        ]
        answer = await gateway.ask("/bank/accounts/m%65", headers=headers, query="a=1&b")
        told = seen(answer)
        assert told["path"] == "bank/accounts/me"
        assert told["url"].endswith("/bank/accounts/me?a=1&b")
        assert b"forged" not in answer[2]
        names = {name for name, value in told["headers"] if value}
        assert names == {"host", "authorization", "x-trace", "cookie", "x-request-id", "traceparent"}
        assert header(answer, "cookie") == ["a=1"]
        assert header(answer, "authorization")[0].startswith("Bearer eyJ")
        assert gateway.world.tokens["person"].encode() not in answer[2]
        caller = told["caller"]
        assert (caller["operation"], caller["subject"], caller["person"]) == ("GET /accounts/me", "u1", True)
        answer = await gateway.ask("/weather/about", token=None)
        assert (seen(answer)["caller"]["anonymous"], header(answer, "authorization")) == (True, [])
        body = [("authorization", "Bearer {writer}"), ("content-length", "2"), ("content-type", "text/plain")]
        assert seen(await gateway.ask("/bank/transfers", "POST", body, body=b"{}"))["body"] == "{}"
        assert seen(await gateway.ask("/bank/accounts/a%40%C3%A9"))["path"] == "bank/accounts/a@\xe9"

    through(scenario, server, app, tmp_path)


# What one of the servers takes for itself: gunicorn fails by itself where it is told of a wrong script name.
_REFUSED_NAMES = {"content_length", "transfer_encoding", "script_name"}


def test_a_client_cannot_tell_which_part_of_the_path_is_routed(tmp_path):
    """gunicorn cuts off what a header SCRIPT_NAME says, for peers that it trusts: any on this machine."""

    async def scenario(gateway):
        for name in ("SCRIPT_NAME", "Script_Name"):
            headers = [("authorization", "Bearer {reader}"), (name, "/bank")]
            status, answered, body = await gateway.ask(headers=headers)
            assert (status, INNER in dict(answered)) == (400, False)
            assert b"ambiguous_path" in body

    through(scenario, "gunicorn", "flask", tmp_path)


def environ(path="/weather/about", **more):
    start = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REMOTE_ADDR": "192.0.2.1",
        "SERVER_NAME": "a",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
    }
    return start | more


class Recorder:
    """An application that keeps the environ that it was called with."""

    def __init__(self, headers=()):
        self.environ = None
        self.headers = list(headers)

    def __call__(self, environ, start_response):
        self.environ = environ
        start_response("200 OK", self.headers)
        return [b"ok"]


def ask(environ, inner=None, world=None):
    """What the door answers: status, headers, body; and what the application saw."""
    inner = inner or Recorder()
    told = []
    with decided(inner, world or World()) as door:
        body = b"".join(door(environ, lambda status, headers, *_: told.append((status, headers))))
    ((status, headers),) = told
    return int(status.split()[0]), dict(headers), body, inner.environ


@pytest.mark.parametrize(
    ("root", "rest", "target", "shown"),
    [
        ("", "/weather/about", None, "/weather/about"),
        ("", "/weather/about", "/weather/about?x=1", "/weather/about"),
        ("", "/weather/about", "http://evil.example/weather/about", "/weather/about"),
        ("", "/weather/about", "//evil.example/weather/about", None),
        ("", "/weather/about", "/weather/about#x", None),
        ("", "/weather/about", "*", None),
        ("", "/weather/about", "evil.example:443", None),
        ("", "/bank/admin", "/weather/about", "/weather/about"),  # the target is what counts
        ("", "/weather/about", "/bank/public/../../weather/about", None),
        ("/weather", "/about", None, "/about"),
        ("/weather", "/about", "/weather/about", "/about"),
        ("/weather", "/about", "/%77eather/about", "/about"),
        ("/weather", "/about", "/about", "/about"),  # a proxy that has cut the prefix off
        ("/weather/", "/about", "/weather/about", "/about"),
        ("/other", "/weather/about", "/weather/about", None),
        ("/..", "/weather/about", "/weather/about", None),
        ("", "/weather/about/../about", None, None),
        ("", "/weather//about", None, None),
        ("", "/weather/about;x", None, None),
        ("", "/weather/%2e%2e/about", None, None),
        ("", "/weather/about?x", None, None),
        ("", "/weather/a\\bout", None, None),
        ("", "/weather/about\n", None, None),
        ("", "weather/about", None, None),
        ("", "", None, None),
    ],
)
@pytest.mark.parametrize("name", ["RAW_URI", "REQUEST_URI"])
def test_the_path_that_is_decided_on_is_the_one_that_is_routed_by(name, root, rest, target, shown):
    given = environ(rest, SCRIPT_NAME=root) | ({name: target} if target else {})
    status, *_, passed = ask(given)
    assert (passed and passed["PATH_INFO"]) == shown
    assert (status == 200) == (shown is not None)
    if passed and target:
        assert passed[name] == "/weather/about"


@pytest.mark.parametrize(
    ("path", "decoded"), [("/bank/public/\u20ac", "\u20ac"), ("/bank/public/\xe2\x82\xac", "\xe2\x82\xac")]
)
def test_a_path_that_is_no_native_string_of_wsgi_is_nothing(path, decoded):
    status, *_, passed = ask(environ(path))
    assert (status, passed and passed["PATH_INFO"]) in {(400, None), (200, path)}
    assert (status == 200) == (decoded == "\xe2\x82\xac")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("Bearer {reader},Bearer {reader}", "several_credentials"),
        ("Bearer {reader}, Bearer {person}", "several_credentials"),
        ("Bearer {reader},", "several_credentials"),
        (",Bearer {reader}", "several_credentials"),
        ("Bearer {reader}", "allow"),
    ],
)
def test_two_authorization_headers_in_one_value_are_two(value, code):
    world = World()
    given = environ("/bank/accounts/7", HTTP_AUTHORIZATION=world.fill(value).decode())
    status, _, body, passed = ask(given, world=world)
    assert (passed is not None) == (status == 200) == (code == "allow")
    assert code == "allow" or code.encode() in body


def test_where_nothing_is_enforced_yet_a_credential_with_commas_arrives_whole():
    digest = 'Digest username="u", realm="r", nonce="n", uri="/", response="x"'
    given = environ("/bank/accounts/7", HTTP_AUTHORIZATION=digest)
    passed = ask(given, world=rolling_out(World()))[3]
    assert passed["HTTP_AUTHORIZATION"] == digest


def test_headers_that_want_to_be_taken_for_the_framing_are_nobodys():
    given = environ(CONTENT_LENGTH="2", HTTP_CONTENT_LENGTH="9", HTTP_CONTENT_TYPE="a/b", HTTP_X_USER="root")
    passed = ask(given)[3]
    assert {key for key in passed if key.startswith("HTTP_")} == {"HTTP_X_REQUEST_ID", "HTTP_TRACEPARENT"}
    assert passed["CONTENT_LENGTH"] == "2"


def test_who_is_refused_is_told_why_and_a_head_gets_no_body():
    status, headers, body, passed = ask(environ("/bank/accounts/7"))
    assert (status, passed) == (401, None)
    assert headers["www-authenticate"].startswith("Bearer ")
    assert int(headers["content-length"]) == len(body) > 0
    assert ask(environ("/bank/accounts/7", REQUEST_METHOD="HEAD"))[2] == b""


def test_what_the_caller_is_to_be_told_is_added_unless_the_application_says_it_itself():
    def sunset(*headers):
        world = World()
        world.add_key("ending", expires_at=world.start + 60)
        given = environ(HTTP_X_API_KEY=world.tokens["ending"])
        return ask(given, Recorder(headers), world)[1].get("sunset")

    assert sunset().endswith("GMT")
    assert sunset(("sunset", "mine")) == "mine"


def test_what_is_reserved_never_reaches_the_application():
    world = World()
    for path, expected in (("health", 200), ("jwks.json", 200), ("other", 404)):
        status, *_, passed = ask(environ(f"/.well-known/tokenward/{path}"), world=world)
        assert (path, status, passed) == (path, expected, None)


def test_what_the_server_shares_is_not_changed():
    given = environ(HTTP_X_USER="root")
    before = dict(given)
    passed = ask(given)[3]
    assert given == before
    assert passed["tokenward.caller"].anonymous


def test_an_engine_that_cannot_start_lets_nobody_in():
    class Broken(Ready):
        async def engine(self):
            raise Refusal(UNAVAILABLE, "broken")

    thread = EngineThread(lambda: Broken(None))
    inner, told = Recorder(), []
    try:
        door = WsgiDoor(inner, thread.ask)
        door(environ(), lambda status, headers: told.append((status, dict(headers))))
    finally:
        thread.close()
    assert (told[0][0][:3], told[0][1]["retry-after"], inner.environ) == ("503", "1", None)


def test_an_engine_that_does_not_answer_lets_nobody_in(monkeypatch):
    monkeypatch.setattr(engine_thread, "ASK_SECONDS", 0.05)
    world = World()
    with decided(Recorder(), world) as door:

        async def never(_request):
            await asyncio.Event().wait()

        monkeypatch.setattr(type(world.engine), "decide", lambda _engine, request: never(request))
        told = []
        door(environ(), lambda status, headers: told.append(status))
    assert told[0][:3] == "503"


_TEXT = st.text(st.characters(max_codepoint=255), max_size=12) | st.text(max_size=4)
_WORLD = World()


@given(
    path=_TEXT | st.sampled_from(["/weather/about", "/about"]),
    target=st.none()
    | _TEXT
    | st.sampled_from(["/weather/about?x", "http://a/weather/about", "/%77eather/about"]),
    root=st.sampled_from(["", "/", "/weather", "/weather/"]) | _TEXT,
    query=_TEXT,
    headers=st.dictionaries(
        st.sampled_from(["AUTHORIZATION", "HOST", "COOKIE", "CONNECTION", "UPGRADE", "SCRIPT_NAME"]) | _TEXT,
        _TEXT | st.sampled_from(["Bearer x, Bearer y", "/weather"]),
        max_size=4,
    ),
)
@settings(deadline=None)
def test_no_request_makes_the_door_raise_or_fail(path, target, root, query, headers):
    told, inner = [], Recorder()
    given = environ(path, SCRIPT_NAME=root, QUERY_STRING=query)
    given |= {"REQUEST_URI": target} if target is not None else {}
    given |= {f"HTTP_{name}": value for name, value in headers.items()}
    door = WsgiDoor(inner, lambda request, _errands: asyncio.run(_WORLD.engine.decide(request)))
    door(given, lambda status, headers: told.append(int(status[:3])))
    assert told[0] < 500
    if inner.environ is not None:
        assert inner.environ["SCRIPT_NAME"].rstrip("/") + inner.environ["PATH_INFO"] == "/weather/about"
