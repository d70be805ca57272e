"""Browser apps of a configuration, put together: side by side, and in several processes."""

import asyncio
import contextlib
import threading
from http.cookies import SimpleCookie

import pytest

from app.test_browser_settings import APP
from app.test_config import GOOD, write  # noqa: F401 - the fixture
from databases import postgres_database
from shared_sessions import on_a_loop
from tokenward.app.browser_apps import browser_apps
from tokenward.app.browser_limits import AT_ONCE
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.initialise import make_secrets
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.problems import Refusal
from tokenward.base.secret import Secret
from tokenward.client.record import Record
from tokenward.client.token import Token
from tokenward.client.web.answers import WebAnswer
from tokenward.client.web.session_tokens import SessionTokens

OTHER = """\
  other:
    url: http://localhost:8000
    client_id: other
    client_secret: env:OTHER_SECRET
    scopes: [openid]
    apis: [bank]
"""


def signed_in(served):
    """The name of a session that begins in this process, and its token."""
    now = SYSTEM_CLOCK.time()
    token = Token(
        value=Secret(f"token of {served.app.name}"), scope=(), obtained_at=now, expires_at=now + 600
    )
    claims = {"sub": "ada", "iat": now}
    scope = {"headers": []}
    header = served.routes._sessions.start(scope, claims, Secret("id"), Record(token, None))
    ((_, morsel),) = SimpleCookie(header[1].decode()).items()
    return morsel.value


@pytest.fixture(params=["sqlite", "postgresql"])
def processes(request, write, tmp_path):  # noqa: F811
    """The applications as two gateway processes have them, each with connections of its own."""
    make_secrets(tmp_path)
    with contextlib.ExitStack() as stack:
        text = GOOD + APP + OTHER
        if request.param == "postgresql":
            text = text.replace("sqlite:data/tokenward.db", stack.enter_context(postgres_database()))
        configuration = load(write(text)).configuration
        yield (*stack.enter_context(gateways(configuration)), configuration)


@contextlib.contextmanager
def gateways(configuration, **named):
    """Their applications; the event loop of both is on a thread of its own."""

    async def opened(stack):
        grounds = [await stack.enter_async_context(foundation(configuration, **named)) for _ in range(2)]
        return [browser_apps(ground) for ground in grounds]

    with on_a_loop() as (run, _):
        stack = contextlib.AsyncExitStack()
        try:
            yield run(opened(stack))
        finally:
            run(stack.aclose())


def test_a_session_is_known_to_every_process_and_to_no_other_application(processes):
    one, two, _ = processes
    name = signed_in(one._served[0])
    assert asyncio.run(two._served[0].app.tokens.token(name)) == "token of shop"
    for stranger in (one._served[1], two._served[1]):
        with pytest.raises(Refusal, match="session_ended"):
            asyncio.run(stranger.app.tokens.token(name))
    one._served[0].routes._sessions.end(
        {"headers": [(b"cookie", f"{one._served[0].app.cookie.name}={name}".encode())]}
    )
    with pytest.raises(Refusal, match="session_ended"):
        asyncio.run(two._served[0].app.tokens.token(name))


def test_a_session_that_ends_while_its_token_is_fetched_gets_none(processes, monkeypatch):
    one, two, _ = processes
    name = signed_in(one._served[0])
    cookie = f"{one._served[0].app.cookie.name}={name}".encode()
    real = SessionTokens.token

    def slowly(source):
        token = real(source)
        two._served[0].routes._sessions.end({"headers": [(b"cookie", cookie)]})
        return token

    monkeypatch.setattr(SessionTokens, "token", slowly)
    with pytest.raises(Refusal, match="session_ended"):
        asyncio.run(one._served[0].app.tokens.token(name))


