"""Several upstreams behind one API: who gets a request, who gets it a second time, and who gets none."""

import asyncio
import socket
import struct
from contextlib import asynccontextmanager

import pytest

from gateway.wire import OK, Backend, through
from gateway.world import apis, operation
from tokenward.base.clock import ManualClock
from tokenward.base.problems import Refusal
from tokenward.gateway.doors.balancer import LONGEST_PAUSE, Balancer
from tokenward.gateway.policy import Api, Policy
from tokenward.gateway.upstreams import HealthCheck, Pool

AUDIENCE = "https://farm.example"
OPERATIONS = tuple(operation(f"{method} /x", "public") for method in ("GET", "HEAD", "PUT", "POST", "DELETE"))


@asynccontextmanager
async def farm(gateway, *answers, health=None):
    """The API `/farm` on as many backends as there are answers; None is a port where nobody listens."""
    backends, servers = [], []
    for respond in answers:
        backend = Backend()
        backends.append(backend)
        if respond is None:
            backend.port = _nobodys_port()
            continue
        backend.answer = respond if respond is not PLAIN else None
        servers.append(await asyncio.start_server(backend.serve, "127.0.0.1", 0))
        backend.port = servers[-1].sockets[0].getsockname()[1]
    pool = Pool(tuple(f"http://127.0.0.1:{backend.port}" for backend in backends), health)
    gateway.world.engine.policy = Policy([Api("farm", "/farm", pool, AUDIENCE, OPERATIONS)])
    try:
        yield backends
    finally:
        for backend in backends:
            backend.close()
        for server in servers:
            server.close()
            await server.wait_closed()


def _nobodys_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


PLAIN = object()


def call(gateway, method="GET", body=b""):
    headers = [("content-length", str(len(body)))] if body else []
    return gateway.ask("/farm/x", method, headers, body=body, token=None)


async def _hang_up(reader, writer):
    writer.close()


async def _hang_up_late(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    await writer.drain()
    writer.close()


async def _say_nothing(reader, writer):
    await reader.read()


def test_requests_go_to_all_in_turn():
    async def scenario(gateway):
        async with farm(gateway, PLAIN, PLAIN, PLAIN) as backends:
            for _ in range(6):
                assert (await call(gateway))[0] == 200
            assert [backend.requests for backend in backends] == [2, 2, 2]

    through(scenario)


def test_a_busy_upstream_gets_no_more_while_another_has_nothing_to_do():
    async def scenario(gateway):
        free = asyncio.Event()

        async def wait(reader, writer):
            await free.wait()
            writer.write(OK)
            await writer.drain()

        async with farm(gateway, wait, PLAIN) as (busy, idle):
            waiting = [asyncio.create_task(call(gateway)) for _ in range(2)]
            while busy.requests + idle.requests < 2:  # noqa: ASYNC110 - the backends tell it in no other way
                await asyncio.sleep(0.01)
            for _ in range(4):
                assert (await call(gateway))[0] == 200
            assert (busy.requests, idle.requests) == (1, 5)
            free.set()
            assert [status for status, _, _ in await asyncio.gather(*waiting)] == [200, 200]

    through(scenario)


@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("POST", b"whole"), ("PUT", b"whole")])
def test_what_cannot_be_reached_costs_no_request_and_is_passed_over(method, body):
    async def scenario(gateway):
        async with farm(gateway, None, PLAIN) as (_, alive):
            for _ in range(5):
                assert (await call(gateway, method, body))[0] == 200
            assert alive.bodies == [body] * 5
            members = [member for _, member in gateway.door.upstreams()]
            assert [member.unreached_ever for member in members] == [1, 0]
            assert [member.retried_ever for member in members] == [1, 0]

    through(scenario)


REPEATED = [("GET", b""), ("HEAD", b""), ("DELETE", b""), ("PUT", b"")]
NOT_REPEATED = [("POST", b""), ("POST", b"x"), ("PUT", b"x"), ("DELETE", b"x")]


