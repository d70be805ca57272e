"""What engines in front are told: the one decision, in a form that says what to change of a request."""

import asyncio
from dataclasses import replace

import pytest

from certificates import certificate
from gateway.cases import CASES, refused_as
from gateway.test_proxy import SPOOFED
from gateway.world import World
from tokenward.base.rates import Rate
from tokenward.gateway.doors.decisions import Asked, DecisionDoor
from tokenward.gateway.engine import Engine
from tokenward.gateway.headers import outgoing
from tokenward.gateway.limits import Limit, Limits
from tokenward.gateway.policy import Policy
from tokenward.tokens.binding import ClientCertificate, Confirmation

FROM = {b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}
FACTS = [(b"x-tokenward-peer", b"192.0.2.1"), (b"x-tokenward-scheme", b"https")]


def ask(door, method, target, headers, body=b""):
    return asyncio.run(door.answer(Asked(method, target, headers, body)))


def door_of(world):
    return DecisionDoor(world.engine, lambda value: value)


def shown(form, world, case):
    """The case as an engine shows it."""
    request = world.request(
        case.path, method=case.method, query=case.query, headers=case.headers, body=case.body
    )
    target = request.raw_path + (b"?" + request.query if request.query else b"")
    headers = list(request.headers)
    if form == "forwarded":
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) > 1 or case.body:
            return None  # what this form cannot show
        told = {b"method": case.method.encode(), b"uri": target, b"proto": b"https", b"host": b"api.example"}
        told[b"for"] = b"203.0.113.9, 192.0.2.1"
        headers = [each for each in headers if each[0].removeprefix(b"x-forwarded-") not in told]
        headers += [(b"x-forwarded-" + name, value) for name, value in told.items()]
        return Asked("GET", b"/decide/forwarded", [*headers, (b"host", b"decisions")])
    if case.body and form == "head":
        return None
    return Asked(case.method, f"/decide/{form}".encode() + target, [*headers, *FACTS], case.body)


@pytest.mark.parametrize("form", ["head", "whole", "forwarded"])
def test_every_case_through_the_door(form):
    world = World()
    door = door_of(world)
    seen = 0
    for case in CASES:
        asked = shown(form, world, case)
        if asked is None:
            continue
        seen += 1
        status, headers, body = asyncio.run(door.answer(asked))
        told = {name.decode(): value.decode() for name, value in headers}
        if form == "forwarded" and case.code == "preflight":
            assert (status, "tokenward-decision" in told) == (503, False)  # the gateway's own to answer
            continue
        code = case.code
        if form == "forwarded" and case.name == "a header that looks like DPoP is none":
            code = "malformed_request"  # nobody would take it off the request
        if form != "whole" and case.path.startswith("/shop") and told["tokenward-decision"] == "deny":
            code = world.observed[-1].reason  # its contract may want to see the body; see below
            assert code in {case.code, "unavailable"}
        if code == "allow":
            assert (case.name, status, told["tokenward-decision"], body) == (case.name, 200, "allow", b"")
            continue
        assert (case.name, told["tokenward-decision"]) == (
            case.name,
            "preflight" if code == "preflight" else "deny",
        )
        refused_as(case, status, list(told.items()), body, code)
    assert seen > 100


def test_where_a_contract_asks_for_bodies_nothing_passes_whose_body_stays_with_the_engine():
    world = World()
    case = next(case for case in CASES if case.path == "/shop/orders" and case.code == "allow")
    asked = shown("whole", world, case)
    assert asyncio.run(door_of(world).answer(asked)).status == 200
    withheld = asked._replace(target=asked.target.replace(b"whole", b"head"), body=b"")
    assert asyncio.run(door_of(world).answer(withheld)).status == 503
    assert world.observed[-1].detail == "this door shows no bodies, and the contract asks for them"


def edited(sent, answer):
    """The client's headers, as an engine sends them on that does what it is told."""
    removed = dict(answer.headers)[b"x-envoy-auth-headers-to-remove"].split(b",")
    kept = [(name, value) for name, value in sent if name not in removed]
    ours = {name for name, _ in answer.headers}
    put = [
        (name, value)
        for name, value in answer.headers
        if not name.startswith((b"tokenward-", b"x-envoy-auth"))
    ]
    return [each for each in kept if each[0] not in ours] + put


