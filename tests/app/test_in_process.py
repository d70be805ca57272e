"""An application that protects itself: its engine's life in somebody else's server."""

import asyncio
import contextlib
import subprocess
import sys

import httpx
import pytest

from app.test_compromised_key import API, DOCUMENT
from gateway.inner import INNER, flask_app, starlette_app
from tokenward.app import in_process
from tokenward.app.foundation import foundation
from tokenward.app.initialise import initialise
from tokenward.base.problems import Refusal
from tokenward.middleware import TokenwardMiddleware, TokenwardWsgiMiddleware
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import AccessToken
from tokenward.tokens import opaque

URL = "http://127.0.0.1:9100"


@pytest.fixture
def config(tmp_path):
    initialise(tmp_path)
    path = tmp_path / "tokenward.yaml"
    itself = API.replace("upstream: http://127.0.0.1:9003", f"url: {URL}")
    path.write_text(path.read_text().replace("\napis: {}\n", itself))
    (tmp_path / "notes.yaml").write_text(DOCUMENT)
    return path


async def issue(ground, audience=URL):
    token, now = opaque.new("at"), ground.clock.time()
    text = token.secret.reveal()
    await ground.store.add_access_token(
        AccessToken(
            token.token_id,
            opaque.keyed_hash(ground.peppers[0], text),
            None,
            "app",
            None,
            ("notes:read",),
            audience,
            "client_secret",
            now,
            now + 600,
        )
    )
    return token.token_id, {"authorization": f"Bearer {text}"}


@contextlib.asynccontextmanager
async def lifespan(app):
    """What a server does around the requests."""
    told, answers = asyncio.Queue(), asyncio.Queue()
    running = asyncio.create_task(app({"type": "lifespan", "state": {}}, told.get, answers.put))
    told.put_nowait({"type": "lifespan.startup"})
    answer = await asyncio.wait_for(answers.get(), 10)
    try:
        yield answer
    finally:
        told.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait_for(running, 10)


def client(app):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL)


def test_a_token_opens_the_application_until_it_is_revoked(config):
    async def scenario():
        app = TokenwardMiddleware(starlette_app(), config=config, api="notes")
        async with lifespan(app) as begun, client(app) as http:
            assert begun["type"] == "lifespan.startup.complete"
            async with foundation(in_process.configured(config, "notes")) as ground:
                token_id, bearer = await issue(ground)
                _, foreign = await issue(ground, audience="http://127.0.0.1:8000/notes")
                assert (await http.get("/notes")).status_code == 401
                assert (await http.get("/notes", headers=foreign)).status_code == 401
                answer = await http.get("/notes", headers=bearer)
                assert (answer.status_code, answer.headers[INNER]) == (200, "1")
                assert answer.json()["caller"]["token_id"] == token_id
                await ground.store.revoke_token(token_id, at=ground.clock.time())
            for _ in range(500):
                answer = await http.get("/notes", headers=bearer)
                if answer.status_code != 200:
                    break
                await asyncio.sleep(0.01)
            assert answer.status_code == 401

    asyncio.run(scenario())


def test_an_open_websocket_is_closed_when_its_token_is_revoked(config):
    websocket = "{scopes: [notes:read], websocket: true}"
    config.write_text(config.read_text().replace("{scopes: [notes:read]}", websocket))

    async def until_the_end(_scope, receive, send):
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        assert (await receive()) == {"type": "websocket.disconnect", "code": 1008}

    async def scenario():
        app = TokenwardMiddleware(until_the_end, config=config, api="notes")
        async with foundation(in_process.configured(config, "notes")) as ground:
            token_id, bearer = await issue(ground)
            headers = [(name.encode(), value.encode()) for name, value in bearer.items()]
            headers.append((b"upgrade", b"websocket"))
            scope = {"type": "websocket", "path": "/notes", "raw_path": b"/notes", "query_string": b""}
            coming, told = asyncio.Queue(), asyncio.Queue()
            coming.put_nowait({"type": "websocket.connect"})
            open_socket = asyncio.create_task(app(scope | {"headers": headers}, coming.get, told.put))
            assert (await asyncio.wait_for(told.get(), 10))["type"] == "websocket.accept"
            await ground.store.revoke_token(token_id, at=ground.clock.time())
            assert (await asyncio.wait_for(told.get(), 10)) == {"type": "websocket.close", "code": 1008}
            await asyncio.wait_for(open_socket, 10)
        await app._engines.close()

    asyncio.run(scenario())


def test_without_a_lifespan_the_first_request_starts_the_engine(config):
    async def scenario():
        app = TokenwardMiddleware(starlette_app(), config=config, api="notes")
        async with client(app) as http:
            answers = await asyncio.gather(*(http.get("/notes") for _ in range(5)))
            assert {answer.status_code for answer in answers} == {401}
        await app._engines.close()

    asyncio.run(scenario())


async def no_lifespan(scope, receive, send):
    raise ValueError("no lifespan")


def test_an_application_that_knows_no_lifespan_is_protected_all_the_same(config):
    async def scenario():
        app = TokenwardMiddleware(no_lifespan, config=config, api="notes")
        with pytest.raises(ValueError, match="no lifespan"):
            await app({"type": "lifespan"}, None, None)
        async with client(app) as http:
            assert (await http.get("/notes")).status_code == 401
        await app._engines.close()

    asyncio.run(scenario())


