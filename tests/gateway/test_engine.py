import asyncio
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cases import CASES
from gateway.world import BANK, INSIDE, START, World, code
from tokenward import JwtValidator
from tokenward.base.problems import MALFORMED, Refusal
from tokenward.gateway import engine as engine_module
from tokenward.gateway.access import AccessRequest, Allow, Deny
from tokenward.gateway.policy import Policy
from tokenward.gateway.throttle import UNDER_WAY
from tokenward.store.records import FeedEvent
from tokenward.tokens import opaque
from tokenward.tokens.keys import SigningKey


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case):
    world = World()
    decision = world.decide(
        case.path, method=case.method, query=case.query, headers=case.headers, body=case.body
    )
    assert code(decision) == case.code


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_explain_comes_to_the_same_answer(case):
    world = World()
    request = world.request(
        case.path, method=case.method, query=case.query, headers=case.headers, body=case.body
    )
    decision, steps = asyncio.run(world.engine.explain(request))
    assert code(decision) == case.code
    answered = case.code in {"allow", "preflight"}
    assert [step.passed for step in steps] == [True] * (len(steps) - 1) + [answered]
    assert (
        case.code == "preflight"
        or (len(steps) == len(engine_module.STEPS)) == (case.code == "allow")
        or not steps[-1].passed
    )
    assert not any(token in step.why for step in steps for token in world.tokens.values())


def test_an_allowed_call_says_where_to_and_as_whom():
    world = World()
    decision = world.decide("/bank/accounts/me", "person")
    assert isinstance(decision, Allow)
    assert (decision.api, decision.operation) == ("bank", "GET /accounts/me")
    assert (decision.pool.addresses, decision.upstream_path) == (("http://127.0.0.1:9/v1",), "/accounts/me")
    assert decision.facts.user_id == "u1"


def test_the_inside_jwt_is_what_a_backend_verifies():
    world = World()
    decision = world.decide("/bank/accounts/me", "person")
    validator = JwtValidator(
        issuer=INSIDE,
        audience=BANK,
        keys=json.loads(json.dumps(world.minter.jwks())),
        algorithms=["ES256"],
        clock=world.clock,
    )
    claims = validator.validate(decision.inside_jwt)
    assert claims["sub"] == "u1"
    assert claims["client_id"] == "shop"
    assert claims["scope"] == "accounts:read profile"
    assert claims["exp"] - claims["iat"] == 60
    assert set(claims) == {"iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti"}


def test_an_anonymous_call_carries_no_jwt():
    decision = World().decide("/weather/about", None)
    assert isinstance(decision, Allow)
    assert decision.inside_jwt is None
    assert decision.facts is None


def test_a_known_token_is_not_looked_up_again():
    world = World()
    first, second = world.decide(), world.decide()
    assert code(second) == "allow"
    assert world.lookups == 1
    assert first.inside_jwt == second.inside_jwt


def test_the_jwt_of_a_known_token_is_made_anew_when_it_grows_old_or_its_key_signs_no_more():
    world = World()
    first = world.decide()
    world.clock.advance(41)
    second = world.decide()
    assert first.inside_jwt != second.inside_jwt
    world.ring.keys = [SigningKey.generate("ES256")]
    third = world.decide()
    assert second.inside_jwt != third.inside_jwt
    assert world.lookups == 1


def test_a_token_cached_for_one_scope_opens_no_other():
    world = World()
    assert code(world.decide()) == "allow"
    assert code(world.decide("/bank/transfers", method="POST")) == "insufficient_scope"
    assert code(world.decide("/weather/forecast/bern")) == "invalid_token"


def test_a_cached_token_ends_when_its_time_is_over():
    world = World()
    assert code(world.decide()) == "allow"
    world.clock.advance(599)
    assert code(world.decide()) == "allow"
    world.clock.advance(1)
    world.known.clear()
    assert code(world.decide()) == "invalid_token"


def test_a_resolver_that_returns_a_dead_token_is_not_believed():
    world = World()
    world.clock.advance(601)
    assert code(world.decide()) == "invalid_token"
    assert len(world.engine.verified) == 0


