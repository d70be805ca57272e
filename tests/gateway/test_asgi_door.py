"""The decision inside ASGI applications, over real HTTP, seen from what the application saw."""

import asyncio
import json
import logging

import httpx
import pytest
import websockets
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from gateway import inner_django
from gateway.inner import INNER, Ready, every_case, fastapi_app, header, seen, starlette_app
from gateway.test_proxy import SPOOFED
from gateway.wire import Gateway, served
from gateway.world import BANK, INSIDE, PAYMENT, World
from tokenward import JwtValidator
from tokenward.gateway.doors.asgi import AsgiDoor
from tokenward.gateway.doors.in_process import Caller, Undecided
from tokenward.store.records import FeedEvent

APPS = {"starlette": starlette_app, "fastapi": fastapi_app, "django": inner_django.asgi_app}


def through(scenario, app="starlette"):
    """Run `scenario(gateway)` against an application of that kind behind the door."""

    async def run():
        world = World()
        async with served(AsgiDoor(APPS[app](), Ready(world.engine)), lifespan="off") as port:
            await asyncio.wait_for(scenario(Gateway(world, None, None, port)), 20)

    asyncio.run(run())


@pytest.mark.parametrize("app", APPS)
def test_every_case_through_the_door(app):
    through(every_case, app)


@pytest.mark.parametrize("app", APPS)
def test_the_application_learns_who_calls_and_gets_the_inside_jwt_for_the_token(app):
    async def scenario(gateway):
        answer = await gateway.ask("/bank/accounts/me", token="person", query="a=%2F&b")
        caller = seen(answer)["caller"]
        facts = gateway.world.known[gateway.world.tokens["person"]]
        assert (caller["api"], caller["operation"]) == ("bank", "GET /accounts/me")
        assert (caller["subject"], caller["person"], caller["client_id"]) == ("u1", True, "shop")
        assert (caller["scope"], caller["token_id"]) == (["accounts:read", "profile"], facts.token_id)
        assert seen(answer)["url"].endswith("/bank/accounts/me?a=%2F&b")
        validator = JwtValidator(
            issuer=INSIDE,
            audience=BANK,
            keys=json.loads(json.dumps(gateway.world.minter.jwks())),
            algorithms=["ES256"],
            clock=gateway.world.clock,
        )
        (authorization,) = header(answer, "authorization")
        assert validator.validate(authorization.removeprefix("Bearer "))["sub"] == "u1"
        assert gateway.world.tokens["person"].encode() not in answer[2]

    through(scenario, app)


def test_a_machine_is_no_person_and_nobody_is_nobody():
    async def scenario(gateway):
        caller = seen(await gateway.ask())["caller"]
        assert (caller["subject"], caller["person"], caller["anonymous"]) == ("shop", False, False)
        answer = await gateway.ask("/weather/about", token=None)
        caller = seen(answer)["caller"]
        assert (caller["subject"], caller["client_id"], caller["anonymous"]) == (None, None, True)
        assert header(answer, "authorization") == []

    through(scenario)


@pytest.mark.parametrize("app", APPS)
def test_no_header_that_speaks_in_our_name_reaches_the_application(app):
    async def scenario(gateway):
        headers = [(name, "forged") for name in SPOOFED]
        headers += [("authorization", "Bearer {reader}"), ("x-trace", "kept"), ("cookie", "a=1; tokenward=s")]
        answer = await gateway.ask(headers=headers)
        assert b"forged" not in answer[2]
        names = {name for name, value in seen(answer)["headers"] if value}
        assert names == {"host", "authorization", "x-trace", "cookie", "x-request-id", "traceparent"}
        assert header(answer, "cookie") == ["a=1"]

    through(scenario, app)


def test_connection_cannot_strip_what_is_injected():
    async def scenario(gateway):
        nominated = "close, Authorization, Host, Content-Length, Content-Type, x_secret"
        headers = [
            ("authorization", "Bearer {writer}"),
            ("connection", nominated),
            ("x-secret", "hop"),
            ("content-type", "application/json"),
            ("content-length", "2"),
        ]
        answer = await gateway.ask("/bank/transfers", "POST", headers, body=b"{}")
        assert header(answer, "authorization")[0].startswith("Bearer eyJ")
        assert header(answer, "content-type") == ["application/json"]
        assert header(answer, "x-secret") == header(answer, "connection") == []
        assert seen(answer)["body"] == "{}"

    through(scenario)


