"""What goes on is asked about again as strictly as a new call, but for what was about its beginning."""

import asyncio
from copy import deepcopy
from dataclasses import replace

import pytest

from gateway.shop import DOCUMENT, compiled
from gateway.world import CNF, START, World, code
from tokenward.base.problems import Refusal
from tokenward.gateway.doors.running import Running
from tokenward.gateway.policy import Policy
from tokenward.gateway.tiers import TIERS
from tokenward.tokens.binding import Confirmation

ACCOUNT = "GET /accounts/{id}"


def bank(world, label=ACCOUNT, **changes):
    """The same policy, with another operation of that label at the bank."""
    _, api, *_ = world.policy.apis
    operations = [replace(each, **changes) if each.label == label else each for each in api.operations]
    another(world, "bank", operations=tuple(operations))


def another(world, name, **changes):
    apis = [replace(api, **changes) if api.name == name else api for api in world.policy.apis]
    world.engine.policy = Policy(apis)


def again(world, request, proved=None):
    answer = asyncio.run(world.engine.outlives(request, proved))
    return answer.problem.code if isinstance(answer, Refusal) else answer


def begun(world, path="/bank/accounts/7", token="reader", **how):
    request = world.request(path, token, **how)
    assert code(asyncio.run(world.engine.decide(request))) == "allow"
    return request


CHANGES = {
    "another audience": (lambda world: another(world, "bank", audience="https://other.example"), "reader"),
    "a scope more": (lambda world: bank(world, scopes=frozenset({"accounts:read", "more"})), "reader"),
    "a higher tier": (lambda world: bank(world, tier=TIERS["high"]), "reader"),
    "a stronger client": (
        lambda world: bank(world, tier=replace(TIERS["moderate"], credentials=frozenset({"mtls"}))),
        "reader",
    ),
    "a shorter life": (lambda world: bank(world, tier=replace(TIERS["low"], max_lifetime=60)), "reader"),
    "a second factor": (lambda world: bank(world, tier=replace(TIERS["low"], two_factors_within=1)), "pwd"),
    "no such operation": (lambda world: bank(world, method="PUT"), "reader"),
    "a WebSocket": (lambda world: bank(world, websocket=True), "reader"),
}


@pytest.mark.parametrize(("change", "token"), CHANGES.values(), ids=CHANGES)
def test_what_a_new_call_would_be_refused_for_ends_what_goes_on(change, token):
    world = World()
    headers, proved = None, None
    if token == "pwd":
        headers = [
            ("authorization", "DPoP {pwd}"),
            ("dpop", world.proof("GET", "/bank/accounts/7", "of=pwd")),
        ]
        proved = CNF
    request = begun(world, headers=headers)
    assert again(world, request, proved) == world.known[world.tokens[token]]
    change(world)
    refused = again(world, request, proved)
    if token == "pwd":
        headers[1] = ("dpop", world.proof("GET", "/bank/accounts/7", "of=pwd"))
    assert refused == code(world.decide(headers=headers))
    assert refused != "allow"


def test_what_was_good_once_is_not_asked_for_again():
    world = World()
    world.add("mfa", scope=frozenset({"accounts:read"}), cnf=CNF, user_id="u1", grant_id="g1",
              credential="private_key_jwt", auth_time=START, amr=("pwd", "otp"))  # fmt: skip
    bank(world, tier=TIERS["critical"])
    proof = world.proof("GET", "/bank/accounts/7", "of=mfa")
    request = begun(world, headers=[("authorization", "DPoP {mfa}"), ("dpop", proof)])
    world.clock.advance(301)  # the sign-in is too old for a new call, and so is the proof
    assert again(world, request, CNF) == world.known[world.tokens["mfa"]]


def test_a_token_that_is_bound_to_another_key_now_is_refused():
    world = World()
    proof = world.proof("GET", "/bank/accounts/7", "of=bound")
    request = begun(world, headers=[("authorization", "DPoP {bound}"), ("dpop", proof)])
    assert again(world, request, Confirmation("jkt", "A" * 43)) == "dpop_proof_refused"
    assert again(world, request) == "dpop_proof_refused"


def test_parameters_are_held_against_the_document_of_today_and_the_body_is_left_alone():
    class Gone:
        expected = True

        async def read(self, _limit):
            raise AssertionError("it has been passed on")

    world = World()
    request = begun(world, "/shop/orders", "buyer", query="tag=tea")
    assert again(world, request._replace(body=Gone())) == world.known[world.tokens["buyer"]]
    document = deepcopy(DOCUMENT)
    del document["paths"]["/orders"]["get"]["parameters"]
    another(world, "shop", operations=compiled(document=document))
    assert again(world, request) == "contract_parameter"


def test_who_calls_without_a_credential_ends_where_one_is_needed_from_now_on():
    async def scenario(world):
        running = Running(world.engine)
        held = running.hold(world.request("/bank/public/7", None))
        running.add(held)
        await running.look()
        assert held.ended is None
        bank(world, "GET /public/{page}", tier=TIERS["low"])
        await running.look()
        assert held.ended.problem.code == "no_credential"

    asyncio.run(scenario(World()))


def test_what_an_api_let_pass_for_a_trial_ends_when_it_is_enforced():
    async def scenario(world):
        policy = world.policy
        another(world, "bank", reports_until=START + 86_400)
        running = Running(world.engine)
        held = running.hold(world.request(token="unknown"))
        running.add(held)
        another(world, "bank", reports_until=START + 86_401)
        await running.look()
        assert (held.ended, held.facts) == (None, None)
        world.engine.policy = policy
        await running.look()
        assert held.ended.problem.code == "invalid_token"

    asyncio.run(scenario(World()))
