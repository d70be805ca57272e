import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from tokens.attacks import AUDIENCE, ISSUER, NOW, Kit
from tokenward import InvalidToken, JwksSource, JwtValidator
from tokenward.base.clock import ManualClock
from tokenward.tokens.jwks import MAX_AGE, MAX_BYTES, KeysUnavailable
from tokenward.tokens.keys import SigningKey

KIT = Kit()
URL = "https://issuer.example/jwks"


class Server:
    """Stands in for the issuer: counts what it is asked and answers with `keys`, or fails."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = keys
        self.asked = 0
        self.down = False

    def get(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        if self.down:
            raise OSError("no route")
        return json.dumps({"keys": [key.public_jwk() for key in self.keys]}).encode()

    async def get_async(self, url: str) -> bytes:
        await asyncio.sleep(0)
        return self.get(url)


Find = Callable[[JwksSource, str | None], object]
WAYS: dict[str, Find] = {
    "blocking": lambda source, kid: source.find(kid),
    "async": lambda source, kid: asyncio.run(source.find_async(kid)),
}
both_ways = pytest.mark.parametrize("find", WAYS.values(), ids=WAYS)


def source_of(server: Server, clock: ManualClock) -> JwksSource:
    return JwksSource(URL, fetch=server.get, fetch_async=server.get_async, ttl=300, clock=clock)


@both_ways
def test_keys_are_fetched_once_and_again_when_old(find: Find):
    server, clock = Server(KIT.key), ManualClock()
    source = source_of(server, clock)
    assert server.asked == 0
    for _ in range(3):
        assert [key.kid for key in find(source, KIT.key.kid)] == [KIT.key.kid]
    assert server.asked == 1
    clock.advance(301)
    find(source, KIT.key.kid)
    assert server.asked == 2


@both_ways
def test_a_new_key_is_found_by_its_kid(find: Find):
    server, clock = Server(KIT.key), ManualClock()
    source = source_of(server, clock)
    find(source, KIT.key.kid)
    server.keys = (KIT.key, KIT.stranger)
    clock.advance(11)
    assert KIT.stranger.kid in [key.kid for key in find(source, KIT.stranger.kid)]


@both_ways
def test_invented_kids_cause_one_fetch_in_ten_seconds(find: Find):
    server, clock = Server(KIT.key), ManualClock()
    source = source_of(server, clock)
    find(source, KIT.key.kid)
    for second in range(20):
        find(source, f"invented-{second}")
        clock.advance(1)
    assert server.asked == 2


@both_ways
def test_the_last_good_set_is_kept_while_the_issuer_is_down(find: Find):
    server, clock = Server(KIT.key), ManualClock()
    source = source_of(server, clock)
    find(source, KIT.key.kid)
    server.down = True
    clock.advance(301)
    for _ in range(3):
        assert find(source, KIT.key.kid)
    assert server.asked == 2
    server.down = False
    clock.advance(11)
    find(source, KIT.key.kid)
    assert server.asked == 3


@both_ways
def test_the_last_good_set_is_not_believed_for_ever(find: Find):
    server, clock = Server(KIT.key), ManualClock()
    source = source_of(server, clock)
    find(source, KIT.key.kid)
    server.down = True
    clock.advance(MAX_AGE + 1)
    with pytest.raises(KeysUnavailable):
        find(source, KIT.key.kid)


@both_ways
def test_an_unknown_kid_while_the_issuer_is_down_is_not_known_to_be_bad(find: Find):
    server, clock = Server(KIT.key), ManualClock()
    source = source_of(server, clock)
    find(source, KIT.key.kid)
    server.down = True
    clock.advance(11)
    with pytest.raises(KeysUnavailable):
        find(source, "new")
    assert find(source, KIT.key.kid)


@both_ways
def test_without_any_keys_it_is_tried_again_after_a_second(find: Find):
    server, clock = Server(KIT.key), ManualClock()
    server.down = True
    source = source_of(server, clock)
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            find(source, KIT.key.kid)
    assert server.asked == 1
    server.down = False
    clock.advance(1)
    assert find(source, KIT.key.kid)


def bodies() -> dict[str, bytes]:
    jwk = KIT.key.public_jwk()
    return {
        "no JSON": b"<html>",
        "a name twice": b'{"keys":[],"keys":[]}',
        "a private key": json.dumps({"keys": [jwk | {"d": "AA"}]}).encode(),
        "too large": json.dumps({"keys": [jwk], "x": "x" * MAX_BYTES}).encode(),
    }


@pytest.mark.parametrize("body", bodies().values(), ids=bodies())
def test_a_bad_set_is_as_good_as_none(body: bytes, caplog: pytest.LogCaptureFixture):
    source = JwksSource(URL, fetch=lambda _: body, clock=ManualClock())
    with pytest.raises(KeysUnavailable):
        source.find(None)
    assert "was not refreshed: " in caplog.text


@both_ways
def test_the_last_key_can_be_withdrawn(find: Find):
    server, clock = Server(KIT.key), ManualClock()
    source = source_of(server, clock)
    find(source, KIT.key.kid)
    server.keys = ()
    clock.advance(301)
    with pytest.raises(KeysUnavailable):
        find(source, KIT.key.kid)
    server.keys = (KIT.stranger,)
    clock.advance(1)
    assert [key.kid for key in find(source, KIT.stranger.kid)] == [KIT.stranger.kid]


def test_threads_that_wait_for_the_first_set_share_one_fetch():
    server, clock = Server(KIT.key), ManualClock()
    entered, go = threading.Event(), threading.Event()

    def slow(url: str) -> bytes:
        entered.set()
        go.wait(5)
        return server.get(url)

    source = JwksSource(URL, fetch=slow, clock=clock)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(source.find(KIT.key.kid))) for _ in range(8)]
    for thread in threads:
        thread.start()
    entered.wait(5)
    go.set()
    for thread in threads:
        thread.join(5)
    assert len(found) == 8
    assert server.asked == 1


def test_a_thread_that_has_its_key_does_not_wait_for_the_refresh():
    server, clock = Server(KIT.key), ManualClock()
    entered, go = threading.Event(), threading.Event()
    source = source_of(server, clock)
    source.find(None)

    def slow(url: str) -> bytes:
        entered.set()
        assert go.wait(5)
        return server.get(url)

    source._fetch = slow
    clock.advance(301)
    refreshing = threading.Thread(target=source.find, args=(KIT.key.kid,))
    refreshing.start()
    entered.wait(5)
    assert source.find(KIT.key.kid)  # would hang until `go` if it waited
    go.set()
    refreshing.join(5)


def test_tasks_share_one_fetch_and_survive_the_cancellation_of_the_first():
    server = Server(KIT.key)

    async def run() -> None:
        go = asyncio.Event()

        async def slow(url: str) -> bytes:
            await go.wait()
            return server.get(url)

        source = JwksSource(URL, fetch=server.get, fetch_async=slow)
        tasks = [asyncio.create_task(source.find_async(KIT.key.kid)) for _ in range(8)]
        await asyncio.sleep(0.01)
        tasks[0].cancel()
        await asyncio.sleep(0)
        go.set()
        first, *others = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(first, asyncio.CancelledError)
        assert all(isinstance(keys, tuple) for keys in others)

    asyncio.run(run())
    assert server.asked == 1


def test_a_blocking_fetch_serves_async_callers_too():
    server = Server(KIT.key)
    source = JwksSource(URL, fetch=server.get)
    assert asyncio.run(source.find_async(None))


def test_the_validator_says_when_keys_cannot_be_had():
    server, clock = Server(KIT.key), ManualClock(NOW)
    server.down = True
    strict = JwtValidator(
        issuer=ISSUER, audience=AUDIENCE, keys=source_of(server, clock), algorithms=["ES256"], clock=clock
    )
    for validate in (strict.validate, lambda token: asyncio.run(strict.validate_async(token))):
        with pytest.raises(InvalidToken) as caught:
            validate(KIT.token())
        assert caught.value.code == "keys_unavailable"
    server.down = False
    clock.advance(2)
    assert strict.validate(KIT.token()).subject == "user-1"


def test_a_hopeless_token_causes_no_fetch():
    server, clock = Server(KIT.key), ManualClock(NOW)
    strict = JwtValidator(
        issuer=ISSUER, audience=AUDIENCE, keys=source_of(server, clock), algorithms=["ES256"], clock=clock
    )
    for token in ("x", KIT.token(KIT.header(typ="JWT")), KIT.token(KIT.header(alg="none"))):
        with pytest.raises(InvalidToken):
            strict.validate(token)
    assert server.asked == 0


def test_importing_the_package_loads_no_http_client_and_no_server():
    heavy = "{'httpx', 'httpcore', 'starlette', 'fastapi', 'sqlalchemy', 'pydantic', 'aiohttp'}"
    program = f"import sys, tokenward; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
