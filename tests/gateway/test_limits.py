"""Limits by address, key, client and person: what counts, what is refused, and what callers are told."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from gateway.wire import through
from gateway.world import World, code
from tokenward.base.rates import Level, Rate
from tokenward.gateway import engine as engine_module
from tokenward.gateway.limits import Limit, Limits, headers
from tokenward.gateway.policy import Policy

ACCOUNT = "/bank/accounts/7"


def world_with(*limits, operations=("GET /accounts/{id}",), clock=None):
    """A world whose bank has these limits at some operations."""
    world = World(clock=clock)
    limit_bank(world, *limits, operations=operations)
    return world


def limit_bank(world, *limits, operations=("GET /accounts/{id}",)):
    weather, bank, *_ = world.policy.apis
    limited = [
        replace(each, limits=Limits.of(limits)) if each.label in operations else each
        for each in bank.operations
    ]
    world.engine.policy = Policy([weather, replace(bank, operations=tuple(limited))])


def counting_by(world, take):
    means = replace(world.engine._means, counters=SimpleNamespace(take=take))
    world.engine._means = means


def limit(by, amount, window=60, place="bank"):
    return Limit(by, Rate(amount, window), place)


def told(decision):
    return {name.decode(): value.decode() for name, value in decision.told}


def test_an_address_is_refused_before_anybody_looks_at_its_credential():
    world = world_with(limit("address", 2))
    codes = [code(world.decide(token=None)), code(world.decide(token="damaged")), code(world.decide())]
    assert codes == ["no_credential", "invalid_token", "rate_limited"]
    assert world.lookups == 0
    assert code(world.decide(peer="192.0.2.2")) == "allow"
    world.clock.advance(30)
    assert code(world.decide()) == "allow"


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        ("2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:2::1", False),
        ("192.0.2.1", False),
    ],
)
def test_an_ipv6_address_counts_with_its_network(other, refused):
    world = world_with(limit("address", 1))
    assert code(world.decide(peer="2001:db8:0:1::1")) == "allow"
    assert code(world.decide(peer=other)) == ("rate_limited" if refused else "allow")


def test_an_ipv4_address_is_the_same_however_it_is_written():
    world = world_with(limit("address", 1))
    assert code(world.decide(peer="192.0.2.7")) == "allow"
    assert code(world.decide(peer="::ffff:192.0.2.7")) == "rate_limited"


def test_only_what_would_pass_counts_for_a_caller():
    world = world_with(limit("client", 1), operations=("GET /accounts/{id}", "POST /transfers"))
    for token, path, method in (("reader", "/bank/transfers", "POST"), ("longlived", ACCOUNT, "GET")):
        assert code(world.decide(path, token, method=method)) in {"insufficient_scope", "insufficient_tier"}
    assert [code(world.decide()) for _ in range(2)] == ["allow", "rate_limited"]


def test_a_client_counts_with_all_its_tokens_and_a_person_with_all_their_clients():
    world = world_with(limit("client", 1))
    world.add("sibling")
    world.add("stranger", client_id="other")
    assert [code(world.decide(token=name)) for name in ("reader", "sibling", "stranger")] == [
        "allow", "rate_limited", "allow",
    ]  # fmt: skip
    world = world_with(limit("person", 1))
    world.add("ann", user_id="u1", client_id="a")
    world.add("ann2", user_id="u1", client_id="b")
    world.add("bob", user_id="u2", client_id="a")
    assert [code(world.decide(token=name)) for name in ("ann", "ann2", "bob", "reader", "reader")] == [
        "allow", "rate_limited", "allow", "allow", "allow",
    ]  # fmt: skip


def test_a_limit_by_key_holds_for_keys_and_for_the_tokens_that_they_were_exchanged_for():
    world = World()
    world.policy = Policy(
        [
            replace(
                world.policy.apis[0],
                operations=tuple(
                    replace(each, limits=Limits.of([limit("key", 1, place="weather")]))
                    for each in world.policy.apis[0].operations
                ),
            ),
        ]
    )
    world.engine.policy = world.policy
    key_id = world.add_key("one")
    world.add_key("two")
    terms = world.known[world.tokens["one"]].key
    world.add(
        "exchanged",
        audience=world.policy.apis[0].audience,
        scope=frozenset(),
        credential="api_key",
        client_id=f"api_key/{key_id}",
        key=terms,
    )
    path = "/weather/forecast/bern"
    used = [
        code(world.decide(path, headers=(("x-api-key", "{one}"),))),
        code(world.decide(path, headers=(("x-api-key", "{two}"),))),
        code(world.decide(path, "exchanged")),
        code(world.decide(path, "weather")),
        code(world.decide(path, "weather")),
    ]
    assert used == ["allow", "allow", "rate_limited", "allow", "allow"]


def test_an_api_counts_all_its_calls_together_and_an_operation_its_own():
    both = ("GET /accounts/{id}", "HEAD /accounts/{id}")
    world = world_with(limit("client", 1), operations=both)
    assert [code(world.decide()), code(world.decide(method="HEAD"))] == ["allow", "rate_limited"]
    world = World()
    weather, bank, *_ = world.policy.apis
    own = tuple(
        replace(each, limits=Limits.of([limit("client", 1, place=f"bank/{each.operation_id}")]))
        if each.label in both
        else each
        for each in bank.operations
    )
    world.engine.policy = Policy([weather, replace(bank, operations=own)])
    used = [world.decide(), world.decide(method="HEAD"), world.decide(), world.decide(method="HEAD")]
    assert list(map(code, used)) == ["allow", "allow", "rate_limited", "rate_limited"]


def test_several_limits_hold_at_once_and_a_refused_call_is_counted_at_none():
    world = world_with(limit("client", 1, 1), limit("client", 3, 3600))
    assert code(world.decide()) == "allow"
    for _ in range(5):
        decision = world.decide()
        assert code(decision) == "rate_limited"
        assert decision.headers["retry-after"] == "1"
    used = []
    for _ in range(3):
        world.clock.advance(1)
        used.append(code(world.decide()))
    assert used == ["allow", "allow", "rate_limited"]


def test_allowed_and_refused_answers_tell_the_limits_and_what_is_left():
    world = world_with(limit("address", 100), limit("person", 5), limit("client", 2, 3600))
    policy = '"address-minute";q=100;w=60, "client-hour";q=2;w=3600'
    assert told(world.decide()) == {
        "ratelimit-policy": policy,
        "ratelimit": '"address-minute";r=99;t=60, "client-hour";r=1;t=1800',
    }
    assert told(world.decide()) == {
        "ratelimit-policy": policy,
        "ratelimit": '"address-minute";r=98;t=59, "client-hour";r=0;t=1800',
    }
    refused = world.decide()
    assert (refused.problem.status, refused.problem.code) == (429, "rate_limited")
    assert refused.headers == {
        "ratelimit-policy": policy,
        "ratelimit": '"address-minute";r=97;t=59, "client-hour";r=0;t=1800',
        "retry-after": "1800",
    }


def test_who_is_not_let_in_learns_nothing_of_the_limits_of_others():
    world = world_with(limit("client", 5), limit("address", 9))
    for token in (None, "unknown", "longlived"):
        refused = world.decide(token=token)
        assert "client" not in refused.headers["ratelimit"]
        assert refused.headers["ratelimit-policy"] == '"address-minute";q=9;w=60'


def test_without_a_limit_nothing_is_counted_or_told():
    world = World()
    counting_by(world, None)  # whoever calls it fails
    decision = world.decide()
    assert decision.told == ()


@pytest.mark.parametrize("amount", [1, 7, 100, 10_000])
@pytest.mark.parametrize("left", [1, 5, 99, 9999])
def test_nobody_is_invited_to_more_than_the_rate(amount, left):
    """draft-ietf-httpapi-ratelimit-headers-11 §6: a client may take r/t for the pace that is wanted."""
    rate = Rate(amount, 60)
    field = headers(((limit("client", amount), Level(left, 0.0)),))["ratelimit"]
    seconds = int(field.rpartition("t=")[2])
    assert left / seconds <= rate.amount / rate.window


def test_a_name_is_a_string_of_a_structured_field():
    odd = Limit("client", Rate(1, 60), 'bank/GET /a"b\\c/{ü}')
    assert odd.name == '"GET /a\\"b\\\\c/{\\\\xfc}/client-minute"'
    assert odd.policy == odd.name + ";q=1;w=60"


def test_counters_that_have_to_wait_decide_the_same():
    world = world_with(limit("address", 3), limit("client", 1))

    async def later(counts):
        await asyncio.sleep(0)
        return world.counters.take(counts)

    counting_by(world, later)
    assert [code(world.decide()) for _ in range(4)] == [
        "allow",
        "rate_limited",
        "rate_limited",
        "rate_limited",
    ]


def test_counters_that_fail_refuse_and_raise_nothing():
    world = world_with(limit("client", 1))
    counting_by(world, None)
    assert code(world.decide()) == "unavailable"


def test_an_address_is_checked_before_and_a_caller_after_the_credential():
    names = [row.name for row in engine_module.STEPS]
    assert names.index("check limits by address") < names.index("extract one credential")
    assert names.index("check limits by caller") > names.index("check the scopes")


def test_explain_tells_what_is_left():
    world = world_with(limit("address", 3), limit("client", 2))
    _, steps = asyncio.run(world.engine.explain(world.request()))
    why = {step.name: step.why for step in steps}
    assert why["check limits by address"] == '2 left of "address-minute"'
    assert why["check limits by caller"] == '1 left of "client-minute"'


def test_through_the_door_the_backend_sees_only_what_is_within_the_limit():
    async def scenario(gateway):
        limit_bank(gateway.world, limit("client", 1, 3600), limit("address", 2, 3600))
        status, fields, _ = await gateway.ask()
        assert status == 200
        assert dict(fields)["ratelimit"] == '"address-hour";r=1;t=1800, "client-hour";r=0;t=3600'
        status, fields, body = await gateway.ask()
        assert status == 429
        assert dict(fields)["retry-after"] == "3600"
        assert b"urn:tokenward:problem:rate_limited" in body
        status, fields, _ = await gateway.ask(token=None)
        assert (status, dict(fields)["ratelimit"]) == (429, '"address-hour";r=0;t=1800')
        assert gateway.backend.requests == 1

    through(scenario)


def test_what_the_upstream_says_of_its_own_limits_stays_beside_ours():
    async def answer(reader, writer):
        writer.write(b'HTTP/1.1 200 OK\r\nRateLimit: "its";r=5\r\nContent-Length: 2\r\n\r\nok')

    async def scenario(gateway):
        gateway.backend.answer = answer
        limit_bank(gateway.world, limit("client", 2))
        _, fields, _ = await gateway.ask()
        assert [value for name, value in fields if name == "ratelimit"] == [
            '"its";r=5', '"client-minute";r=1;t=30',
        ]  # fmt: skip

    through(scenario)
