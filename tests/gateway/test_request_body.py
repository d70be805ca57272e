"""What the decision reads of a body at an ASGI door: in little memory, in time, whole for the API."""

import asyncio
import tracemalloc

import pytest

from tokenward.base.problems import Refusal
from tokenward.gateway.doors.request_body import RequestBody

CHUNKED = {"headers": [(b"transfer-encoding", b"chunked")]}


def message(data, *, more):
    return {"type": "http.request", "body": data, "more_body": more}


async def rest(body):
    whole, more = b"", True
    while more:
        told = await body.receive()
        whole, more = whole + told["body"], told["more_body"]
    return whole


def test_a_body_that_comes_byte_by_byte_takes_a_few_times_its_size():
    async def receive():
        return message(bytes([32]), more=True)  # as new ones as a server's are

    async def read():
        assert await RequestBody(CHUNKED, receive, 30.0).read(250_000) is None

    tracemalloc.start()
    try:
        asyncio.run(read())
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("limits", [(), (0,), (0, 100), (2,), (100,)])
def test_whatever_was_read_of_it_it_is_passed_on_whole(limits):
    async def scenario():
        waiting = [message(part, more=part != b"four") for part in (b"one", b"", b"two", b"three", b"four")]

        async def receive():
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        body = RequestBody(CHUNKED, receive, 30.0)
        for limit in limits:
            assert await body.read(limit) == (b"onetwothreefour" if limit == 100 else None)
        assert await rest(body) == b"onetwothreefour"
        assert await body.receive() == {"type": "http.disconnect"}

    asyncio.run(scenario())


def test_a_client_that_sends_a_byte_now_and_then_has_to_end_some_time():
    async def receive():
        await asyncio.sleep(0.01)
        return message(b" ", more=True)

    with pytest.raises(Refusal) as refused:
        asyncio.run(asyncio.wait_for(RequestBody(CHUNKED, receive, 0.05).read(1_000_000), 20))
    assert refused.value.problem.status == 408