def test_an_engine_sends_on_what_the_proxy_would_have():
    world = World()
    headers = [(name, "forged") for name in SPOOFED if name not in {"authorization", "x-api-key"}]
    headers += [
        ("authorization", "Bearer {reader}"),
        ("connection", "close, x-secret, authorization"),
        ("x-secret", "hop"),
        ("x-trace", "kept"),
        ("accept", "a"),
        ("accept", "b"),
        ("cookie", "a=1; tokenward=s"),
        ("cookie", "b=2"),
        ("host", "api.example"),
    ]
    request = world.request(headers=headers)
    client = [*request.headers]
    decision = asyncio.run(world.engine.decide(request))
    answer = ask(door_of(world), "GET", b"/decide/head/bank/accounts/7", [*client, *FACTS])
    expected = {
        name: value
        for name, value in outgoing(
            request.headers,
            inside_jwt=decision.inside_jwt,
            peer="192.0.2.1",
            scheme="https",
            host="api.example",
            trace=decision.trace,
        )
        if name not in {"x-request-id", "traceparent"} and name.encode() not in FROM
    }
    expected["cookie"] = "a=1; b=2"
    got = edited(client, answer)
    there = {name.decode(): value.decode() for name, value in got}
    assert {b"accept": [v for n, v in got if n == b"accept"]} == {b"accept": [b"a", b"b"]}
    for name in ("x-request-id", "traceparent", "connection", "host"):
        there.pop(name)
    assert there == expected
    assert b"forged" not in b"".join(value for _, value in got)


@pytest.mark.parametrize("form", ["head", "forwarded"])
def test_what_an_engine_asks_is_told_apart(form):
    world = World()
    asked = []
    world.engine._observe = lambda request, decision, seconds: asked.append(request.by_engine)
    case = next(case for case in CASES if case.name == "a token with the scope")
    asyncio.run(door_of(world).answer(shown(form, world, case)))
    asyncio.run(world.engine.decide(world.request()))
    assert asked == [True, False]


def test_only_what_the_client_sent_is_named_as_what_goes():
    """Each name costs an engine a search."""
    door = door_of(World())
    plain = [*FACTS, (b"host", b"api.example"), (b"x-a", b"1")]
    assert b"x-envoy-auth-headers-to-remove" not in dict(
        ask(door, "GET", b"/decide/head/weather/about", plain).headers
    )
    forged = [(name, b"forged") for name in sorted(FROM)]
    answer = ask(door, "GET", b"/decide/head/weather/about", [*plain, *forged, (b"x-user", b"root")])
    removed = dict(answer.headers)[b"x-envoy-auth-headers-to-remove"].split(b",")
    assert sorted(removed) == [*sorted(FROM), b"x-user"]


def test_the_answer_tells_what_the_client_is_told():
    world = World()
    answer = ask(door_of(world), "GET", b"/decide/head/bank/accounts/7", [*world.request().headers, *FACTS])
    told = dict(answer.headers)
    decision = world.observed[-1]
    for name, value in decision.told:
        assert told[b"tokenward-set-" + name] == value
    assert b"tokenward-max-age" not in told
    key = ask(
        door_of(world),
        "GET",
        b"/decide/head/weather/forecast/bern",
        [*world.request(headers=[("x-api-key", "{apikey}")]).headers, *FACTS],
    )
    assert dict(key.headers)[b"tokenward-private"] == b"1"
    page = world.request(
        token="pager", headers=[("origin", "https://app.example"), ("authorization", "Bearer {pager}")]
    )
    hidden = ask(door_of(world), "GET", b"/decide/head/pages/notes", [*page.headers, *FACTS])
    assert dict(hidden.headers)[b"tokenward-hide"] == b"access-control-"


def test_the_headers_of_every_answer_are_told_in_one():
    world = World()
    request = world.request()
    decision = asyncio.run(world.engine.decide(request))
    defaults = (
        (b"referrer-policy", b"no-referrer"),
        (b"content-security-policy", b"default-src: 'none'; a, b"),
    )

    class Decided:
        async def decide(self, _request):
            return decision._replace(defaults=self.defaults)

    engine = Decided()
    for engine.defaults, told in (
        (defaults, [b"referrer-policy: no-referrer\tcontent-security-policy: default-src: 'none'; a, b"]),
        ((), []),
    ):
        answer = ask(DecisionDoor(engine, None), "GET", b"/decide/head/bank/accounts/7", FACTS)
        assert [value for name, value in answer.headers if name == b"tokenward-defaults"] == told