@pytest.mark.parametrize(("method", "body"), REPEATED, ids=lambda it: it or "no body")
def test_a_closed_connection_costs_no_request_that_nobody_notices_twice(method, body):
    async def scenario(gateway):
        async with farm(gateway, _hang_up, PLAIN) as (closing, alive):
            assert [(await call(gateway, method, body))[0] for _ in range(2)] == [200, 200]
            assert (closing.requests, alive.requests) == (1, 2)

    through(scenario)


@pytest.mark.parametrize(("method", "body"), NOT_REPEATED, ids=str)
def test_what_may_have_had_an_effect_is_never_sent_twice(method, body):
    async def scenario(gateway):
        async with farm(gateway, _hang_up, PLAIN) as (closing, alive):
            statuses = {(await call(gateway, method, body))[0] for _ in range(2)}
            assert statuses == {200, 502}
            assert (closing.requests, alive.requests) == (1, 1)

    through(scenario)


def test_a_connection_that_works_again_is_forgiven():
    async def scenario(gateway):
        async with farm(gateway, None, PLAIN) as (dead, _):
            assert [(await call(gateway))[0] for _ in range(2)] == [200, 200]
            member = next(member for _, member in gateway.door.upstreams())
            assert member.unreached == 1
            server = await asyncio.start_server(dead.serve, "127.0.0.1", dead.port)
            member.paused_until = 0.0  # as if it had passed
            assert [(await call(gateway))[0] for _ in range(2)] == [200, 200]
            assert (dead.requests, member.unreached) == (1, 0)
            dead.close()
            server.close()

    through(scenario)


async def _reset_within_the_answer(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    await writer.drain()
    await asyncio.sleep(0.1)
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def test_nothing_is_tried_again_once_the_client_has_part_of_an_answer():
    async def scenario(gateway):
        async with farm(gateway, _reset_within_the_answer, _reset_within_the_answer) as backends:
            with pytest.raises(asyncio.IncompleteReadError):
                await call(gateway)
            assert sum(backend.requests for backend in backends) == 1

    through(scenario)


@pytest.mark.parametrize("respond", [_hang_up_late, _say_nothing], ids=["began to answer", "silent"])
def test_an_answer_that_began_or_may_still_come_is_not_asked_for_twice(respond):
    async def scenario(gateway):
        async with farm(gateway, respond, PLAIN) as (bad, alive):
            statuses = {(await call(gateway))[0] for _ in range(2)}
            assert statuses in ({200, 502}, {200, 504})
            assert (bad.requests, alive.requests) == (1, 1)

    through(scenario, read=0.3)


def test_two_tries_are_all():
    async def scenario(gateway):
        async with farm(gateway, *[_hang_up] * 4) as backends:
            assert (await call(gateway))[0] == 502
            assert sum(backend.requests for backend in backends) == 2

    through(scenario)


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("POST", 502)])
def test_an_idle_connection_that_the_upstream_just_closed_is_no_answer(method, status):
    async def scenario(gateway):
        async def once(reader, writer):
            if farmed.requests > 1 and farmed.connections == 1:
                writer.close()
            else:
                writer.write(OK)
                await writer.drain()

        async with farm(gateway, once) as (farmed,):
            assert (await call(gateway, method))[0] == 200
            assert (await call(gateway, method))[0] == status
            assert farmed.connections == (2 if status == 200 else 1)

    through(scenario)


def test_where_none_can_be_reached_each_request_tries_again():
    async def scenario(gateway):
        async with farm(gateway, None, None):
            assert [(await call(gateway))[0] for _ in range(3)] == [502] * 3
            assert sum(member.unreached_ever for _, member in gateway.door.upstreams()) == 6

    through(scenario)


