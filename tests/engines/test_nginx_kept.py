"""Decisions that nginx keeps: for whom, for how long, and what of them lies in memory."""

import asyncio
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from engines.behind_nginx import through
from gateway.wire import answer
from tokenward.app.engines import nginx
from tokenward.gateway.trace import traced

READER = ("authorization", "Bearer {reader}")


def asked(gateway):
    """How many decisions have been made."""
    return len(gateway.world.observed)


def test_what_is_kept_answers_the_same_request_and_names_each_exchange_anew():
    async def scenario(gateway):
        names = []
        for _ in range(3):
            status, headers, _ = await gateway.ask(headers=[READER, ("cookie", "a=1; tokenward=s; b=2")])
            told = dict(gateway.backend.headers())
            assert status == 200
            assert told["authorization"].startswith("Bearer eyJ")
            assert told["cookie"] == "a=1; b=2"
            assert told["x-forwarded-for"] == "127.0.0.1"
            assert dict(headers)["x-request-id"] == told["x-request-id"]
            assert re.fullmatch(rf"00-{told['x-request-id']}-[0-9a-f]{{16}}-01", told["traceparent"])
            names.append(told["traceparent"])
        assert len(set(names)) == 3
        assert asked(gateway) == 1

    through(scenario, keeps=2)


def test_nothing_is_kept_unless_somebody_wants_it():
    async def scenario(gateway):
        for _ in range(3):
            assert (await gateway.ask())[0] == 200
        assert asked(gateway) == 3

    through(scenario)


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/bank/accounts/8"},
        {"query": "a=1"},
        {"method": "HEAD"},
        {"headers": [READER, ("host", "other.example")]},
        {"headers": [READER, ("x-a", "1")]},
        {"headers": [READER, ("accept", "*/*")]},
        {"headers": [("x-a", "b"), READER]},
        {"headers": [("authorization", "bearer {reader}")]},
    ],
)
def test_a_request_that_differs_in_any_fact_is_another(other):
    async def scenario(gateway):
        assert (await gateway.ask())[0] == 200
        assert (await gateway.ask(**other))[0] == 200
        assert asked(gateway) == 2

    through(scenario, keeps=2)


def test_another_client_finds_nothing():
    async def scenario(gateway):
        for address in ("127.0.0.1", "127.0.0.2"):
            here = (address, 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, local_addr=here)
            writer.write(gateway.raw())
            assert (await answer(reader))[0] == 200
            writer.close()
            assert gateway.backend.header("x-forwarded-for") == [address]
        assert asked(gateway) == 2

    through(scenario, keeps=2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"x-a: b\r\r\n", b"x-a: b:\r\n"),
        (b"x-a: b \r\n", b"x-a: b:\r\n"),
        (b"x-a: b\r\r\n", b"x-a: b\r\n"),
        (b"x-a: b\r\nx-c: d\r\n", b"x-a: b: x-c: d\r\n"),
        (b"x-a\r\n", b"x-a:\r\n"),
    ],
)
def test_heads_that_only_look_alike_are_two(one, other):
    async def scenario(gateway):
        start = gateway.raw().removesuffix(b"\r\n")
        for tail in (one, other):
            assert (await gateway.send(start + tail + b"\r\n"))[0] == 200
        assert asked(gateway) == 2

    through(scenario, keeps=2)


PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "said",
    [
        [("traceparent", PARENT)],
        [("TraceParent", PARENT), ("tracestate", "a=1, b=2")],
        [("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")],
        [("traceparent", PARENT.replace("-01", "-00"))],
        [("traceparent", PARENT.replace("-01", "-ff"))],
        [("traceparent", PARENT.replace("00-4", "cc-4") + "-what")],
        [("traceparent", PARENT + "-what")],
        [("traceparent", PARENT.replace("00-4", "cc-4") + "what")],
        [("traceparent", PARENT.replace("00-4", "ff-4"))],
        [("traceparent", PARENT.upper())],
        [("traceparent", "00-" + "0" * 32 + "-00f067aa0ba902b7-01")],
        [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01")],
        [("traceparent", PARENT), ("traceparent", PARENT)],
        [("traceparent", "garbage")],
        [("tracestate", "a=1")],
        [("traceparent", PARENT), ("tracestate", "A=1")],
        [("traceparent", PARENT), ("tracestate", "a=")],
        [("traceparent", PARENT), ("tracestate", "a=1=2")],
        [("traceparent", PARENT), ("tracestate", ",".join(f"k{number}=1" for number in range(33)))],
        [("traceparent", PARENT), ("tracestate", "a=" + "x" * 256)],
        [("traceparent", PARENT), ("tracestate", "a=" + "x" * 257)],
    ],
)
def test_a_trace_goes_on_as_if_it_had_been_decided_on_afresh(said):
    async def scenario(gateway):
        assert (await gateway.ask())[0] == 200
        assert (await gateway.ask(headers=[READER, *said]))[0] == 200
        assert asked(gateway) == 1
        fresh = traced([(name.lower().encode(), value.encode()) for name, value in said])
        told = dict(gateway.backend.headers())
        parts, wanted = told["traceparent"].split("-"), fresh.parent.split("-")
        new = fresh.trace_id == fresh.request_id
        assert parts[1] == (told["x-request-id"] if new else wanted[1])
        assert (parts[0], len(parts[2]), parts[3]) == (wanted[0], 16, wanted[3])
        assert parts[2] != "00f067aa0ba902b7"
        assert told.get("tracestate", "") == fresh.state

    through(scenario, keeps=2)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(
            {"path": "/bank/payments", "method": "POST", "bound": True}, id="tier high, and a proof"
        ),
        pytest.param({"path": "/bank/transfers", "method": "POST", "token": "writer"}, id="no safe method"),
        pytest.param({"path": "/weather/spent", "token": "weather"}, id="counted"),
        pytest.param(
            {"headers": [("cookie", "__Host-tokenward-app=of-{reader}"), ("tokenward-csrf", "1")]},
            id="a session",
        ),
        pytest.param({"token": None}, id="a refusal"),
        pytest.param({"headers": [READER, ("content-length", "2")], "body": b"{}"}, id="a body"),
        pytest.param({"headers": [READER, ("x-a", "1"), ("X-A", "1")]}, id="a repeated field"),
    ],
)
def test_what_may_not_be_late_is_asked_about_each_time(call):
    async def scenario(gateway):
        for number in range(3):
            told = dict(call)
            if told.pop("bound", False):
                told["headers"] = [("authorization", "DPoP {bound}"), ("dpop", "{proof}")]
            await gateway.ask(**told)
            assert asked(gateway) == number + 1

    through(scenario, keeps=2)


def altered(name, value):
    def made(decisions):
        async def answering(request):
            decision = await decisions(request)
            others = tuple(it for it in decision.headers if it[0] != name)
            return decision._replace(headers=others + (((name, value),) if value is not None else ()))

        return answering

    return made


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"tokenward-max-age", b"0"),
        (b"tokenward-max-age", b"-1"),
        (b"tokenward-max-age", b"soon"),
        (b"tokenward-max-age", None),
        (b"tokenward-vary", None),
        (b"tokenward-vary", b"method target weather"),
    ],
)
def test_what_nobody_said_may_be_kept_is_not(name, value):
    async def scenario(gateway):
        for _ in range(3):
            assert (await gateway.ask())[0] == 200
        assert asked(gateway) == 3

    through(scenario, keeps=2, answering=altered(name, value))


@pytest.mark.parametrize(("said", "keeps"), [(b"1", 2), (b"60", 1)])
def test_nothing_is_kept_longer_than_it_may(said, keeps):
    """The time runs from the question, and neither the gateway nor the configuration is outdone."""

    async def scenario(gateway):
        for _ in range(3):
            while True:  # until one has just been asked about
                before = asked(gateway)
                assert (await gateway.ask())[0] == 200
                if asked(gateway) > before:
                    break
            answered, before, last = time.monotonic(), asked(gateway), 0.0
            while True:
                sent = time.monotonic()
                assert (await gateway.ask())[0] == 200
                if asked(gateway) > before:
                    break
                last = sent
            assert 0.3 < last - answered < 1.0

    through(scenario, keeps=keeps, answering=altered(b"tokenward-max-age", said))


