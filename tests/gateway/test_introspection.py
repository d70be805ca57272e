"""Opaque tokens of another issuer, which only it can read: what is asked, what is believed, for how long."""

import asyncio
import itertools
import json

import pytest

from gateway.test_trust import STRANGER, Partner
from gateway.trusted import PARTNER, Place
from gateway.world import BANK, CNF, START, code
from tokenward.base.clock import ManualClock
from tokenward.base.outbound import OutboundError
from tokenward.base.problems import INVALID_TOKEN, TOO_MANY_REQUESTS, UNAVAILABLE
from tokenward.gateway.introspection import (
    AT_ONCE,
    LONGEST_BELIEVED,
    UNKNOWN_KEPT,
    UNKNOWN_SECONDS,
    WAITING,
    Server,
)
from tokenward.gateway.policy import Policy
from tokenward.gateway.trust import Trust
from tokenward.tokens.validator import Engine, find_kind

PEER = "192.0.2.1"


def _server(place, **changes):
    return Server(
        "https://stranger.example/introspect",
        lambda: ("Basic b3Vycw==", {}),
        place.post,
        **changes,
    )


def test_the_question_is_a_form_from_a_client_that_authenticates():
    world = Partner()
    text = world.place.token()
    assert code(world.call(text)) == "allow"
    assert world.place.questions == [{"token": text, "token_type_hint": "access_token"}]
    assert world.place.heads == [("application/json", "Basic b3Vycw==")]


def test_the_answer_says_whose_it_is():
    world = Partner()
    claims = world.inside(world.place.token(sub="u1", email="a@b.example"))
    assert (claims["sub"], claims["client_id"]) == (f"{STRANGER}|u1", f"{STRANGER}|their-app")
    assert "email" not in claims
    facts = world.call(world.place.token(sub=None)).facts
    assert (facts.subject, facts.user_id) == (f"{STRANGER}|their-app", None)


REFUSED = {
    "another issuer": {"iss": "https://other.example"},
    "another audience": {"aud": BANK},
    "an audience of another type": {"aud": {PARTNER: True}},
    "no audience": {"aud": None},
    "ended": {"exp": START - 1},
    "ended within the leeway": {"exp": START},
    "an end that is a text": {"exp": str(START + 60)},
    "not yet": {"nbf": START + 31},
    "from the future": {"iat": START + 31},
    "a refresh token": {"token_type": "refresh_token"},
    "no type": {"token_type": None},
    "another use": {"token_use": "refresh_token"},
    "Keycloak's refresh token": {"typ": "Refresh"},
    "nobody's": {"sub": None, "client_id": None},
    "a scope that is none": {"scope": 7},
    "bound in an unknown way": {"cnf": {"jwk": {}}},
    "of type DPoP and not bound": {"token_type": "DPoP"},
    "an actor": {"act": {"sub": "bob"}},
    "a subject that is none": {"sub": "a\nb"},
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_an_active_token_that_is_not_for_here_is_refused_and_asked_once(change):
    world = Partner()
    text = world.place.token(**change)
    assert [code(world.call(text)) for _ in range(2)] == ["invalid_token"] * 2
    assert len(world.place.questions) == 1
    assert len(world.engine.verified) == 0


def test_what_answers_leave_out_is_named_with_a_reason():
    world = Partner()
    for missing in ("aud", "token_type"):
        world.place.opaque = world.place.opaque_source(
            server=_server(world.place, may_lack=frozenset({missing}))
        )
        world.trust(world.place.trust)
        assert code(world.call(world.place.token(**{missing: None}))) == "allow"
        wrong = {"aud": {"aud": BANK}, "token_type": {"token_type": "refresh_token"}}[missing]
        assert code(world.call(world.place.token(**wrong))) == "invalid_token", "what is there must fit"


@pytest.mark.parametrize("active", [1, "true", "false", None, [True], {}], ids=repr)
def test_active_is_a_boolean_or_the_answer_is_none(active):
    world = Partner()
    text = world.place.token()
    world.place.answer = lambda _: json.dumps(
        {**world.place.stranger.tokens[text], "active": active}
    ).encode()
    assert code(world.call(text)) == "unavailable"
    assert code(world.call(text)) == "unavailable", "and nothing of it is remembered"
    assert len(world.place.questions) == 2


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"active":true,"active":false}', b"\xff", b"true"], ids=repr
)
def test_an_answer_that_is_no_object_is_none(body):
    world = Partner()
    world.place.answer = lambda _: body
    assert code(world.call("their-x")) == "unavailable"


