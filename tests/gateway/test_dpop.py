"""RFC 9449 at the gateway, beyond the case table: every proof once, every time, and what the answer tells."""

import asyncio
from dataclasses import replace

import pytest

from gateway.wire import through
from gateway.world import ORIGIN, World, code
from tokens.dpop_forgery import FORGERIES, KEY, forged
from tokenward.base.problems import UNAVAILABLE
from tokenward.tokens.acr import ACR
from tokenward.tokens.binding import Confirmation, token_hash
from tokenward.tokens.dpop import ALGORITHMS_OF_PROOFS, ReplaysUnavailable

PATH = "/bank/accounts/7"


def ask(world, *proofs, token="bound", path=PATH, method="GET", scheme="DPoP"):
    headers = [("authorization", f"{scheme} {{{token}}}"), *(("dpop", proof) for proof in proofs)]
    return world.decide(path, method=method, headers=headers)


def test_a_proof_is_good_once_also_for_a_token_that_is_remembered():
    world = World()
    proof = world.proof("GET", PATH)
    assert [code(ask(world, proof)) for _ in range(3)] == [
        "allow",
        "dpop_proof_refused",
        "dpop_proof_refused",
    ]
    assert code(ask(world, world.proof("GET", PATH))) == "allow"
    assert code(ask(world)) == "dpop_proof_refused"
    assert code(ask(world, scheme="Bearer")) == "invalid_token"
    assert world.lookups == 1


def test_of_many_uses_of_a_proof_at_once_one_passes():
    world = World()
    headers = [("authorization", "DPoP {bound}"), ("dpop", world.proof("GET", PATH))]

    async def at_once():
        requests = [world.engine.decide(world.request(PATH, headers=headers)) for _ in range(20)]
        return await asyncio.gather(*requests)

    assert sorted(code(each) for each in asyncio.run(at_once())) == ["allow"] + ["dpop_proof_refused"] * 19


def test_where_it_cannot_be_known_whether_a_proof_was_used_nothing_passes():
    class Down:
        async def first_use_async(self, key, until):
            raise ReplaysUnavailable

    world = World()
    world.dpop._replays = Down()
    refused = ask(world, world.proof("GET", PATH))
    assert refused.problem is UNAVAILABLE
    assert refused.headers["retry-after"] == "1"


def test_a_stranger_who_has_the_token_leaves_no_trace_in_the_memory_of_proofs():
    class Counted:
        uses = 0

        async def first_use_async(self, key, until):
            self.uses += 1
            return True

    world = World()
    world.dpop._replays = counted = Counted()
    assert code(ask(world, world.proof("GET", PATH, "by=thief"))) == "dpop_proof_refused"
    assert counted.uses == 0


@pytest.mark.parametrize("name", FORGERIES)
def test_a_bad_proof_opens_nothing(name):
    world = World()
    text = world.tokens["bound"]
    world.known[text] = replace(world.known[text], cnf=Confirmation("jkt", KEY.kid))
    good = {"htm": "GET", "htu": ORIGIN + PATH, "nonce": world.dpop.nonce(), "ath": token_hash(text)}
    assert code(ask(world, *forged(name, good, world.clock.time()))) == "dpop_proof_refused"


def test_an_old_nonce_is_refused_and_the_answer_brings_a_new_one():
    world = World()
    old = world.dpop.nonce()
    world.clock.advance(121)
    refused = ask(world, world.proof("GET", PATH, f"nonce={old}"))
    assert code(refused) == "dpop_nonce_needed"
    assert refused.headers["dpop-nonce"] == world.dpop.nonce() != old
    assert 'error="use_dpop_nonce"' in refused.challenge


def test_a_token_bound_to_a_key_of_another_kind_is_not_proved_by_a_dpop_proof():
    world = World()
    text = world.tokens["bound"]
    world.known[text] = replace(
        world.known[text], cnf=Confirmation("x5t#S256", world.known[text].cnf.thumbprint)
    )
    assert code(ask(world, world.proof("GET", PATH))) == "invalid_token"


def test_challenges_name_the_scheme_that_is_needed():
    world = World()
    algorithms = f'algs="{" ".join(ALGORITHMS_OF_PROOFS)}"'
    for refused in (
        ask(world),  # no proof
        ask(world, scheme="Bearer"),  # a bound token as a bearer token
        world.decide("/bank/payments", None, method="POST"),  # a tier that needs one
        world.decide("/bank/payments", "writer", method="POST"),
    ):
        assert refused.challenge.startswith('DPoP realm="bank"')
        assert algorithms in refused.challenge
        assert refused.headers["dpop-nonce"] == world.dpop.nonce()
    plain = world.decide(PATH, None)
    assert plain.challenge.startswith('Bearer realm="bank"')
    assert "algs" not in plain.challenge
    assert "dpop-nonce" not in plain.headers


def test_a_step_up_challenge_says_what_to_ask_the_issuer_for():
    world = World()
    path = "/bank/payouts"
    refused = ask(world, world.proof("POST", path, "of=pwd"), token="pwd", path=path, method="POST")
    assert refused.problem.status == 401
    for part in ('DPoP realm="bank"', 'error="insufficient_user_authentication"', 'max_age="300"'):
        assert part in refused.challenge
    assert f'acr_values="{ACR["two-factor"]}"' in refused.challenge


def test_an_allowed_answer_brings_the_next_nonce_and_may_not_be_kept():
    world = World()
    allowed = ask(world, world.proof("GET", PATH))
    assert allowed.told == ((b"dpop-nonce", world.dpop.nonce().encode()),)
    assert allowed.max_age == 0
    assert world.decide(PATH).told == ()


def test_without_a_memory_of_proofs_no_bound_token_passes():
    world = World()
    world.engine._means = replace(world.engine._means, proofs=None)
    assert code(ask(world, world.proof("GET", PATH))) == "invalid_token"


async def _with_a_nonce_of_its_own(_reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ndpop-nonce: x\r\n\r\n")
    await writer.drain()


def test_the_proof_stays_at_the_door_and_the_answer_has_the_nonce():
    async def scenario(gateway):
        gateway.backend.answer = _with_a_nonce_of_its_own
        headers = [("authorization", "DPoP {bound}"), ("dpop", "{proof}"), ("dpop-nonce", "x")]
        status, answered, _ = await gateway.ask(headers=headers)
        assert status == 200
        told = [value for name, value in answered if name == "dpop-nonce"]
        assert told == [gateway.world.dpop.nonce()]
        assert gateway.backend.header("dpop") == []
        assert "DPoP" not in str(gateway.backend.header("authorization"))

    through(scenario)