def test_a_clock_that_is_set_back_prolongs_nothing(monkeypatch):
    """It goes back whenever Lua looks at it, and shared memory, which goes by it, forgets nothing."""
    write = nginx.write
    back = """\
require "resty.core"
local said, of = ngx.now(), getmetatable(ngx.shared.tokenward_decisions).__index
local set = of.set
ngx.now = function() said = said - 60; return said end
of.set = function(self, name, value) return set(self, name, value) end
"""

    def written(plan, directory):
        write(plan, directory)
        configured, begin = directory / nginx.CONFIGURATION, "init_by_lua_block {"
        configured.write_text(configured.read_text().replace(begin, begin + back))
        assert back in configured.read_text()

    async def scenario(gateway):
        for number in (1, 2):
            assert (await gateway.ask())[0] == 200
            assert asked(gateway) == number
            await asyncio.sleep(1.1)

    monkeypatch.setattr(nginx, "write", written)
    through(scenario, keeps=1)


def test_a_revoked_token_is_refused_when_its_time_is_over():
    async def scenario(gateway):
        assert (await gateway.ask())[0] == 200
        del gateway.world.known[gateway.world.tokens["reader"]]
        gateway.world.engine.verified.clear()
        revoked = time.monotonic()
        while (await gateway.ask())[0] == 200:
            assert time.monotonic() - revoked < 2
        assert (await gateway.ask())[0] == 401

    through(scenario, keeps=1)


def shared_memory(master):
    """All that nginx's processes share."""
    (worker,) = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    maps = Path(f"/proc/{worker}/maps").read_text().splitlines()
    shared = [line.split() for line in maps if " rw-s " in line]
    with Path(f"/proc/{worker}/mem").open("rb", buffering=0) as memory:
        for where, *_ in shared:
            start, end = (int(each, 16) for each in where.split("-"))
            memory.seek(start)
            yield memory.read(end - start)


def test_shared_memory_tells_nothing_without_the_token():
    async def scenario(gateway):
        assert (await gateway.ask())[0] == 200
        assert (await gateway.ask())[0] == 200
        assert asked(gateway) == 1
        memory = b"".join(shared_memory(gateway.process.pid))
        assert len(memory) >= 16 * 1024 * 1024
        token, jwt = gateway.world.tokens["reader"], dict(gateway.backend.headers())["authorization"][7:]
        header, claims, signature = jwt.split(".")
        for secret in (token, token[-30:], jwt, header, claims, signature, "Bearer ", "/bank/accounts/7"):
            assert secret.encode() not in memory
        assert memory.strip(b"\0")
        files = [file for file in gateway.directory.rglob("*") if file.is_file()]
        assert files
        assert not any(jwt.encode() in file.read_bytes() for file in files)

    through(scenario, keeps=2)


def test_memory_is_bounded_and_the_eldest_make_room():
    async def scenario(gateway):
        reader, writer = await gateway.open()
        for number in range(300):
            writer.write(gateway.raw(headers=[READER, ("x-a", f"{number}" + "x" * 10_000)]))
            await reader.readuntil(b"ok")
        writer.close()
        assert asked(gateway) == 300
        assert sum(map(len, shared_memory(gateway.process.pid))) < 64 * 1024 * 1024

    through(scenario, keeps=2)


def test_another_policy_finds_nothing():
    async def scenario(gateway):
        kept_until = time.monotonic() + 1.9
        assert (await gateway.ask())[0] == 200
        plan = gateway.plan
        await asyncio.to_thread(nginx.change, plan, replace(plan, drain=9), gateway.directory)
        answered = 0
        while asked(gateway) == 1 and time.monotonic() < kept_until:
            assert (await gateway.ask())[0] == 200  # a worker of before may take one yet
            answered += 1
        assert asked(gateway) == 2 or not answered

    through(scenario, keeps=2)