@pytest.mark.parametrize("query", ["a#/public", "a b", "a=\xe9", "a\r\nb", "a\0", "a" * 20_000])
def test_a_query_that_a_server_would_have_to_repair_is_refused(query):
    assert code(World().decide(query=query)) == "malformed_request"


def test_a_resolver_that_returns_another_token_is_not_believed():
    world = World()
    world.known[world.tokens["reader"]] = world.known[world.tokens["person"]]
    assert code(world.decide()) == "invalid_token"


@pytest.mark.parametrize(
    "event",
    [
        FeedEvent(1, "token", "{token_id}", 0),
        FeedEvent(1, "grant", "g1", 0),
        FeedEvent(1, "client", "shop", START),
        FeedEvent(1, "user", "u1", START),
        FeedEvent(1, "all", "", START),
    ],
    ids=lambda event: event.revoked,
)
def test_a_revoked_token_is_refused_from_the_event_on(event):
    world = World()
    assert code(world.decide(token="person")) == "allow"
    facts = world.known.pop(world.tokens["person"])
    subject = event.subject.replace("{token_id}", facts.token_id)
    world.engine.verified.on_event(FeedEvent(1, event.revoked, subject, event.before))
    assert code(world.decide(token="person")) == "invalid_token"


def test_a_lookup_that_a_revocation_overtook_is_not_remembered():
    world = World()

    async def scenario():
        world.gate = asyncio.Event()
        deciding = asyncio.create_task(world.engine.decide(world.request()))
        await asyncio.sleep(0)
        assert world.lookups == 1  # the store has answered: live
        facts = world.known.pop(world.tokens["reader"])
        world.engine.verified.on_event(FeedEvent(1, "token", facts.token_id, 0))
        world.gate.set()
        await deciding
        return await world.engine.decide(world.request())

    assert code(asyncio.run(scenario())) == "invalid_token"
    assert world.lookups == 2


def test_without_a_confirmed_feed_nothing_is_believed():
    world = World()
    assert code(world.decide()) == "allow"
    world.fresh = False
    assert code(world.decide()) == "unavailable"
    assert code(world.decide("/weather/about", None)) == "allow"  # nobody needs to be known there


def test_a_store_that_is_down_denies_and_costs_the_peer_nothing():
    world = World()
    world.unavailable()
    assert {code(world.decide()) for _ in range(50)} == {"unavailable"}
    world.fault = None
    assert code(world.decide()) == "allow"


def test_an_unexpected_fault_denies_and_tells_nothing(caplog):
    world = World()
    token = world.tokens["reader"]
    world.fault = RuntimeError(f"broken on {token}")
    with caplog.at_level(logging.DEBUG):
        decision = world.decide()
    assert code(decision) == "unavailable"
    assert "RuntimeError" in decision.detail
    assert token not in caplog.text + repr(decision)


def test_a_policy_can_be_swapped():
    world = World()
    assert code(world.decide()) == "allow"
    weather, *_ = world.policy.apis
    world.engine.policy = Policy([weather], 2)
    assert code(world.decide()) == "undocumented"


def test_challenges_say_what_rfc_6750_asks_for():
    world = World()
    where = f'resource_metadata="{BANK}/.well-known/oauth-protected-resource"'  # RFC 9728 §5.1
    assert world.decide(token=None).challenge == f'Bearer realm="bank", {where}'
    assert 'error="invalid_token"' in world.decide(token="unknown").challenge
    scope = world.decide("/bank/transfers", method="POST").challenge
    assert 'error="insufficient_scope"' in scope
    assert 'scope="transfers:write"' in scope
    assert world.decide("/bank/nowhere").challenge == ""


def test_a_wrong_method_lists_the_right_ones():
    decision = World().decide(method="DELETE")
    assert decision.headers == {"allow": "GET, HEAD"}


def test_unknown_tokens_are_throttled_by_peer_and_good_ones_never_for_the_guesses_of_others():
    world = World()
    codes = [
        code(world.decide(headers=[("authorization", f"Bearer {opaque.new('at').secret.reveal()}")]))
        for _ in range(30)
    ]
    assert codes == ["invalid_token"] * 20 + ["too_many_requests"] * 10
    assert code(world.decide()) == "allow"  # it was not seen before, and comes from the same peer
    decision = world.decide(token="unknown")
    assert decision.headers == {"retry-after": "1"}
    world.clock.advance(1)
    assert code(world.decide(token="unknown")) == "invalid_token"