def test_after_a_clean_end_it_may_run_on_another_loop(config):
    app = TokenwardMiddleware(starlette_app(), config=config, api="notes")

    async def once():
        async with lifespan(app), client(app) as http:
            return (await http.get("/notes")).status_code

    assert [asyncio.run(once()) for _ in range(2)] == [401, 401]


def test_two_loops_at_once_are_refused(config):
    app = TokenwardMiddleware(starlette_app(), config=config, api="notes")

    async def once():
        async with client(app) as http:
            await http.get("/notes")
        running = app._engines._running
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(once())
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(once())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (f"url: {URL}", "upstream: http://127.0.0.1:9003", "no API 'notes' with a `url` of its own"),
        ("notes.yaml", "absent.yaml", "tokenward.yaml:"),
        ("risk: moderate", "risk: severe", "tokenward.yaml:"),
    ],
)
def test_a_configuration_with_an_error_starts_nothing(config, old, new, told):
    config.write_text(config.read_text().replace(old, new))
    for middleware, app in ((TokenwardMiddleware, None), (TokenwardWsgiMiddleware, None)):
        with pytest.raises(ValueError, match=told):
            middleware(app, config=config, api="notes")


def test_a_secret_that_is_none_fails_the_start_and_is_not_told(config, caplog):
    (config.parent / "data" / "master.key").write_text("not a key at all")

    async def scenario():
        app = TokenwardMiddleware(starlette_app(), config=config, api="notes")
        async with lifespan(app) as answer:
            assert answer["type"] == "lifespan.startup.failed"
            assert "master_key" in answer["message"]
            assert "not a key" not in answer["message"] + caplog.text

    asyncio.run(scenario())


def test_what_ends_the_engine_lets_nobody_in_until_it_has_started_anew(config, monkeypatch, caplog):
    monkeypatch.setattr(in_process, "RETRY_SECONDS", 0.05)
    real, broken = in_process.foundation, [True]

    @contextlib.asynccontextmanager
    async def failing(*args, **kwargs):
        if broken[0]:
            raise StoreUnavailable("a secret place")
        async with real(*args, **kwargs) as ground:
            yield ground

    monkeypatch.setattr(in_process, "foundation", failing)

    async def scenario():
        app = TokenwardMiddleware(starlette_app(), config=config, api="notes")
        async with lifespan(app) as begun, client(app) as http:
            assert begun["type"] == "lifespan.startup.complete"  # the store may come back
            answer = await http.get("/notes")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert INNER not in answer.headers
            broken[0] = False
            await asyncio.sleep(0.06)
            assert (await http.get("/notes")).status_code == 401
            # Whatever runs beside the engine has failed: it ends with it.
            engine = await app._engines.engine()
            monkeypatch.setattr(type(engine), "fresh", lambda _: True)
            app._engines._running.cancel()
            await asyncio.sleep(0.06)
            assert (await http.get("/notes")).status_code == 401
            assert await app._engines.engine() is not engine

    asyncio.run(scenario())
    assert "StoreUnavailable" in caplog.text
    assert "a secret place" not in caplog.text


def test_nobody_waits_for_ever_for_an_engine_that_does_not_start(config, monkeypatch):
    monkeypatch.setattr(in_process, "START_SECONDS", 0.05)
    monkeypatch.setattr(in_process, "deciding", lambda *_, **__: asyncio.Event().wait())

    async def scenario():
        engines = in_process.InProcess(in_process.configured(config, "notes"), "notes", "asgi")
        with pytest.raises(Refusal):
            await engines.engine()
        await engines.close()

    asyncio.run(scenario())


def test_a_flask_application_protects_itself(config):
    inner = flask_app()
    app = TokenwardWsgiMiddleware(inner, config=config, api="notes")

    async def prepared():
        async with foundation(in_process.configured(config, "notes")) as ground:
            return (await issue(ground))[1]

    bearer = asyncio.run(prepared())
    with httpx.Client(transport=httpx.WSGITransport(app), base_url=URL) as http:
        assert http.get("/notes").status_code == 401
        answer = http.get("/notes", headers=bearer)
        assert (answer.status_code, answer.headers[INNER]) == (200, "1")
    app._door._ask.__self__.close()


def test_proofs_are_for_the_url_of_the_api(config):
    async def scenario():
        engines = in_process.InProcess(in_process.configured(config, "notes"), "notes", "asgi")
        engine = await engines.engine()
        assert engine._means.proofs._origin == URL
        document = engine.resource_metadata("/.well-known/oauth-protected-resource")
        assert URL.encode() in document
        await engines.close()

    asyncio.run(scenario())


def test_a_process_that_ends_ends_the_engine_in_silence(config):
    program = """
import io, sys
from tokenward.middleware import TokenwardWsgiMiddleware
app = TokenwardWsgiMiddleware(None, config=sys.argv[1], api="notes")
environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/notes", "wsgi.input": io.BytesIO()}
app(environ, lambda status, headers: print(status))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, config], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "401 Unauthorized\n")
    assert [line for line in done.stderr.splitlines() if "reason=no_credential" not in line] == []