def test_a_token_without_times_is_good_for_the_lowest_tier_only():
    for change in ({"exp": None}, {"iat": None}, {"exp": None, "iat": None}):
        world = Partner()
        text = world.place.token(**change)
        assert code(world.call(text, "/partner/reports")) == "allow"
        assert code(world.call(text)) == "insufficient_tier"


# How long an answer is believed


def test_an_answer_is_believed_for_some_seconds_and_not_longer():
    world = Partner()
    text = world.place.token()
    assert code(world.call(text)) == "allow"
    world.place.stranger.tokens[text] = {"active": False}
    world.clock.advance(LONGEST_BELIEVED - 1)
    assert code(world.call(text)) == "allow"
    world.clock.advance(1)
    assert code(world.call(text)) == "invalid_token"
    assert len(world.place.questions) == 2


def test_the_seconds_count_from_the_question_and_not_from_the_answer():
    world = Partner()
    text = world.place.token()

    def slow(form):
        async def answer():
            world.clock.advance(20)
            return json.dumps(world.place.stranger.tokens[form["token"]]).encode()

        return answer()

    world.place.answer = slow
    assert code(world.call(text)) == "allow"
    world.place.answer = None
    world.clock.advance(10)
    world.call(text)
    assert len(world.place.questions) == 2


def test_nor_longer_than_the_token_lives():
    world = Partner()
    text = world.place.token(exp=START + 10)
    assert code(world.call(text)) == "allow"
    world.clock.advance(10)
    assert code(world.call(text)) == "invalid_token"


def test_no_configuration_lets_it_be_believed_longer():
    place = Place(ManualClock(START))
    text = place.token()
    judged = asyncio.run(place.opaque_source(believed=3600).judge(text, PEER))
    assert judged.believed_until == START + LONGEST_BELIEVED


def test_a_bound_token_is_asked_about_once_and_proved_each_time():
    world = Partner()
    world.tokens["bound"] = world.place.token(scope="orders:write", cnf=CNF.claim(), token_type="DPoP")
    headers = [("authorization", "DPoP {bound}"), ("dpop", "{proof}")]

    def paid(headers):
        return code(world.decide("/partner/payments", method="POST", headers=headers))

    assert [paid(headers), paid(headers)] == ["allow", "allow"]
    assert paid(headers[:1]) == "dpop_proof_refused"
    assert paid([("authorization", "Bearer {bound}")]) == "invalid_token"
    assert len(world.place.questions) == 1


# Floods


def test_an_unknown_token_is_remembered_for_a_moment():
    world = Partner()
    assert [code(world.call("their-x")) for _ in range(3)] == ["invalid_token"] * 3
    assert len(world.place.questions) == 1
    world.clock.advance(UNKNOWN_SECONDS)
    world.call("their-x")
    assert len(world.place.questions) == 2


def test_unknown_tokens_take_bounded_memory():
    place = Place(ManualClock(START))

    async def flood():
        for number in range(UNKNOWN_KEPT + 10):
            assert await place.opaque.judge(f"their-{number}", PEER) is None
        return len(place.opaque._unknown)

    assert asyncio.run(flood()) == UNKNOWN_KEPT


def test_one_peer_that_invents_tokens_is_told_to_wait():
    world = Partner()
    answers = [code(world.call(f"their-{number}")) for number in range(30)]
    assert answers[:20] == ["invalid_token"] * 20
    assert "too_many_requests" in answers
    assert code(world.call(world.place.token(), peer="192.0.2.9")) == "allow", "nobody else is"


def test_all_who_ask_at_once_about_one_token_get_one_answer():
    place = Place(ManualClock(START))
    text = place.token()

    async def scenario():
        gate = asyncio.Event()

        async def answer(form):
            await gate.wait()
            return json.dumps(place.stranger.tokens[form["token"]]).encode()

        place.answer = answer
        asking = [asyncio.create_task(place.opaque.judge(text, PEER)) for _ in range(50)]
        await asyncio.sleep(0)
        asking[0].cancel()  # who asked first has lost patience
        await asyncio.sleep(0.01)
        gate.set()
        return await asyncio.gather(*asking, return_exceptions=True)

    first, *others = asyncio.run(scenario())
    assert isinstance(first, asyncio.CancelledError)
    assert {judged.subject for judged in others} == {f"{STRANGER}|alice"}
    assert len(place.questions) == 1