def test_a_peer_cannot_flood_a_slow_store_before_anything_counts():
    world = World()

    async def ask(peer):
        token = opaque.new("at").secret.reveal()
        request = world.request(headers=[("authorization", f"Bearer {token}")], peer=peer)
        return code(await world.engine.decide(request))

    async def scenario():
        world.gate = asyncio.Event()
        asked = [asyncio.create_task(ask("192.0.2.1")) for _ in range(UNDER_WAY + 50)]
        asked.append(asyncio.create_task(ask("192.0.2.2")))
        await asyncio.sleep(0)
        under_way = world.lookups
        world.gate.set()
        return under_way, await asyncio.gather(*asked)

    under_way, codes = asyncio.run(scenario())
    assert under_way == UNDER_WAY + 1
    refused = ["invalid_token"] * 20 + ["too_many_requests"] * (UNDER_WAY + 50 - 20)
    assert codes == [*refused, "invalid_token"]
    world.clock.advance(60)
    world.unavailable()
    assert {code(world.decide()) for _ in range(UNDER_WAY + 1)} == {"unavailable"}  # what failed is over, too


def test_a_forged_token_storm_costs_no_lookup():
    world = World()
    assert {code(world.decide(token="damaged")) for _ in range(100)} == {"invalid_token"}
    assert world.lookups == 0
    assert code(world.decide()) == "allow"


_PIECES = st.sampled_from(
    [
        b"/",
        b"bank",
        b"accounts",
        b"me",
        b"%",
        b"%2e",
        b"%2F",
        b"..",
        b";",
        b"\xff",
        b"%C3%A9",
        b"?",
        b"#",
        b"\0",
    ]
)
_VALUES = st.binary(max_size=40) | st.sampled_from(
    [b"Bearer", b"Bearer ", b"bearer x.y.z", b"Basic =", b"close, host"]
)
_NAMES = st.sampled_from(
    [b"authorization", b"x-api-key", b"host", b"connection", b"cookie", b"upgrade", b":path"]
)


@given(
    method=st.text(max_size=8) | st.just("GET"),
    path=st.lists(_PIECES).map(b"".join) | st.binary() | st.just(b"/bank/accounts/7"),
    query=st.binary(max_size=40) | st.just(b"token=x"),
    headers=st.lists(st.tuples(_NAMES | st.binary(max_size=8), _VALUES), max_size=4),
    peer=st.text(max_size=8),
)
def test_no_request_makes_decide_raise_or_fail(method, path, query, headers, peer):
    world = World()
    request = AccessRequest(method, path, query, tuple(headers), peer)
    decision = asyncio.run(world.engine.decide(request))
    if isinstance(decision, Deny):
        assert decision.problem.status < 500
    else:
        assert decision.inside_jwt is None
        assert "public" in decision.operation or "about" in decision.operation


@pytest.mark.parametrize("name", [row.name for row in engine_module.STEPS])
def test_a_refusal_in_any_step_denies(monkeypatch, name):
    def refuse(_means, _case):
        raise Refusal(MALFORMED, "here")

    rows = tuple(
        engine_module._Row(row.name, refuse if row.name == name else row.run, row.tell)
        for row in engine_module.STEPS
    )
    monkeypatch.setattr(engine_module, "STEPS", rows)
    assert code(World().decide()) == "malformed_request"


def test_an_inside_jwt_at_the_door_is_named_as_such_in_the_log_only():
    decision = World().decide(token="inside")
    assert decision.detail == "a JWT is not accepted at this door"
    assert "JWT" not in decision.challenge + decision.problem.text


def test_who_lacks_authorization_details_is_told_of_which_type():
    decision = World().decide("/bank/orders", "writer", method="POST")
    assert code(decision) == "insufficient_authorization_details"
    assert (decision.problem.status, decision.problem.oauth) == (403, "insufficient_scope")
    assert 'authorization_details_type="payment"' in decision.challenge