@pytest.mark.parametrize(
    "facts",
    [
        [],
        FACTS[:1],
        FACTS[1:],
        [*FACTS, FACTS[0]],
        [*FACTS, FACTS[1]],
        [(b"x-tokenward-peer", b""), FACTS[1]],
        [FACTS[0], (b"x-tokenward-scheme", b"gopher")],
    ],
)
def test_an_engine_that_does_not_say_who_its_client_is_gets_no_decision(facts):
    world = World()
    answer = ask(door_of(world), "GET", b"/decide/head/weather/about", facts)
    assert (answer.status, b"tokenward-decision" in dict(answer.headers)) == (503, False)
    assert world.observed == []


@pytest.mark.parametrize("target", [b"/", b"/weather/about", b"/decide", b"/decide/forwardedly", b"*"])
def test_at_any_other_place_there_is_no_decision(target):
    answer = ask(door_of(World()), "GET", target, FACTS)
    assert (answer.status, b"tokenward-decision" in dict(answer.headers)) == (503, False)


@pytest.mark.parametrize("missing", [b"method", b"uri", b"proto", b"for"])
def test_a_forwarded_request_is_told_whole(missing):
    told = {b"method": b"GET", b"uri": b"/weather/about", b"proto": b"http", b"for": b"192.0.2.1"}
    headers = [(b"x-forwarded-" + name, value) for name, value in told.items()]
    door = door_of(World())
    assert ask(door, "GET", b"/decide/forwarded", headers).status == 200
    without = [each for each in headers if each[0] != b"x-forwarded-" + missing]
    assert ask(door, "GET", b"/decide/forwarded", without).status == 503
    assert ask(door, "GET", b"/decide/forwarded", [*headers, headers[0]]).status == 503


@pytest.mark.parametrize("name", ["x-user", "x_user", "forwarded", "x-original-url", "dpop_"])
def test_what_an_engine_should_have_removed_is_refused_where_it_cannot_be_told(name):
    told = {b"method": b"GET", b"uri": b"/weather/about", b"proto": b"http", b"for": b"192.0.2.1"}
    headers = [(b"x-forwarded-" + each, value) for each, value in told.items()]
    headers.append((name.encode(), b"root"))
    answer = ask(door_of(World()), "GET", b"/decide/forwarded", headers)
    assert (answer.status, dict(answer.headers)[b"tokenward-decision"]) == (400, b"deny")


def test_the_peer_is_whom_the_engine_saw_and_not_whom_the_client_names():
    world, peers = World(), []
    world.engine._observe = lambda request, decision, seconds: peers.append(request.peer)
    told = {b"method": b"GET", b"uri": b"/weather/about", b"proto": b"http"}
    headers = [(b"x-forwarded-" + name, value) for name, value in told.items()]
    headers.append((b"x-forwarded-for", b"198.51.100.7,192.0.2.1"))
    answer = ask(door_of(world), "GET", b"/decide/forwarded", headers)
    told = dict(answer.headers)
    assert peers == ["192.0.2.1"]
    assert (told[b"authorization"], told[b"cookie"]) == (b"", b""), "a client's own would stay"


@pytest.mark.parametrize(
    "target", [b"*", b"http://elsewhere/bank/accounts/7", b"//bank/accounts/7", b"/bank/../bank/accounts/7"]
)
def test_a_target_that_is_no_path_is_refused_as_it_was_sent(target):
    world = World()
    answer = ask(door_of(world), "GET", b"/decide/head" + target, [*world.request().headers, *FACTS])
    assert (answer.status, dict(answer.headers)[b"tokenward-decision"]) == (400, b"deny")


def test_a_target_keeps_its_fragment_and_is_refused():
    """An engine would drop it, and send up another target than was decided on."""
    world = World()
    for target in (b"/weather/about#x", b"/weather/about?a=b#x"):
        answer = ask(door_of(world), "GET", b"/decide/head" + target, FACTS)
        assert (answer.status, dict(answer.headers)[b"tokenward-decision"]) == (400, b"deny")


