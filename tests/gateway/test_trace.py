"""Request ids and traces: what client, log and backend name an exchange by."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import through
from gateway.world import World, code
from tokenward.gateway.trace import traced

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"
PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-0[01]")


def of(*parents, states=()):
    return traced(
        [(b"traceparent", each.encode("latin-1")) for each in parents]
        + [(b"tracestate", each.encode("latin-1")) for each in states]
    )


def test_a_valid_trace_goes_on_with_this_hop_as_the_parent():
    first, second = of(GOOD), of(GOOD)
    assert first.trace_id == second.trace_id == TRACE
    assert first.request_id != second.request_id
    trace_id, span = PARENT.fullmatch(first.parent).groups()
    assert trace_id == TRACE
    assert span != SPAN
    assert of(f"00-{TRACE}-{SPAN}-00").parent.endswith("-00")


@pytest.mark.parametrize("flags", ["ff", "03", "a1"])
def test_of_the_flags_only_the_known_one_is_passed_on(flags):
    assert of(f"00-{TRACE}-{SPAN}-{flags}").parent.endswith("-01")


@pytest.mark.parametrize("parent", [f"cc-{TRACE}-{SPAN}-01", f"01-{TRACE}-{SPAN}-01-what-comes-later"])
def test_a_later_version_is_read_as_far_as_it_is_known(parent):
    assert of(parent).trace_id == TRACE
    assert of(parent).parent.startswith("00-")


@pytest.mark.parametrize(
    "parents",
    [
        (),
        ("",),
        (GOOD, GOOD),
        (GOOD.upper(),),
        (f" {GOOD}",),
        (f"{GOOD}-x",),
        (f"ff-{TRACE}-{SPAN}-01",),
        (f"01-{TRACE}-{SPAN}-01.x",),
        (f"00-{'0' * 32}-{SPAN}-01",),
        (f"00-{TRACE}-{'0' * 16}-01",),
        (f"00-{TRACE}-{SPAN}",),
        (f"00-{TRACE}-{SPAN}-1",),
        (f"0-{TRACE}-{SPAN}-01",),
        (f"00-{TRACE[1:]}-{SPAN}-01",),
        (f"00-{TRACE}-{SPAN}x-01",),
        (f"00_{TRACE}_{SPAN}_01",),
    ],
)
def test_what_is_no_trace_begins_one_that_is_named_as_the_request(parents):
    found = of(*parents, states=["a=1"])
    assert found.trace_id == found.request_id != TRACE
    assert PARENT.fullmatch(found.parent)[1] == found.trace_id
    assert found.state == "", "a state goes with a trace"


@pytest.mark.parametrize(
    ("states", "passed"),
    [
        (["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"], "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        (["a=1 , ,b=2", "c=3"], "a=1,b=2,c=3"),
        (["fw529a3039@dt=FfAB"], "fw529a3039@dt=FfAB"),
        (["a"], ""),
        (["A=1"], ""),
        (["a=1=2"], ""),
        (["a=1", "b=\x7f"], ""),
        (
            [",".join(f"k{number}=1" for number in range(32))],
            ",".join(f"k{number}=1" for number in range(32)),
        ),
        ([",".join(f"k{number}=1" for number in range(33))], ""),
        (["a=" + "x" * 255, "b=" + "x" * 255], ""),
    ],
)
def test_a_state_goes_along_as_one_list_or_not_at_all(states, passed):
    assert of(GOOD, states=states).state == passed


@given(st.lists(st.binary(max_size=70), max_size=3))
def test_no_header_makes_it_fail_or_gets_through_as_it_is(values):
    for found in (
        traced([(b"traceparent", value) for value in values]),
        traced([(b"traceparent", GOOD.encode()), *((b"tracestate", value) for value in values)]),
    ):
        assert PARENT.fullmatch(found.parent)
        assert found.state.isprintable()


@pytest.mark.parametrize(
    ("token", "path", "expected"),
    [
        ("reader", "/bank/accounts/7", "allow"),
        (None, "/bank/accounts/7", "no_credential"),
        (None, "/x", "undocumented"),
    ],
)
def test_every_decision_has_a_name_of_its_own(token, path, expected):
    world = World()
    decisions = [world.decide(path, token) for _ in range(2)]
    assert [code(each) for each in decisions] == [expected] * 2
    names = {each.trace.request_id for each in decisions}
    assert len(names) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)


def test_client_and_backend_are_told_the_name_that_is_in_the_log():
    async def answer(_reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nX-Request-ID: mine\r\nContent-Length: 2\r\n\r\nok")

    async def scenario(gateway):
        gateway.backend.answer = answer
        headers = [
            ("authorization", "Bearer {reader}"),
            ("x-request-id", "forged"),
            ("traceparent", GOOD),
            ("tracestate", "a=1"),
            ("tracestate", "b=2"),
        ]
        status, fields, _ = await gateway.ask(headers=headers)
        (trace,) = (each.trace for each in gateway.world.observed)
        assert status == 200
        assert [value for name, value in fields if name == "x-request-id"] == [trace.request_id]
        assert gateway.backend.header("x-request-id") == [trace.request_id]
        assert gateway.backend.header("traceparent") == [trace.parent]
        assert gateway.backend.header("tracestate") == ["a=1,b=2"]
        assert trace.trace_id == TRACE

    through(scenario)


def test_a_refusal_has_a_name_too_and_so_has_a_failure_of_the_api():
    async def hang_up(_reader, writer):
        writer.close()

    async def scenario(gateway):
        gateway.backend.answer = hang_up
        preflight = [("origin", "https://app.example"), ("access-control-request-method", "GET")]
        for asked, expected in (
            ({"token": None}, 401),
            ({"path": "/bank/x/../y"}, 400),
            ({}, 502),
            ({"path": "/pages/notes", "method": "OPTIONS", "headers": preflight}, 204),
        ):
            status, fields, _ = await gateway.ask(**asked)
            told = [value for name, value in fields if name == "x-request-id"]
            assert (status, told) == (expected, [gateway.world.observed[-1].trace.request_id])

    through(scenario)