@pytest.mark.parametrize("app", APPS)
def test_the_application_routes_by_the_path_that_was_decided_on(app):
    async def scenario(gateway):
        answer = await gateway.ask("/bank/accounts/m%65", token="person")
        assert seen(answer)["path"] == "bank/accounts/me"
        assert "m%65" not in seen(answer)["url"]
        assert seen(await gateway.ask("/bank/accounts/a%40b"))["path"] == "bank/accounts/a@b"

    through(scenario, app)


def test_the_path_that_was_sent_is_what_counts_whatever_the_server_made_of_it():
    """A server, or a middleware before ours, that reads a path in another way than we do decides nothing."""
    scope = http_scope("/bank/public/x", token="person")
    scope |= {"path": "/bank/admin", "raw_path": b"/bank/accounts/m%65"}
    world, inner = World(), Recorder()
    scope["headers"] = [(b"authorization", f"Bearer {world.tokens['person']}".encode())]
    assert asyncio.run(ask(AsgiDoor(inner, Ready(world.engine)), scope))[0]["status"] == 200
    assert (inner.scope["path"], inner.scope["raw_path"]) == ("/bank/accounts/me", b"/bank/accounts/me")


class Recorder:
    """An application that keeps the scope that it was called with."""

    def __init__(self, headers=()):
        self.scope = None
        self.headers = list(headers)

    async def __call__(self, scope, receive, send):
        self.scope = scope
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": self.headers})
            await send({"type": "http.response.body", "body": b""})


def http_scope(path, token=None, **more):
    return {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "client": ("192.0.2.1", 1),
        **more,
    }


async def ask(door, scope, messages=({"type": "http.request"},)):
    sent = []
    waiting = list(messages)

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    await door(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    ("root", "path", "shown"),
    [
        ("", "/weather/about", "/weather/about"),
        ("/weather", "/weather/about", "/weather/about"),  # as the specification has it
        ("/weather", "/%77eather/about", "/weather/about"),
        ("/weather", "/about", "/weather/about"),  # a server that leaves the prefix out
        ("/weather/", "/weather/about", "/weather/about"),
        ("/", "/weather/about", "/weather/about"),
        ("/other", "/weather/about", None),
        ("/weather", "/weather/weather/about", None),
        ("/weather/x;y", "/weather/about", None),
        ("/..", "/weather/about", None),
        ("", "/about", None),
    ],
)
def test_a_root_path_is_part_of_what_is_decided_on(root, path, shown):
    inner = Recorder()
    door = AsgiDoor(inner, Ready(World().engine))
    asyncio.run(ask(door, http_scope(path, root_path=root)))
    assert (inner.scope and inner.scope["path"]) == shown


def test_what_is_decided_on_is_what_a_mounted_application_routes_by():
    def page(name):
        async def endpoint(request):
            return PlainTextResponse(f"{name} {request.state.tokenward.operation}")

        return endpoint

    inner = Starlette(routes=[Route("/about", page("about")), Route("/forecast/{city}", page("forecast"))])
    app = Starlette(routes=[Mount("/weather", AsgiDoor(inner, Ready(World().engine)))])

    async def get(path):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a") as client:
            return await client.get(path)

    for path, status, text in (
        ("/weather/about", 200, "about GET /about"),
        ("/%77eather/about", 200, "about GET /about"),
        ("/weather/forecast/bern", 401, None),
        ("/weather/weather/about", 404, None),
    ):
        answer = asyncio.run(get(path))
        assert (path, answer.status_code) == (path, status)
        assert text is None or answer.text == text


def test_a_server_that_tells_no_raw_path_gets_refusals():
    inner = Recorder()
    scope = http_scope("/weather/about")
    del scope["raw_path"]
    (start, _) = asyncio.run(ask(AsgiDoor(inner, Ready(World().engine)), scope))
    assert (start["status"], inner.scope) == (400, None)


def test_one_state_for_all_requests_tells_nobody_about_another():
    state = {"shared": 1}
    world, inner = World(), Recorder()
    door = AsgiDoor(inner, Ready(world.engine))
    headers = [(b"authorization", f"Bearer {world.tokens['weather']}".encode())]
    asyncio.run(ask(door, http_scope("/weather/about", headers=headers, state=state)))
    assert inner.scope["state"]["shared"] == 1
    assert inner.scope["state"]["tokenward"].client_id == "shop"
    assert state == {"shared": 1}


def test_what_the_caller_is_to_be_told_is_added_unless_the_application_says_it_itself():
    def sunset(*headers):
        world = World()
        world.add_key("ending", expires_at=world.start + 60)
        scope = http_scope("/weather/about", headers=[(b"x-api-key", world.tokens["ending"].encode())])
        start, _ = asyncio.run(ask(AsgiDoor(Recorder(headers), Ready(world.engine)), scope))
        return [value for name, value in start["headers"] if name == b"sunset"]

    assert len(sunset()) == 1
    assert sunset((b"sunset", b"mine")) == [b"mine"]


