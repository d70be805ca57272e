import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tokens.attacks import AUDIENCE, ISSUER, NOW, Kit
from tokenward import InvalidToken, JwksSource, JwtValidator
from tokenward.base.clock import ManualClock
from tokenward.base.outbound import OutboundClient
from tokenward.tokens import jwks
from tokenward.tokens.flight import Flight
from tokenward.tokens.jwks import MAX_AGE, MAX_BYTES
from tokenward.tokens.key_source import KeysUnavailable
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


def blocking(source: JwksSource, kid: str | None) -> object:
    """Find, and let a fetch in the background end before the test goes on."""
    keys = source.find(kid)
    settle(source)
    return keys


def in_a_loop(source: JwksSource, kid: str | None) -> object:
    async def find() -> object:
        keys = await source.find_async(kid)
        await settle_async(source)
        return keys

    return asyncio.run(find())


def settle(source: JwksSource) -> None:
    flight = source._flight
    if flight is not None:
        assert flight.wait(5)


async def settle_async(source: JwksSource) -> None:
    flight = source._flight
    if flight is not None:
        await flight.wait_async(5)


WAYS: dict[str, Find] = {"blocking": blocking, "async": in_a_loop}
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


@both_ways
def test_the_next_set_is_fetched_ahead_of_need_and_nobody_waits(find: Find):
    server, clock = Server(KIT.key), ManualClock()
    source = source_of(server, clock)
    find(source, KIT.key.kid)
    server.keys = (KIT.stranger,)
    clock.advance(239)
    find(source, KIT.key.kid)
    assert server.asked == 1
    clock.advance(2)
    assert find(source, KIT.key.kid)  # the old set still
    assert server.asked == 2
    assert [key.kid for key in find(source, KIT.stranger.kid)] == [KIT.stranger.kid]
    assert server.asked == 2


