"""What FastAPI's dependency makes of a decision, and what it says in the application's document."""

import asyncio
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Security, WebSocket
from openapi_spec_validator import validate

from gateway.inner import Ready
from gateway.world import World
from tokenward.gateway.doors.asgi import AsgiDoor
from tokenward.gateway.openapi import ApiRules, operations
from tokenward.middleware import Caller, Undecided
from tokenward.middleware.fastapi import CurrentCaller

current_caller = CurrentCaller(issuer="https://login.example")
Anybody = Annotated[Caller, Security(current_caller)]
Reader = Annotated[Caller, Security(current_caller, scopes=["accounts:read"])]
Admin = Annotated[Caller, Security(current_caller, scopes=["admin"])]
MODERATE = {"x-tokenward-risk": "moderate"}


async def subject(caller: Reader, number: str) -> str | None:
    return number and caller.subject


async def anybody(caller: Anybody) -> bool:
    return caller.anonymous


def ask(app, path, token=None, *, door=True, root_path=""):
    world = World()
    headers = {"authorization": f"Bearer {world.tokens[token]}"} if token else {}

    async def request():
        inner = AsgiDoor(app, Ready(world.engine)) if door else app
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(inner, root_path=root_path), base_url="http://a", headers=headers
        ) as client:
            return await client.get(path)

    return asyncio.run(request())


def application(*routes):
    app = FastAPI()
    for path, endpoint in routes:
        app.get(path, openapi_extra=MODERATE)(endpoint)
    return app


def test_an_endpoint_gets_the_caller():
    app = application(("/bank/accounts/{number}", subject), ("/weather/about", anybody))
    assert ask(app, "/bank/accounts/7", "reader").json() == "shop"
    assert ask(app, "/weather/about").json() is True
    assert ask(app, "/bank/accounts/7").status_code == 401


def test_a_scope_that_only_the_code_names_is_needed_too():
    async def endpoint(caller: Admin) -> str | None:
        return caller.subject

    app = application(("/bank/accounts/{id}", endpoint), ("/weather/about", endpoint))
    answer = ask(app, "/bank/accounts/7", "reader")
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"].startswith('Bearer realm="bank", error="insufficient_scope"')
    assert answer.headers["www-authenticate"].endswith('scope="admin"')
    answer = ask(app, "/weather/about")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="weather"')


def test_without_the_middleware_nothing_works():
    app = application(("/weather/about", anybody))
    with pytest.raises(Undecided):
        ask(app, "/weather/about", door=False)


@pytest.mark.parametrize("first", ["/bank/accounts/{id}", "/bank/{kind}/me"])
def test_a_router_that_goes_elsewhere_than_the_policy_meant_is_found_out(first):
    app = application((first, anybody), ("/bank/accounts/me", anybody))
    with pytest.raises(RuntimeError, match="GET /accounts/me, and the application routes to"):
        ask(app, "/bank/accounts/me", "person")


def test_a_route_that_takes_several_segments_for_one_is_found_out():
    app = application(("/{rest:path}", anybody), ("/bank/accounts/{number}", subject))
    with pytest.raises(RuntimeError, match=r"GET /accounts/\{id\}, and the application routes to"):
        ask(app, "/bank/accounts/7", "reader")


def test_a_route_of_an_included_router_or_of_a_mounted_application_is_its_operations():
    router = APIRouter(prefix="/bank/accounts")
    router.get("/{number}")(subject)
    app = FastAPI()
    app.include_router(router)
    assert ask(app, "/bank/accounts/7", "reader").json() == "shop"
    outer = FastAPI()
    outer.mount("/bank", application(("/accounts/{number}", subject)))
    assert ask(outer, "/bank/accounts/7", "reader").json() == "shop"
    behind_a_prefix = application(("/accounts/{number}", subject))
    assert ask(behind_a_prefix, "/bank/accounts/7", "reader", root_path="/bank").json() == "shop"


def test_what_stands_at_the_routes_is_a_policy():
    app = application(("/accounts/{number}", subject))
    document = app.openapi()
    validate(document)
    allowed, problems = operations(document, ApiRules(None, {}))
    assert problems == []
    assert [(it.label, it.tier.name, it.scopes) for it in allowed] == [
        ("GET /accounts/{number}", "moderate", frozenset({"accounts:read"}))
    ]
    (scheme,) = document["components"]["securitySchemes"].values()
    assert scheme["openIdConnectUrl"] == "https://login.example/.well-known/openid-configuration"


def test_a_websocket_gets_the_caller():
    app = FastAPI()

    @app.websocket("/bank/ticker")
    async def endpoint(socket: WebSocket, caller: Reader):
        await socket.accept()
        await socket.send_text(f"{caller.operation} {caller.subject}")

    async def scenario():
        world, sent = World(), []
        scope = {
            "type": "websocket",
            "path": "/bank/ticker",
            "raw_path": b"/bank/ticker",
            "query_string": b"",
            "headers": [
                (b"upgrade", b"websocket"),
                (b"authorization", f"Bearer {world.tokens['reader']}".encode()),
            ],
            "subprotocols": [],
        }
        messages = [{"type": "websocket.connect"}]

        async def receive():
            return messages.pop() if messages else {"type": "websocket.disconnect", "code": 1000}

        async def send(message):
            sent.append(message)

        await AsgiDoor(app, Ready(world.engine))(scope, receive, send)
        return sent

    assert asyncio.run(scenario())[1]["text"] == "GET /ticker shop"