def test_what_is_reserved_never_reaches_the_application():
    async def scenario(gateway):
        for path, method, expected in (
            ("/.well-known/tokenward/health", "GET", 200),
            ("/.well-known/tokenward/jwks.json", "GET", 200),
            ("/.well-known/tokenward/health", "POST", 405),
            ("/.well-known/tokenward/other", "GET", 404),
            ("/.well-known/%74okenward/health", "GET", 404),
        ):
            status, headers, _ = await gateway.ask(path, method)
            assert (path, status, INNER in dict(headers)) == (path, expected, False)
        gateway.world.fresh = False
        assert (await gateway.ask("/.well-known/tokenward/health"))[0] == 503
        assert (await gateway.ask())[0] == 503

    through(scenario)


@pytest.mark.parametrize("denial", [False, True])
@pytest.mark.parametrize(
    ("path", "token", "code"),
    [
        ("/bank/ticker", "reader", "allow"),
        ("/bank/accounts/7", "reader", "upgrade_refused"),
        ("/weather/about", None, "upgrade_refused"),
        ("/bank/ticker", None, "no_credential"),
        ("/bank/ticker", "unknown", "invalid_token"),
        ("/bank/transfers", "writer", "undocumented_method"),
        ("/bank/public/../admin", "reader", "ambiguous_path"),
        ("/chat", "reader", "undocumented"),
    ],
)
def test_a_websocket_is_decided_on_as_the_get_that_it_begins_as(path, token, code, denial):
    world, inner = World(), Recorder()
    headers = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket"), (b"x-user", b"root")]
    headers += [(b"authorization", f"Bearer {world.tokens[token]}".encode())] if token else []
    scope = http_scope(path, headers=headers) | {"type": "websocket", "scheme": "ws"}
    del scope["method"]
    if denial:
        scope["extensions"] = {"websocket.http.response": {}}
    messages = [{"type": "websocket.connect"}]
    sent = asyncio.run(ask(AsgiDoor(inner, Ready(world.engine)), scope, messages))
    if code == "allow":
        assert sent == [{"type": "websocket.accept"}]
        assert inner.scope["state"][
            "tokenward"
        ].operation == f"GET {path.removeprefix('/bank').removeprefix('/weather')}".replace("7", "{id}")
        assert b"x-user" not in dict(inner.scope["headers"])
        return
    assert inner.scope is None
    if denial:
        assert [message["type"] for message in sent] == [
            "websocket.http.response.start",
            "websocket.http.response.body",
        ]
        assert json.loads(sent[1]["body"])["type"].endswith(f":{code}")
    else:
        assert sent == [{"type": "websocket.close", "code": 1008}]


def test_an_application_that_nobody_decided_for_says_so():
    with pytest.raises(AttributeError):
        asyncio.run(ask(starlette_app(), http_scope("/bank/accounts/7")))
    with pytest.raises(Undecided):
        Caller.of_scope(http_scope("/"))
    with pytest.raises(Undecided):
        Caller.of_scope(http_scope("/", state={"tokenward": {"subject": "root"}}))


def test_an_application_is_told_what_exactly_the_token_allows():
    world, inner = World(), Recorder()
    headers = [(b"authorization", f"Bearer {world.tokens['payer']}".encode())]
    scope = http_scope("/bank/orders", headers=headers) | {"method": "POST"}
    asyncio.run(ask(AsgiDoor(inner, Ready(world.engine)), scope))
    assert Caller.of_scope(inner.scope).authorization_details == ({"type": "other"}, PAYMENT)


def test_a_websocket_whose_handshake_the_server_keeps_to_itself_is_not_taken_for_a_get():
    world, inner = World(), Recorder()
    headers = [(b"authorization", f"Bearer {world.tokens['reader']}".encode())]
    scope = http_scope("/bank/accounts/7", headers=headers) | {"type": "websocket"}
    sent = asyncio.run(ask(AsgiDoor(inner, Ready(world.engine)), scope, [{"type": "websocket.connect"}]))
    assert (sent, inner.scope) == ([{"type": "websocket.close", "code": 1008}], None)