class Gate:
    """A fetch that is told when to go on."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.entered, self.go = threading.Event(), threading.Event()

    def get(self, url: str) -> bytes:
        self.entered.set()
        assert self.go.wait(5)
        return self.server.get(url)


def test_callers_go_on_with_the_old_set_while_the_next_one_is_fetched():
    server, clock = Server(KIT.key), ManualClock()
    source = JwksSource(URL, fetch=server.get, clock=clock)
    source.find(None)
    gate = Gate(server)
    source._fetch = gate.get
    clock.advance(250)
    threads = threading.active_count()
    for _ in range(100):
        assert source.find(KIT.key.kid)  # would hang until `go` if it waited
        assert asyncio.run(source.find_async(KIT.key.kid))
    assert gate.entered.wait(5)
    assert server.asked == 1
    assert threading.active_count() == threads + 1
    gate.go.set()
    settle(source)
    assert server.asked == 2
    assert threading.active_count() <= threads + 1  # ours may still be on its last line


@both_ways
def test_after_a_pause_the_withdrawn_key_is_not_believed_once_more(find: Find):
    server, clock = Server(KIT.key), ManualClock()
    source = source_of(server, clock)
    find(source, KIT.key.kid)
    server.keys = (KIT.stranger,)
    clock.advance(3600)
    assert [key.kid for key in find(source, KIT.key.kid)] == [KIT.stranger.kid]


def test_after_a_pause_all_wait_for_one_fetch_and_none_for_one_that_failed():
    server, clock = Server(KIT.key), ManualClock()
    source = JwksSource(URL, fetch=server.get, clock=clock)
    source.find(None)
    gate = Gate(server)
    source._fetch = gate.get
    clock.advance(3600)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(source.find(KIT.key.kid))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert gate.entered.wait(5)
    assert not found
    server.down = True
    gate.go.set()
    for thread in threads:
        thread.join(5)
    assert (len(found), server.asked) == (8, 2)
    gate.go.clear()
    clock.advance(11)
    assert source.find(KIT.key.kid)
    assert source._flight is not None  # still under way, and nobody waited
    gate.go.set()
    settle(source)


def test_an_unknown_kid_is_not_known_to_be_bad_while_a_fetch_is_under_way(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jwks, "WAIT", 0.01)
    server, clock = Server(KIT.key), ManualClock()
    source = JwksSource(URL, fetch=server.get, clock=clock)
    source.find(None)
    gate = Gate(server)
    source._fetch = gate.get
    clock.advance(250)
    source.find(KIT.key.kid)
    for find in (source.find, lambda kid: asyncio.run(source.find_async(kid))):
        with pytest.raises(KeysUnavailable):
            find("new")
    gate.go.set()
    settle(source)


def test_who_comes_just_after_a_fetch_begins_no_other():
    server = Server(KIT.key)
    source = JwksSource(URL, fetch=server.get, clock=ManualClock())
    source.find(None)
    flight, ours = source._board(None)
    assert not ours
    assert flight.wait(0)
    assert source._flight is None


def test_the_failure_of_a_fetch_that_was_overtaken_says_nothing():
    server, clock = Server(KIT.key), ManualClock()
    source = JwksSource(URL, fetch=server.get, clock=clock)
    overtaken = Flight(clock.monotonic() - 1)
    source.find(None)
    source._keep(OSError(), overtaken)
    assert not source._state.failed


@both_ways
def test_the_generation_moves_with_the_content_and_only_with_it(find: Find):
    server, clock = Server(KIT.key), ManualClock()
    source = source_of(server, clock)
    assert source.generation is None
    find(source, None)
    first = source.generation
    clock.advance(241)
    assert source.generation is None  # `find` has something to do
    find(source, None)
    assert source.generation == first
    server.keys = (KIT.key, KIT.stranger)
    clock.advance(241)
    find(source, None)
    second = source.generation
    assert second not in {first, None}
    server.down = True
    clock.advance(241)
    find(source, None)
    assert source.generation == second  # until the next attempt is due
    clock.advance(10)
    assert source.generation is None
    server.down, server.keys = False, ()
    with pytest.raises(KeysUnavailable):
        find(source, "unknown")
    clock.advance(11)
    with pytest.raises(KeysUnavailable):
        find(source, "unknown")
    assert source.generation not in {first, second, None}


def test_a_set_that_is_too_old_to_be_believed_has_no_generation():
    server, clock = Server(KIT.key), ManualClock()
    source = JwksSource(URL, fetch=server.get, clock=clock)
    source.find(None)
    server.down = True
    clock.advance(MAX_AGE + 1)
    with pytest.raises(KeysUnavailable):
        source.find(None)
    assert source.generation is None


def test_event_loops_and_threads_share_one_fetch():
    server = Server(KIT.key)
    gate = Gate(server)

    async def slow(url: str) -> bytes:
        return await asyncio.to_thread(gate.get, url)

    source = JwksSource(URL, fetch=gate.get, fetch_async=slow)
    found: list[object] = []

    async def several() -> None:
        found.extend(await asyncio.gather(*[source.find_async(KIT.key.kid) for _ in range(4)]))

    threads = [threading.Thread(target=lambda: asyncio.run(several())) for _ in range(3)]
    threads += [threading.Thread(target=lambda: found.append(source.find(KIT.key.kid))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert gate.entered.wait(5)
    gate.go.set()
    for thread in threads:
        thread.join(5)
    assert (len(found), server.asked) == (16, 1)


def test_a_blocking_call_does_not_wait_for_the_loop_that_it_holds_up():
    server = Server(KIT.key)

    async def run() -> None:
        async def never(_: str) -> bytes:
            await asyncio.Event().wait()
            raise AssertionError

        source = JwksSource(URL, fetch=server.get, fetch_async=never)
        waiting = asyncio.create_task(source.find_async(None))
        await asyncio.sleep(0)
        assert source.find(KIT.key.kid)
        waiting.cancel()

    asyncio.run(run())
    assert server.asked == 1


def test_a_loop_that_ends_leaves_no_task_and_no_verdict_on_the_issuer():
    server, clock = Server(KIT.key), ManualClock()
    stuck = False

    async def fetch(url: str) -> bytes:
        if stuck:
            await asyncio.Event().wait()
        return server.get(url)

    async def find() -> object:
        return await source.find_async(KIT.key.kid)

    source = JwksSource(URL, fetch_async=fetch, clock=clock)
    asyncio.run(find())
    stuck = True
    clock.advance(250)
    assert asyncio.run(find())  # begins a fetch, and the loop ends
    stuck, server.keys = False, (KIT.stranger,)
    clock.advance(60)  # old now, and not kept for a day as if the issuer were down
    assert [key.kid for key in asyncio.run(find())] == [KIT.stranger.kid]  # type: ignore[attr-defined]


def test_a_loop_that_only_stopped_holds_nobody_up():
    server = Server(KIT.key)
    pending = True

    async def fetch(url: str) -> bytes:
        if pending:
            await asyncio.sleep(0.01)
        return server.get(url)

    source = JwksSource(URL, fetch_async=fetch, clock=(clock := ManualClock()))
    stopped = asyncio.new_event_loop()
    begun = stopped.create_task(source.find_async(None))
    stopped.run_until_complete(asyncio.sleep(0))
    assert source._flight is not None
    pending = False
    clock.advance(2)
    assert asyncio.run(source.find_async(None))
    assert server.asked == 1
    server.keys = ()  # the first one ends after the second, with older news
    assert stopped.run_until_complete(begun)
    stopped.run_until_complete(asyncio.sleep(0.05))
    stopped.close()
    assert source.find(None)


FAILURES: dict[str, BaseException] = {
    "an error": OSError(),
    "a memory error": MemoryError(),
    "a group": ExceptionGroup("several", [OSError()]),
    "stop": StopIteration(),
    "a cancellation of its own": asyncio.CancelledError(),
    "an exception of a framework": type("Timeout", (BaseException,), {})(),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_whatever_a_fetch_raises_the_last_good_set_is_kept_and_others_are_not_harmed(failure: BaseException):
    server, clock = Server(KIT.key), ManualClock()
    failing = False

    def fetch(url: str) -> bytes:
        if failing:
            raise failure
        return server.get(url)

    async def fetch_async(url: str) -> bytes:
        return fetch(url)

    for find, source in (
        (blocking, JwksSource(URL, fetch=fetch, clock=clock)),
        (in_a_loop, JwksSource(URL, fetch=fetch, clock=clock)),
        (in_a_loop, JwksSource(URL, fetch_async=fetch_async, clock=clock)),
    ):
        failing = False
        find(source, KIT.key.kid)
        failing = True
        for seconds in (250, 20):
            clock.advance(seconds)
            assert find(source, KIT.key.kid)
            assert source._state.failed
            assert source._flight is None
        clock.advance(20)
        with pytest.raises((KeysUnavailable, type(failure))):
            find(source, "unknown")
        with pytest.raises(KeysUnavailable):
            find(source, "unknown")
        failing = False
        clock.advance(20)
        assert find(source, KIT.key.kid)
        assert not source._state.failed


@pytest.mark.parametrize("body", [None, "{}", 7, [], bytearray(b"{}"), memoryview(b"{}"), object()])
def test_a_fetch_that_gives_no_bytes_gives_nothing(body: object):
    source = JwksSource(URL, fetch=lambda _: body)  # type: ignore[arg-type,return-value]
    with pytest.raises(KeysUnavailable):
        source.find(None)


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example/jwks",
        "https://127.0.0.1/jwks",
        "https://10.0.0.1/jwks",
        "https://169.254.169.254/latest",
        "https://[::1]/jwks",
        "https://good.example@127.0.0.1/jwks",
        "file:///etc/passwd",
        "",
    ],
)
def test_by_default_nothing_inside_is_asked(url: str, caplog: pytest.LogCaptureFixture):
    source = JwksSource(url)
    for find in (blocking, in_a_loop):
        with pytest.raises(KeysUnavailable):
            find(source, None)
    assert "OutboundError" in caplog.text


class Hostile(BaseHTTPRequestHandler):
    """An issuer that went bad: answers as its server's `mood` says."""

    server: "HostileServer"

    def do_GET(self) -> None:
        good = json.dumps({"keys": [KIT.key.public_jwk()]}).encode()
        many = json.dumps({"keys": [KIT.key.public_jwk() | {"kid": str(n)} for n in range(1000)]}).encode()
        mood = "good" if self.path == "/elsewhere" else self.server.mood
        status = {"redirect": 302, "error": 500, "unavailable": 503}.get(mood, 200)
        body = {"large": good + b" " * 2_000_000, "many keys": many, "half": good[:-9]}.get(mood, good)
        self.send_response(status)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(body) + (mood == "slow")))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)
            if mood == "slow":
                self.server.over.wait(5)

    def log_message(self, *_: object) -> None:
        pass