def test_a_failed_health_check_takes_an_upstream_out_and_a_good_one_brings_it_back():
    async def scenario(gateway):
        sick = True

        async def judge(reader, writer):
            healthy = not (sick and b"GET /healthy " in ailing.heads[-1])
            writer.write(OK if healthy else b"HTTP/1.1 503 Gone\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

        async def until(down):
            while [member.down for _, member in gateway.door.upstreams()] != down:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

        health = HealthCheck("/healthy", interval=0.05, timeout=2)
        async with farm(gateway, judge, PLAIN, health=health) as (ailing, alive):
            watching = asyncio.create_task(gateway.door.watch_upstreams())
            await until([True, False])
            for _ in range(4):
                assert (await call(gateway))[0] == 200
            assert not [head for head in ailing.heads if b"/x " in head]
            alive.answer = _hang_up
            await until([True, True])
            status, headers, _ = await call(gateway)
            assert (status, dict(headers)["retry-after"]) == (503, "1")
            sick = False
            await until([False, True])
            assert (await call(gateway))[0] == 200
            watching.cancel()

    through(scenario)


def test_a_health_check_ends_with_the_policy_that_asked_for_it():
    async def scenario(gateway):
        health = HealthCheck("/healthy", interval=0.05, timeout=2)
        async with farm(gateway, PLAIN, health=health) as (asked,):
            watching = asyncio.create_task(gateway.door.watch_upstreams())
            while not asked.requests:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            gateway.world.engine.policy = Policy(apis(f"http://127.0.0.1:{gateway.backend.port}"))
            before = -1
            while before != asked.requests:
                before = asked.requests
                await asyncio.sleep(1.2)
            assert (await gateway.ask())[0] == 200
            watching.cancel()

    through(scenario)


def test_the_pause_doubles_to_a_limit_and_ends_with_the_first_connection():
    clock = ManualClock(1000.0)
    balancer, pool = Balancer(clock), Pool(("http://a", "http://b"))
    bad, good = balancer.members(pool)
    pauses = []
    for _ in range(9):
        balancer.unreached(bad)
        pauses.append(bad.paused_until - clock.monotonic())
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    assert {balancer.choose(pool) for _ in range(4)} == {good}
    clock.advance(LONGEST_PAUSE)
    assert {balancer.choose(pool) for _ in range(4)} == {good, bad}
    bad.reached()
    balancer.unreached(good)
    assert {balancer.choose(pool) for _ in range(4)} == {bad}


def test_the_second_choice_is_never_the_first_again():
    balancer, pool = Balancer(ManualClock(1000.0)), Pool(("http://a", "http://b"))
    first, other = balancer.members(pool)
    other.outstanding = 100
    assert {balancer.another(pool, first) for _ in range(4)} == {other}
    other.down = True
    assert balancer.another(pool, first) is None


def test_what_was_known_of_a_pool_goes_with_it():
    balancer, pool, stays = Balancer(), Pool(("http://a",)), Pool(("http://b",))
    (before,), (kept,) = balancer.members(pool), balancer.members(stays)
    balancer.keep_only([stays])
    assert balancer.members(pool)[0] is not before
    assert balancer.members(stays)[0] is kept


def test_one_upstream_alone_is_never_passed_over_but_can_be_down():
    balancer, pool = Balancer(ManualClock(1000.0)), Pool(("http://a",))
    (only,) = balancer.members(pool)
    balancer.unreached(only)
    assert balancer.choose(pool) is only
    assert balancer.another(pool, only) is None
    only.down = True
    with pytest.raises(Refusal, match="no_upstream"):
        balancer.choose(pool)


def test_for_a_client_that_has_gone_no_other_upstream_is_asked():
    async def scenario(gateway):
        gone = asyncio.Event()

        async def respond(reader, writer):
            await gone.wait()
            await asyncio.sleep(0.1)
            writer.close()

        async with farm(gateway, respond, respond) as backends:
            _, writer = await gateway.open()
            writer.write(gateway.raw("/farm/x", headers=()))
            while not sum(backend.requests for backend in backends):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            writer.close()
            gone.set()
            await asyncio.sleep(0.5)
            assert sum(backend.requests for backend in backends) == 1

    through(scenario)