def test_a_real_websocket_is_let_in_or_refused(caplog):
    """Over a real handshake: what the server's library makes of it, and the answer of who is refused."""
    for name in ("uvicorn.error", "websockets"):  # which log whole heads where they are asked for everything
        caplog.set_level(logging.INFO, logger=name)

    async def chat(scope, receive, send):
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        text = (await receive())["text"]
        caller = Caller.of_scope(scope)
        await send({"type": "websocket.send", "text": f"{text} {scope['path']} {caller.subject}"})
        await send({"type": "websocket.close"})

    async def scenario():
        world = World()
        async with served(AsgiDoor(chat, Ready(world.engine)), lifespan="off") as port:
            url = f"ws://127.0.0.1:{port}/bank/tick%65r"
            bearer = {"authorization": f"Bearer {world.tokens['person']}", "x-user": "root"}
            async with websockets.connect(url, additional_headers=bearer) as socket:
                await socket.send("hello")
                assert await socket.recv() == "hello /bank/ticker u1"
            for headers, status in (({}, 401), ({"authorization": "Bearer x"}, 401)):
                with pytest.raises(websockets.InvalidStatus) as refused:
                    async with websockets.connect(url, additional_headers=headers):
                        pass
                answer = refused.value.response
                assert answer.status_code == status
                assert answer.headers["www-authenticate"].startswith("Bearer ")

    asyncio.run(scenario())


_HEADERS = st.tuples(
    st.sampled_from(
        [b"authorization", b"host", b"content-length", b"cookie", b"connection", b"x", b"upgrade"]
    ),
    st.sampled_from([b"", b"Bearer x", b"=tokenward=2; a=1", b"authorization, x"]) | st.binary(max_size=12),
)
_PATHS = st.sampled_from([b"/weather/about", b"/about", b"/.well-known/tokenward/health"]) | st.binary(
    max_size=20
)


@given(
    path=_PATHS,
    query=st.binary(max_size=20),
    headers=st.lists(_HEADERS, max_size=5),
    method=st.sampled_from(["GET", "HEAD", "POST", "get", ""]),
    root=st.sampled_from(["", "/", "/weather", "/weather/", "x"]) | st.text(max_size=5),
)
@settings(deadline=None)
def test_no_request_makes_the_door_raise_or_fail(path, query, headers, method, root):
    inner = Recorder()
    scope = http_scope("/", raw_path=path, query_string=query, headers=headers, method=method, root_path=root)
    start, *_ = asyncio.run(ask(AsgiDoor(inner, Ready(World().engine)), scope))
    assert start["status"] < 500
    assert (inner.scope is not None) <= (start["status"] == 200)
    if inner.scope is not None:  # whatever was asked: the one path that anybody may call
        assert inner.scope["path"] == "/weather/about"


@pytest.mark.parametrize("how", ["revoked", "expired", "the process ends", "nothing happened"])
def test_an_open_websocket_ends_with_its_credential(how):
    seen_by_the_application, sent = [], []

    async def chat(scope, receive, send):
        seen_by_the_application.append((await receive())["type"])
        await send({"type": "websocket.accept"})
        seen_by_the_application.append((await receive())["type"])
        await send({"type": "websocket.send", "text": "after the end"})
        seen_by_the_application.append((await receive())["type"])

    async def scenario():
        world = World()
        ready, token = Ready(world.engine), world.tokens["person"]
        headers = [(b"upgrade", b"websocket"), (b"authorization", f"Bearer {token}".encode())]
        scope = http_scope("/bank/ticker", headers=headers) | {"type": "websocket"}
        coming = asyncio.Queue()
        coming.put_nowait({"type": "websocket.connect"})

        async def send(message):
            sent.append(message)

        task = asyncio.create_task(AsgiDoor(chat, ready)(scope, coming.get, send))
        while not sent:  # noqa: ASYNC110 - it is accepted in the next turns of the loop
            await asyncio.sleep(0)
        await ready.running.look()
        if how == "revoked":
            facts = world.known.pop(token)
            world.engine.verified.on_event(FeedEvent(1, "token", facts.token_id, 0))
        elif how == "expired":
            world.clock.advance(601)
        await ready.running.look()
        if how == "the process ends":
            ready.running.leave()
        if how == "nothing happened":
            coming.put_nowait({"type": "websocket.receive", "text": "hello"})
            coming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(task, 10)
        assert ready.running._held == set()

    asyncio.run(scenario())
    if how == "nothing happened":
        assert seen_by_the_application[1:] == ["websocket.receive", "websocket.disconnect"]
        assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send"]
    else:
        assert seen_by_the_application[1:] == ["websocket.disconnect"] * 2
        assert sent == [{"type": "websocket.accept"}, {"type": "websocket.close", "code": 1008}]
