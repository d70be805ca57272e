"""Basic authentication where a policy allows it by name: who gets in, until when, and what guessing costs."""

import asyncio
from base64 import b64encode
from dataclasses import replace

import pytest
from argon2 import PasswordHasher

from gateway.test_trust import Partner
from gateway.trusted import LAST_DAY, NoGuesses, Place, basic
from gateway.world import START, code
from tokenward.base.clock import ManualClock
from tokenward.base.problems import TOO_MANY_REQUESTS, UNAVAILABLE, Refusal
from tokenward.gateway.basic import BELIEVED
from tokenward.gateway.tiers import BASIC
from tokenward.identity.passwords import Passwords
from tokenward.identity.throttle import SignInThrottle


def shown(world, credentials, path="/partner/reports", **more):
    return world.decide(path, headers=[("authorization", f"Basic {credentials}")], **more)


RIGHT, WRONG = basic("reports", "correct horse"), basic("reports", "battery staple")


def test_who_knows_the_password_gets_in_under_a_name_that_is_nobody_else_s():
    world = Partner()
    facts = shown(world, RIGHT).facts
    assert facts.client_id == facts.subject == "urn:tokenward:basic:reports"
    assert (facts.user_id, facts.credential, facts.scope) == (None, BASIC, {"orders:read"})


def test_it_ends_by_itself():
    world = Partner()
    assert code(shown(world, RIGHT)) == "allow"
    world.clock.advance(LAST_DAY - 1)
    assert code(shown(world, RIGHT)) == "allow"
    world.clock.advance(1)
    assert code(shown(world, RIGHT)) == "wrong_scheme"


def test_it_is_too_weak_for_everything_but_the_lowest_tiers():
    world = Partner()
    world.trust(
        replace(world.place.trust, basic=replace(world.place.basic, scopes=frozenset({"orders:write"})))
    )
    assert code(shown(world, RIGHT, "/partner/hello")) == "allow"
    assert code(shown(world, RIGHT, "/partner/orders", method="POST")) == "insufficient_tier"


HOSTILE = {
    "no colon": b64encode(b"reports").decode(),
    "no name": basic("", "correct horse"),
    "no user": basic("somebody", "correct horse"),
    "the name in capitals": basic("REPORTS", "correct horse"),
    "a wrong password": WRONG,
    "no password": basic("reports", ""),
    "a name that is too long": basic("r" * 65, "x"),
    "a control character": basic("reports", "correct\x00horse"),
    "no UTF-8": b64encode(b"reports:\xff").decode(),
    "no base64": "AAA",
    "base64url": "__--",
}


@pytest.mark.parametrize("credentials", HOSTILE.values(), ids=HOSTILE)
def test_whatever_is_not_a_user_with_the_right_password_gets_the_same_answer(credentials):
    world = Partner()
    decision = shown(world, credentials)
    assert (decision.problem.code, decision.problem.status) == ("basic_refused", 401)
    assert len(world.engine.verified) == 0


def test_a_control_character_may_not_even_if_somebody_chose_it():
    world = Partner()
    users = {"reports": "hash of a\x00b", "wide": "hash of a\u3000b ü"}
    world.trust(replace(world.place.trust, basic=replace(world.place.basic, users=users)))
    assert code(shown(world, basic("reports", "a\x00b"))) == "basic_refused"
    assert code(shown(world, basic("wide", "a\u3000b ü"))) == "allow"


def test_a_colon_may_be_in_the_password():
    world = Partner()
    world.trust(
        replace(world.place.trust, basic=replace(world.place.basic, users={"reports": "hash of a:b"}))
    )
    assert code(shown(world, basic("reports", "a:b"))) == "allow"


# What it costs


def test_a_password_that_was_right_is_not_compared_again_for_some_seconds():
    world = Partner()
    assert [code(shown(world, RIGHT)) for _ in range(3)] == ["allow"] * 3
    assert len(world.place.passwords.asked) == 1
    world.clock.advance(BELIEVED)
    shown(world, RIGHT)
    assert len(world.place.passwords.asked) == 2


def test_a_wrong_one_is_never_remembered_and_counts_as_a_guess():
    world = Partner()
    assert [code(shown(world, WRONG)) for _ in range(3)] == ["basic_refused"] * 3
    assert len(world.place.passwords.asked) == 3
    assert world.place.guesses.counted == [("192.0.2.1", "reports")] * 3


def test_a_right_one_counts_as_none():
    world = Partner()
    shown(world, RIGHT)
    assert world.place.guesses.counted == []


def test_nor_one_that_nobody_could_compare():
    world = Partner()

    class Busy:
        async def verify(self, password_hash, password):
            raise Refusal(UNAVAILABLE, "too many are waiting", retry_after=1)

    world.trust(replace(world.place.trust, basic=replace(world.place.basic, passwords=Busy())))
    assert code(shown(world, WRONG)) == "unavailable"
    assert world.place.guesses.counted == []