def test_a_certificate_binds_as_the_engine_tells_it():
    world = World()
    leaf = certificate().der
    shown_as = ClientCertificate.from_der(leaf)
    world.add("certified", cnf=Confirmation.of(shown_as))
    headers = [*world.request(token="certified").headers, *FACTS]
    door = door_of(world)
    assert ask(door, "GET", b"/decide/head/bank/accounts/7", headers).status == 401
    told = [*headers, (b"x-tokenward-certificate", leaf)]
    assert ask(door, "GET", b"/decide/head/bank/accounts/7", told).status == 200


class Kept:
    """A world whose decisions may be kept."""

    def __init__(self, seconds=1):
        self.world = World()
        world = self.world
        self.engine = Engine(
            world.policy,
            world,
            world.minter,
            lambda: True,
            proofs=world.engine._means.proofs,
            counters=world.counters,
            kept=seconds,
            clock=world.clock,
        )

    def max_age(self, *args, **kwargs):
        decision = asyncio.run(self.engine.decide(self.world.request(*args, **kwargs)))
        assert decision.reason == "allow"
        assert bool(decision.vary) == bool(decision.max_age)
        return decision.max_age

    def limited(self, **limits):
        self.engine.policy = Policy(
            [
                replace(api, operations=tuple(replace(it, **limits) for it in api.operations))
                for api in self.world.policy.apis
            ]
        )


def test_a_decision_may_be_kept_where_nothing_is_counted_bound_or_too_risky():
    kept = Kept(2)
    assert kept.max_age() == 2
    assert kept.max_age("/weather/about", token=None) == 2
    assert kept.max_age("/weather/forecast/bern", headers=[("x-api-key", "{apikey}")]) == 2
    assert kept.max_age("/bank/accounts/7", method="HEAD") == 2
    decision = asyncio.run(kept.engine.decide(kept.world.request()))
    assert decision.vary == ("peer", "method", "target", "host", "scheme", "headers", "body")
    assert asyncio.run(kept.world.engine.decide(kept.world.request())).max_age == 0


def test_a_decision_is_not_kept():
    kept = Kept()
    world = kept.world
    page = {"headers": [("cookie", "__Host-tokenward-app=of-{reader}"), ("tokenward-csrf", "1")]}
    assert kept.max_age(**page) == 0, "of a session"
    assert kept.max_age("/bank/transfers", method="POST", token="writer") == 0, "of an unsafe method"
    bound = [("authorization", "DPoP {bound}"), ("dpop", "{proof}")]
    assert kept.max_age("/bank/accounts/7", headers=bound) == 0, "of a bound token"
    paid = [("authorization", "DPoP {bound}"), ("dpop", "{proof}")]
    assert kept.max_age("/bank/payments", method="POST", headers=paid) == 0, "of tier high"
    for terms in ({"rate": 60}, {"origins": frozenset({b"https://a.example"})}):
        world.add_key("held", **terms)
        headers = [("x-api-key", "{held}"), ("origin", "https://a.example")]
        assert kept.max_age("/weather/forecast/bern", headers=headers) == 0, "of a key with terms"
    assert kept.max_age("/weather/about", token=None, body=b"x") == 0, "of a request with a body"
    for framing in ("content-length", "transfer-encoding"):
        request = world.request("/weather/about", headers=[(framing, "1")])
        decision = asyncio.run(kept.engine.decide(request._replace(body=None)))
        assert (decision.reason, decision.max_age) == ("allow", 0), "of one whose body stays with the engine"
    empty = world.request("/weather/about", headers=[("content-length", "0")])._replace(body=None)
    assert asyncio.run(kept.engine.decide(empty)).max_age == 1
    world.clock.advance(599)
    world.add("ending", expires_at=world.clock.time() + 1)
    assert kept.max_age(token="ending") == 0, "of a token that ends before"
    limit = Limit("client", Rate(100, 60), "bank")
    kept.limited(limits=Limits.of([limit]))
    world.add("counted")
    assert kept.max_age(token="counted") == 0, "of an operation whose calls are counted"