class HostileServer(ThreadingHTTPServer):
    block_on_close = False
    mood = "good"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hostile)
        self.over = threading.Event()


@pytest.mark.parametrize("mood", ["redirect", "error", "unavailable", "large", "many keys", "half", "slow"])
def test_whatever_the_issuer_answers_the_last_good_set_is_kept(mood: str):
    with HostileServer() as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        client = OutboundClient(allow=["127.0.0.1"], https_only=False, timeout=0.5, max_bytes=MAX_BYTES)
        clock = ManualClock()
        source = JwksSource(
            f"http://127.0.0.1:{server.server_port}/jwks",
            fetch=client.get,
            fetch_async=client.get_async,
            clock=clock,
        )
        blocking(source, None)
        server.mood = mood
        for find in (blocking, in_a_loop):
            clock.advance(400)
            assert [key.kid for key in find(source, KIT.key.kid)] == [KIT.key.kid]  # type: ignore[attr-defined]
            assert source._state.failed
        server.mood = "good"
        clock.advance(20)
        blocking(source, KIT.key.kid)
        assert not source._state.failed
        server.over.set()
        server.shutdown()
        serving.join(5)


def test_bad_settings_are_the_callers_fault():
    async def fetch(_: str) -> bytes:
        raise AssertionError

    with pytest.raises(ValueError, match="fetch_async"):
        JwksSource(URL, fetch=fetch)  # type: ignore[arg-type]
    for ttl in (0, 9, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="ttl"):
            JwksSource(URL, ttl=ttl)
    for retry_after in (0, 0.9, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="retry_after"):
            JwksSource(URL, retry_after=retry_after)