class Slow:
    """A server that answers nothing until it is told to."""

    def __init__(self, place):
        self.gate = asyncio.Event()
        self.place = place
        self.asking = []
        self.numbers = itertools.count()
        place.answer = lambda _form: self._answer()

    async def _answer(self):
        await self.gate.wait()
        return b'{"active": false}'

    async def wait_for(self, *peers):
        """A question of each of these; gives those that were turned away."""
        asked = [
            asyncio.create_task(self.place.opaque.judge(f"their-{next(self.numbers)}", peer))
            for peer in peers
        ]
        await asyncio.sleep(0.01)
        self.asking += [each for each in asked if not each.done()]
        return [each.exception() for each in asked if each.done()]

    async def answers(self):
        self.gate.set()
        return await asyncio.gather(*self.asking)


def test_so_many_questions_at_a_time_and_so_many_that_wait():
    place = Place(ManualClock(START))

    async def scenario():
        slow = Slow(place)
        assert not await slow.wait_for(*(f"192.0.2.{number}" for number in range(AT_ONCE + WAITING)))
        assert len(place.questions) == AT_ONCE
        (turned_away,) = await slow.wait_for("198.51.100.1")
        assert (turned_away.problem, turned_away.retry_after) == (UNAVAILABLE, 1)
        assert await slow.answers() == [None] * (AT_ONCE + WAITING)
        assert await slow.wait_for("198.51.100.1") == [None], "there is room again"

    asyncio.run(scenario())