def test_a_name_that_nobody_has_costs_as_much_as_one_that_somebody_has():
    world = Partner()
    shown(world, basic("somebody", "x"))
    assert world.place.passwords.asked == [None], "which `Passwords` compares like any other"


def test_the_same_credentials_at_once_are_compared_once():
    place = Place(ManualClock(START))

    async def scenario():
        await asyncio.gather(*(place.basic.judge(RIGHT, "192.0.2.1") for _ in range(40)))

    asyncio.run(scenario())
    assert len(place.passwords.asked) == 1


def test_guessing_is_slowed_down_by_address_and_locks_nobody_out():
    world = Partner()
    list_ = replace(world.place.basic, guesses=SignInThrottle(clock=world.clock))
    world.trust(replace(world.place.trust, basic=list_))
    answers = [code(shown(world, basic("reports", f"guess {n}"))) for n in range(8)]
    assert answers == ["basic_refused"] * 5 + ["too_many_requests"] * 3
    assert code(shown(world, RIGHT, peer="192.0.2.2")) == "allow"


def test_it_is_remembered_under_a_name_from_which_nobody_can_guess_it():
    one, other = Place(ManualClock(START)), Place(ManualClock(START))
    assert one.basic.name(RIGHT) != other.basic.name(RIGHT), "the key is the process's own"
    assert "correct horse" not in repr(one.basic)
    assert "hash of" not in repr(one.basic)


def test_with_real_hashes():
    hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    passwords = Passwords(hasher)
    world = Partner()
    list_ = replace(world.place.basic, users={"reports": hasher.hash("correct horse")}, passwords=passwords)
    world.trust(replace(world.place.trust, basic=list_))
    try:
        assert code(shown(world, RIGHT)) == "allow"
        assert code(shown(world, WRONG)) == "basic_refused"
        assert code(shown(world, basic("somebody", "correct horse"))) == "basic_refused"
    finally:
        passwords.close()


def test_a_name_under_attack_from_everywhere_holds_up_no_other():
    world = Partner()

    class Attacked(NoGuesses):
        def admit(self, peer, username):
            super().admit(peer, username)
            return 3600.0 if username == "victim" else 0.0

    guesses = Attacked()
    world.trust(replace(world.place.trust, basic=replace(world.place.basic, guesses=guesses)))

    def ask(credentials, peer="192.0.2.1"):
        headers = [("authorization", f"Basic {credentials}")]
        return world.engine.decide(world.request("/partner/reports", headers=headers, peer=peer))

    async def scenario():
        attack = [
            asyncio.ensure_future(ask(basic("victim", f"guess {number}"), f"198.51.100.{number}"))
            for number in range(64)
        ]
        while len(guesses.counted) < len(attack):  # noqa: ASYNC110 - until all of them wait
            await asyncio.sleep(0)
        assert code(await asyncio.wait_for(ask(RIGHT), 5)) == "allow"
        for each in attack:
            each.cancel()
        await asyncio.gather(*attack, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_one_network_leaves_as_many_places_as_it_has():
    world = Partner()

    class Slow(NoGuesses):
        def admit(self, peer, username):
            super().admit(peer, username)
            return 3600.0 if username == "victim" else 0.0

    guesses = Slow()
    list_ = replace(world.place.basic, guesses=guesses)
    world.trust(replace(world.place.trust, basic=list_))

    def ask():
        headers = [("authorization", f"Basic {RIGHT}")]
        return world.engine.decide(world.request("/partner/reports", headers=headers))

    async def scenario():
        assert code(await ask()) == "allow"
        attack = [
            asyncio.ensure_future(list_.judge(basic("victim", f"guess {number}"), f"2001:db8::{number:x}"))
            for number in range(300)
        ]
        await asyncio.sleep(0.05)
        assert len(guesses.counted) == 128
        assert {each.exception().problem for each in attack if each.done()} == {TOO_MANY_REQUESTS}
        assert await asyncio.wait_for(list_.judge(RIGHT, "192.0.2.1"), 5)
        others = [
            asyncio.ensure_future(list_.judge(basic("victim", f"guess {number}"), f"192.0.2.{number % 200}"))
            for number in range(300)
        ]
        await asyncio.sleep(0.05)
        assert len(guesses.counted) == 256
        with pytest.raises(Refusal) as turned_away:
            await asyncio.wait_for(list_.judge(RIGHT, "198.51.100.1"), 5)
        assert (turned_away.value.problem, turned_away.value.retry_after) == (UNAVAILABLE, 1)
        assert code(await ask()) == "allow", "who was right a moment ago waits behind nobody"
        for each in (*attack, *others):
            each.cancel()
        for each in list_._flights._under_way.values():
            each.cancel()
        await asyncio.gather(*attack, *others, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scenario(), 20))
