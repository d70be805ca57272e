"""Bodies at the WSGI door: within limits, read by the thread of the request, whole for the application."""

import asyncio
import io
import threading

import pytest

from gateway.test_contract import reporting
from gateway.test_wsgi_door import Recorder, decided, environ
from gateway.world import World
from tokenward.base.clock import ManualClock
from tokenward.base.problems import Refusal
from tokenward.gateway.contract.operation import MAX_BODY
from tokenward.gateway.doors.wsgi_body import SECONDS, WsgiBody

GOOD = b'{"item": "tea", "count": 2}'


async def here(work):
    return work()


class Reading(Recorder):
    """An application that reads its body."""

    body = None

    def __call__(self, environ, start_response):
        self.body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 10_000_000))
        return super().__call__(environ, start_response)


def posted(world, data, *, file=None, **more):
    framing = {"CONTENT_LENGTH": str(len(data))} if "HTTP_TRANSFER_ENCODING" not in more else {}
    return environ(
        "/shop/orders",
        REQUEST_METHOD="POST",
        CONTENT_TYPE="application/json",
        HTTP_AUTHORIZATION=f"Bearer {world.tokens['buyer']}",
        **{"wsgi.input": file or io.BytesIO(data)} | framing | more,
    )


def ask(world, given, inner):
    told = []
    with decided(inner, world) as door:
        door(given, lambda status, *_: told.append(int(status[:3])))
    return told[0]


LIMITS = {
    "bytes": (b" " * MAX_BODY + GOOD, 413),
    "levels": (b"[" * 33 + b"]" * 33, 413),
    "values": (b"[" + b"0," * 60_000 + b"0]", 413),
    "syntax": (b"{", 400),
}


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("limit", LIMITS)
def test_a_body_beyond_a_limit_is_reported_and_arrives_whole_or_is_refused(limit, framing):
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    more = chunked if framing == "chunked" else {}
    data, status = LIMITS[limit]
    world, inner = World(), Reading()
    assert (ask(world, posted(world, data, **more), inner), inner.body) == (status, None)
    reporting(world)
    assert (ask(world, posted(world, data, **more), inner), inner.body) == (200, data)
    assert [each.rule for each in world.observed[-1].violations] == [limit]


def test_a_body_that_was_cut_off_reaches_nobody_even_where_nothing_is_enforced():
    world, inner = World(), Reading()
    reporting(world)
    assert ask(world, posted(world, GOOD, file=io.BytesIO(GOOD[:5])), inner) == 400
    assert inner.body is None


def test_a_body_whose_end_nobody_tells_is_the_clients_to_measure():
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": io.BytesIO(b"{}")}
    with pytest.raises(Refusal) as refused:
        asyncio.run(WsgiBody(chunked, here).read(100))
    assert refused.value.problem.status == 411
    assert asyncio.run(WsgiBody({**chunked, "wsgi.input_terminated": True}, here).read(100)) == b"{}"


def test_where_contracts_are_only_reported_such_a_body_is_left_to_the_application():
    world, inner = World(), Reading()
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}
    assert ask(world, posted(world, GOOD, **chunked), inner) == 411
    reporting(world)
    assert (ask(world, posted(world, GOOD, **chunked), inner), inner.body) == (200, GOOD)
    assert [str(each) for each in world.observed[-1].violations] == ["size: length"]


class Drip:
    """A client that sends a byte now and then. `read` waits until it has all, or `read1` gives what came."""

    def __init__(self, clock, method):
        self.clock = clock
        self.sent = 0
        setattr(self, method, self.take)

    def take(self, size):
        count = 1 if hasattr(self, "read1") else size
        self.clock.advance(count)
        self.sent += count
        return b" " * count


@pytest.mark.parametrize("method", ["read", "read1"])
def test_a_client_that_sends_a_byte_a_second_is_refused_after_a_while(method):
    clock = ManualClock(0.0)
    drip = Drip(clock, method)
    with pytest.raises(Refusal) as refused:
        asyncio.run(WsgiBody({"CONTENT_LENGTH": "100000", "wsgi.input": drip}, here, clock).read(MAX_BODY))
    assert refused.value.problem.status == 408
    assert drip.sent <= max(SECONDS + 1, 1024)


def test_slow_clients_hold_their_own_threads_and_nobody_elses():
    class Silent(io.BytesIO):
        def read1(self, size):
            readers.append(threading.current_thread())
            reading.release()
            speak.wait(20)
            return super().read1(size)

    world, inner = World(), Reading()
    speak, reading, readers = threading.Event(), threading.Semaphore(0), []
    with decided(inner, world) as door:

        def call(file=None):
            told = []
            door(posted(world, GOOD, file=file), lambda status, *_: told.append(status))
            return told

        # More than any pool of Python's has threads.
        slow = [threading.Thread(target=call, args=(Silent(GOOD),)) for _ in range(40)]
        for thread in slow:
            thread.start()
        for _ in slow:
            assert reading.acquire(timeout=20)
        assert (call(), inner.body) == (["200 OK"], GOOD)
        assert set(readers) == set(slow), "each was read where the server wants it to be"
        speak.set()
        for thread in slow:
            thread.join(20)