def test_without_threads_the_old_set_is_kept(monkeypatch: pytest.MonkeyPatch):
    server, clock = Server(KIT.key), ManualClock()
    source = JwksSource(URL, fetch=server.get, clock=clock)
    source.find(None)

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    clock.advance(250)
    assert source.find(KIT.key.kid)
    assert source._flight is None


def test_a_forked_child_does_not_wait_for_a_thread_that_only_its_parent_has():
    server, clock = Server(KIT.key), ManualClock()
    gate = Gate(server)
    source = JwksSource(URL, fetch=gate.get, clock=clock)
    thread = threading.Thread(target=source.find, args=(None,))
    thread.start()
    assert gate.entered.wait(5)
    held = source._lock
    with held:  # the worst moment
        jwks._after_fork()
    assert source._lock is not held
    source._fetch = server.get
    assert source.find(KIT.key.kid)  # would wait ten seconds for the parent's
    gate.go.set()
    thread.join(5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_real_fork_finds_keys():
    program = """
import os, threading, warnings
from tokenward import JwksSource
warnings.simplefilter("ignore")
entered, parent = threading.Event(), os.getpid()
def fetch(url):
    entered.set()
    if os.getpid() == parent:
        threading.Event().wait()
    return BODY
source = JwksSource("https://issuer.example", fetch=fetch)
threading.Thread(target=source.find, args=(None,), daemon=True).start()
entered.wait(5)
child = os.fork()
if child == 0:
    os._exit(0 if source.find(None) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
os._exit(0)
"""
    body = json.dumps({"keys": [KIT.key.public_jwk()]}).encode()
    program = program.replace("BODY", repr(body))
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=8, check=True
    )
    assert (result.stdout.strip(), result.stderr) == ("0", "")


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


def test_what_came_before_says_nothing_about_a_fetch_that_is_on_its_way():
    clock, answers = ManualClock(), [b"<html>"]

    async def fetch(_url: str) -> bytes:
        if answers:
            return answers.pop()
        return await asyncio.Future()

    async def story() -> None:
        source = JwksSource(URL, fetch_async=fetch, clock=clock)
        with pytest.raises(KeysUnavailable):
            await source.find_async(None)
        assert source.unusable == "it is no JSON object"
        clock.advance(11)
        waiting = asyncio.create_task(source.find_async(None))
        await asyncio.sleep(0)
        assert source.unusable == ""
        flight = source._flight
        assert flight is not None
        assert flight.task is not None
        flight.task.cancel()
        with pytest.raises(KeysUnavailable):
            await waiting

    asyncio.run(story())