def test_nobody_has_more_places_than_are_left_free_for_others():
    place = Place(ManualClock(START))
    everything = AT_ONCE + WAITING

    async def scenario():
        slow = Slow(place)
        network = [f"2001:db8:0:7::{number:x}" for number in range(everything)]  # all of one /64
        turned_away = await slow.wait_for(*network)
        assert {each.problem for each in turned_away} == {TOO_MANY_REQUESTS}
        assert len(slow.asking) == everything // 2
        assert not await slow.wait_for(*["2001:db8:0:8::1"] * (everything // 4))
        assert not await slow.wait_for(*(f"192.0.2.{number}" for number in range(10)))
        assert len(await slow.wait_for(*["2001:db8:0:8::1"] * 10)) == 10
        await slow.answers()
        assert not place.opaque._flights._places

    asyncio.run(scenario())


def test_who_is_known_does_not_wait_behind_those_who_are_not():
    world = Partner()
    known, unseen = world.place.token(), world.place.token()
    assert code(world.call(known)) == "allow"

    def ask(text, peer):
        headers = [("authorization", f"Bearer {text}")]
        return world.engine.decide(world.request("/partner/orders", headers=headers, peer=peer))

    async def scenario():
        slow = Slow(world.place)
        peers = [f"192.0.2.{number}" for number in range(AT_ONCE + WAITING)]
        attack = [asyncio.create_task(ask(f"their-{peer}", peer)) for peer in peers]
        await asyncio.sleep(0.05)
        assert code(await asyncio.wait_for(ask(known, peers[0]), 5)) == "allow"
        refused = await asyncio.wait_for(ask(unseen, "198.51.100.1"), 5)
        assert (refused.problem, refused.headers["retry-after"]) == (UNAVAILABLE, "1")
        slow.gate.set()
        await asyncio.gather(*attack)

    asyncio.run(scenario())


def test_what_goes_on_is_asked_about_again_whoever_floods_from_that_address():
    world = Partner()
    headers = [("authorization", f"Bearer {world.place.token()}")]
    request = world.request("/partner/orders", headers=headers, peer=PEER)

    async def scenario():
        assert code(await world.engine.decide(request)) == "allow"
        world.clock.advance(LONGEST_BELIEVED)
        slow = Slow(world.place)
        assert await slow.wait_for(*[PEER] * (AT_ONCE + WAITING))
        asked = asyncio.create_task(world.engine.outlives(request))
        await asyncio.sleep(0.01)
        await slow.answers()
        return await asked

    assert asyncio.run(scenario()).problem is INVALID_TOKEN  # the answer, not TOO_MANY_REQUESTS


def test_nobody_is_asked_about_a_text_that_is_too_long():
    place = Place(ManualClock(START))
    assert asyncio.run(place.opaque.judge("their-" + "x" * 16_384, PEER)) is None
    assert place.questions == []


# Bad days


@pytest.mark.parametrize("trouble", ["timeout", "unreachable", "bad_status", "redirect_refused", "too_large"])
def test_while_it_gives_no_answer_nobody_gets_in_and_then_again(trouble):
    world = Partner()
    text = world.place.token()

    async def fails(_form):
        raise OutboundError(trouble, "")

    world.place.answer = fails
    decision = world.call(text)
    assert (code(decision), decision.headers["retry-after"]) == ("unavailable", "1")
    assert code(world.call(world.place.jwt())) == "allow", "whatever needs no answer goes on"
    world.place.answer = None
    assert code(world.call(text)) == "allow"


def test_a_fault_of_ours_is_no_answer_either():
    world = Partner()

    async def fails(_form):
        raise RuntimeError("the token is their-secret")

    world.place.answer = fails
    decision = world.call("their-secret")
    assert code(decision) == "unavailable"
    assert "their-secret" not in decision.detail


@pytest.mark.parametrize(
    ("status", "expected"), [(400, "invalid_token"), (401, "unavailable"), (500, "unavailable")]
)
def test_a_question_that_it_calls_bad_is_about_a_bad_token(status, expected):
    """A caller decides what the token looks like, and no look of it may count as our trouble."""
    world = Partner()

    async def fails(_form):
        raise OutboundError("bad_status", "", status=status)

    world.place.answer = fails
    assert code(world.call("their-x")) == expected


# Two servers


def test_a_token_is_shown_to_the_server_whose_prefix_it_has_and_to_no_other():
    world = Partner()
    other = Place(world.clock)
    trust = Trust(opaque={"their-": world.place.opaque, "other-": other.opaque})
    world.engine.policy = Policy((world.place.api(trust),))
    assert code(world.call(other.stranger.opaque(PARTNER, "other-token", scope="orders:read"))) == "allow"
    assert code(world.call("third-token")) == "invalid_token"
    assert world.place.questions == []
    assert [form["token"] for form in other.questions] == ["other-token"]


def test_a_jwt_is_shown_to_the_server_of_its_issuer_and_to_no_other():
    world = Partner()
    trust = Trust(issuers={STRANGER: world.place.opaque}, opaque={"": world.place.opaque})
    world.engine.policy = Policy((world.place.api(trust),))
    ours = world.place.jwt()
    world.place.stranger.opaque(PARTNER, ours, scope="orders:read")
    assert code(world.call(ours)) == "allow"
    assert code(world.call(world.place.jwt(iss="https://other.example"))) == "invalid_token"
    assert code(world.call(world.tokens["damaged"])) == "invalid_token", "nor is one of our own, damaged"
    assert [form["token"] for form in world.place.questions] == [ours]


def test_what_is_nearly_a_jwt_is_shown_to_nobody_without_a_prefix_that_says_so():
    """It could be one of ours that was damaged on its way, and easy to mend for who gets to see it."""
    world = Partner()
    world.trust(Trust(opaque={"": world.place.opaque}))
    head, payload, signature = world.tokens["inside"].split(".")
    for text in (
        f"{head}.{payload[:-1]}.{signature}",
        f"{head}.{payload}!.{signature}",
        "a.b.c",
        f"{head}.e30.x",
    ):
        assert code(world.call(text)) == "invalid_token"
    assert world.place.questions == []
    world.trust(Trust(opaque={"v4.public.": world.place.opaque}))
    assert code(world.call(world.place.token(text="v4.public.x"))) == "allow"


# Signed answers (RFC 9701)


def _signed(world):
    place = world.place
    engine = Engine(
        find_kind("token-introspection+jwt"),
        issuer=STRANGER,
        audience="gateway",
        keys=place.stranger.keys,
        algorithms=("ES256",),
        leeway=30,
        max_lifetime=None,
        clock=world.clock,
    )
    place.stranger.signed_for = "gateway"
    place.answer = place.stranger.about
    place.opaque = place.opaque_source(server=_server(place, signed=engine))
    world.trust(place.trust)


def test_a_signed_answer_is_taken_where_it_is_asked_for():
    world = Partner()
    _signed(world)
    text = world.place.token(aud=[BANK, PARTNER], amr=["pwd"])
    assert code(world.call(text)) == "allow"
    assert world.place.heads[0][0] == "application/token-introspection+jwt"
    assert code(world.call("their-x")) == "invalid_token"


@pytest.mark.parametrize(
    "change", [{"signed_for": "another"}, {"signed_for": None}, {"issuer": "https://x.example"}], ids=str
)
def test_where_signed_answers_are_asked_for_no_other_counts(change):
    world = Partner()
    _signed(world)
    text = world.place.token()
    for name, value in change.items():
        setattr(world.place.stranger, name, value)
    assert code(world.call(text)) == "unavailable"


def test_a_signed_answer_of_yesterday_does_not_count():
    world = Partner()
    _signed(world)
    text = world.place.token()
    old = world.place.stranger.about({"token": text})
    world.place.answer = lambda _: old
    world.clock.advance(331)
    assert code(world.call(text)) == "unavailable"


def test_what_authenticates_us_is_in_no_repr():
    assert "Basic" not in repr(_server(Place(ManualClock(START))))