def test_each_application_answers_at_its_own_origin_and_has_its_own_cookie(processes):
    one, _, configuration = processes
    shop, other = one._served
    assert shop.app.cookie.name != other.app.cookie.name
    assert other.app.cookie.name.startswith("tokenward-")

    def found(host, path):
        headers = [(b"host", host)] if host else []
        return one._found({"headers": headers, "raw_path": path})

    assert found(b"127.0.0.1:8000", b"/bff/session") is shop.routes
    assert found(b"LOCALHOST:8000", b"/bff/session") is other.routes
    for host, path in (
        (b"evil.example", b"/bff/session"),
        (b"", b"/bff/session"),
        (b"localhost:8000", b"/bff/%73ession"),
        (b"localhost:8000", b"/bff/sign-out"),
        (b"localhost:8000", b"/bff/"),
    ):
        assert found(host, path) is None, (host, path)
    (api,) = one.admitted(configuration.policy).apis
    assert {host: app.name for host, app in api.apps.items()} == {
        "127.0.0.1:8000": "shop",
        "localhost:8000": "other",
    }


async def ask(door, peer, path=b"/bff/login"):
    """The status and headers of an answer to a request from that address."""
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    await door(
        {
            "type": "http", "method": "GET", "scheme": "http", "path": path.decode(), "raw_path": path,
            "query_string": b"", "headers": [(b"host", b"127.0.0.1:8000")], "client": (peer, 1),
        },
        receive,
        send,
    )  # fmt: skip
    return sent[0]["status"], dict(sent[0]["headers"])


def test_who_asks_for_many_sign_ins_at_once_holds_up_no_session_and_no_other_address(processes, monkeypatch):
    one, _, _ = processes
    shop = one._served[0]
    name, go_on = signed_in(one._served[0]), threading.Event()

    def slow(_scope, _body):
        assert go_on.wait(20)
        return WebAnswer(200)

    monkeypatch.setitem(shop.routes.table, "login", ("GET", slow))
    door = one.before(None)

    async def scenario():
        waiting = [
            asyncio.create_task(ask(door, peer))
            for peer in (*(f"192.0.2.{number}" for number in range(1, 6)), "2001:db8::1", "2001:db8::2")
            for _ in range(AT_ONCE)
        ]
        try:
            await asyncio.sleep(0)
            status, headers = await asyncio.wait_for(ask(door, "192.0.2.1", b"/bff/session"), 10)
            assert (status, headers[b"retry-after"]) == (429, b"1")
            assert (await ask(door, "2001:db8::ffff"))[0] == 429
            assert await asyncio.wait_for(shop.app.tokens.token(name), 10) == "token of shop"
        finally:
            go_on.set()
        statuses = sorted([status for status, _ in await asyncio.gather(*waiting)])
        assert statuses == [200] * (6 * AT_ONCE) + [429] * AT_ONCE
        assert (await ask(door, "192.0.2.1"))[0] == 200, "afterwards it may ask again"
        assert not one._limits._under_way

    asyncio.run(scenario())


def test_two_applications_that_are_one_client_have_sessions_of_their_own(write, tmp_path):  # noqa: F811
    make_secrets(tmp_path)
    same = OTHER.replace("client_id: other", "client_id: shop")
    with gateways(load(write(GOOD + APP + same)).configuration) as (one, _):
        shop, other = one._served
        assert shop.app.cookie.name != other.app.cookie.name
        name = signed_in(shop)
        with pytest.raises(Refusal, match="session_ended"):
            asyncio.run(other.app.tokens.token(name))


def test_a_token_that_was_refused_is_given_to_nobody_again(processes):
    one, _, _ = processes
    name, tokens = signed_in(one._served[0]), one._served[0].app.tokens
    assert [asyncio.run(tokens.token(name)) for _ in range(2)] == ["token of shop"] * 2
    assert asyncio.run(tokens.token(name, refused="another")) == "token of shop"
    with pytest.raises(Refusal, match="unavailable"):  # nobody is there who would give the next one
        asyncio.run(tokens.token(name, refused="token of shop"))
