import asyncio
import contextlib
import io
from dataclasses import replace
from pathlib import Path

from tokenward.app.decision_log import DecisionLog
from tokenward.app.gathering import AT_ONCE
from tokenward.app.metrics import BASIC_USES, SHADOW_TRAFFIC, UNLOGGED, VIOLATIONS
from tokenward.base.clock import ManualClock
from tokenward.base.problems import UNDOCUMENTED
from tokenward.gateway.access import Allow, Deny, TokenFacts, Violation
from tokenward.gateway.trace import Trace

FACTS = TokenFacts("4U9VoPKSUjB", None, "shop", None, frozenset(), "https://a.example", "client_secret", 0, 1)
ALLOW = Allow(
    "bank",
    "GET /accounts/{id}",
    "http://127.0.0.1:1",
    "/accounts/4711",
    "eyJhbGciOiJub25lIn0.e30.",  # tokenward:allow reason=unsigned and empty
    FACTS,
    trace=Trace("5e" * 16, "7a" * 16, "00-" + "7a" * 16 + "-5b-01"),
)


def test_a_line_says_who_what_and_why_but_neither_path_nor_credential():
    stream = io.StringIO()
    log = DecisionLog("proxy", stream, ManualClock(1_800_000_000))
    log.record(ALLOW, 0.000012)
    log.record(Deny(UNDOCUMENTED, "detail"), 0.000003)
    assert stream.getvalue() == ""
    log.flush()
    start = "time=2027-01-15T08:00:00.000+00:00 level=info logger=tokenward.gateway.decision "
    allowed, denied = stream.getvalue().splitlines()
    assert allowed == start + (
        'door=proxy reason=allow status=- api=bank operation="GET /accounts/{id}" '
        f"request_id={'5e' * 16} trace_id={'7a' * 16} token_id=4U9VoPKSUjB client_id=shop ms=0.012"
    )
    assert denied == start + (
        'door=proxy reason=undocumented status=404 api=- operation="-" '
        "request_id=- trace_id=- token_id=- client_id=- ms=0.003"
    )
    log.flush()
    assert stream.getvalue().count("\n") == 2


def test_a_line_says_who_acts_and_who_acted_before_and_no_name_breaks_it():
    stream = io.StringIO()
    log = DecisionLog("proxy", stream, ManualClock())
    chain = {"sub": "backend", "act": {"sub": "https://i.example|a b\n,act=x", "act": {"sub": "assistant"}}}
    log.record(ALLOW._replace(facts=replace(FACTS, act=chain)), 0.0)
    log.record(ALLOW, 0.0)
    log.flush()
    acting, alone = stream.getvalue().splitlines()
    assert " client_id=shop act=backend,https://i.example|a%20b%0A%2Cact=x,assistant ms=" in acting
    assert "act=" not in alone


def test_what_was_gathered_is_written_when_the_server_ends():
    stream = io.StringIO()
    log = DecisionLog("proxy", stream, ManualClock())

    async def serve():
        task = asyncio.create_task(log.run())
        await asyncio.sleep(0)
        log.record(ALLOW, 0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(serve())
    assert stream.getvalue().count("reason=allow") == 1


def test_a_full_disk_stops_nothing_and_is_counted():
    unlogged = UNLOGGED._value.get()
    with Path("/dev/full").open("w") as full:
        log = DecisionLog("proxy", full, ManualClock())
        log.record(ALLOW, 0.001)
        log.flush()
        assert UNLOGGED._value.get() == unlogged + 1
        with contextlib.suppress(OSError):  # what is still buffered cannot be written either
            full.close()


def test_each_call_with_a_password_is_counted_whatever_was_decided_and_names_its_user():
    facts = replace(FACTS, client_id="urn:tokenward:basic:reports", credential="basic")
    counter = BASIC_USES.labels("basic-is-counted")
    before = counter._value.get()
    stream = io.StringIO()
    log = DecisionLog("gateway", stream, ManualClock())
    log.record(ALLOW._replace(api="basic-is-counted", facts=facts), 0.00001)
    log.record(Deny(UNDOCUMENTED, api="basic-is-counted", facts=facts), 0.00001)
    log.record(ALLOW._replace(api="basic-is-counted"), 0.00001)
    log.record(Deny(UNDOCUMENTED, api="basic-is-counted"), 0.00001)
    log.flush()
    assert counter._value.get() - before == 2
    assert stream.getvalue().count("client_id=urn:tokenward:basic:reports ") == 2


def test_what_differs_from_the_document_is_logged_and_counted_without_a_word_of_the_callers():
    stream = io.StringIO()
    log = DecisionLog("proxy", stream, ManualClock())
    violations = (Violation("query", "", "undocumented"), Violation("body", "/amount", "pattern"))
    log.record(ALLOW._replace(violations=violations), 0.001)
    log.record(Deny(UNDOCUMENTED, api="bank", shadow="GET"), 0.001)
    before = VIOLATIONS.labels("bank", "GET /accounts/{id}", "query")._value.get()
    shadow = SHADOW_TRAFFIC.labels("bank", "GET")._value.get()
    log.flush()
    assert 'violations="query: undocumented, body /amount: pattern" ' in stream.getvalue()
    assert VIOLATIONS.labels("bank", "GET /accounts/{id}", "query")._value.get() == before + 1
    assert SHADOW_TRAFFIC.labels("bank", "GET")._value.get() == shadow + 1


def test_not_more_than_some_wait_to_be_written():
    stream = io.StringIO()
    log = DecisionLog("proxy", stream, ManualClock())
    for _ in range(AT_ONCE - 1):
        log.record(ALLOW, 0.001)
    assert stream.getvalue() == ""
    log.record(ALLOW, 0.001)
    assert stream.getvalue().count("reason=allow") == AT_ONCE
