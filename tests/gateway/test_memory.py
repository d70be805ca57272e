"""The verified-token memory, the throttle and the minter, each by itself."""

from dataclasses import replace

import pytest

from gateway.world import BANK, INSIDE, KEY, START, WEATHER, facts
from rings import FixedRing
from tokenward.base.clock import ManualClock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal
from tokenward.gateway.inside import InsideMinter, Protection
from tokenward.gateway.throttle import UNDER_SUSPICION, UnknownTokenThrottle
from tokenward.gateway.verified import VerifiedTokens
from tokenward.store.records import FeedEvent
from tokenward.tokens import opaque
from tokenward.tokens.keys import SigningKey


def fill(memory, **changes):
    token = opaque.new("at")
    text = token.secret.reveal()
    memory.keep(text, facts(token, **changes), generation=memory.generation)
    return text, token.token_id


def live(memory, text, now=START):
    return memory.get(text, now) is not None


def test_the_oldest_goes_first():
    memory = VerifiedTokens(size=3)
    tokens = [fill(memory, grant_id=f"g{number}")[0] for number in range(5)]
    assert [live(memory, token) for token in tokens] == [False, False, True, True, True]
    assert len(memory) == 3
    assert len(memory._index.token) == len(memory._index.family) == 3


def test_only_the_whole_token_opens():
    memory = VerifiedTokens()
    text, _ = fill(memory)
    assert not live(memory, text[:-1])
    assert not live(memory, text[:-6] + "000000")
    assert not live(memory, text + "=")


def test_an_ended_token_leaves():
    memory = VerifiedTokens()
    text, _ = fill(memory, grant_id="g")
    assert live(memory, text, START + 599.9)
    assert not live(memory, text, START + 600)
    assert len(memory) == len(memory._index.family) == 0


def test_each_revocation_hits_what_it_names_and_nothing_else():
    memory = VerifiedTokens()
    names = {
        "plain": fill(memory),
        "other": fill(memory, client_id="other"),
        "g1a": fill(memory, grant_id="g1", user_id="u1"),
        "g1b": fill(memory, grant_id="g1", user_id="u1"),
        "g2": fill(memory, grant_id="g2", user_id="u1", client_id="other"),
        "late": fill(memory, issued_at=START + 5, client_id="other", user_id="u1"),
    }

    def alive():
        return {name for name, (text, _) in names.items() if live(memory, text)}

    memory.on_event(FeedEvent(1, "token", names["plain"][1], 0))
    assert alive() == {"other", "g1a", "g1b", "g2", "late"}
    memory.on_event(FeedEvent(2, "grant", "g1", 0))
    assert alive() == {"other", "g2", "late"}
    # "late" was issued after the cut, but perhaps from a grant made before it: only the store knows.
    memory.on_event(FeedEvent(3, "user", "u1", START))
    assert alive() == {"other"}
    names["another"] = fill(memory)
    memory.on_event(FeedEvent(4, "client", "other", START))
    assert alive() == {"another"}
    memory.on_event(FeedEvent(5, "all", "", START))
    assert alive() == set()
    memory.on_event(FeedEvent(6, "token", "nobody", 0))
    memory.on_event(FeedEvent(7, "grant", "nobody", 0))
    assert memory.generation == 7


def test_what_was_exchanged_is_forgotten_with_each_thing_that_it_was_exchanged_for():
    memory = VerifiedTokens()
    text, _ = fill(memory, ancestors=("parent", "root"), client_id="backend")
    for event in (
        FeedEvent(1, "token", "parent", 0),
        FeedEvent(2, "token", "root", 0),
        FeedEvent(3, "client", "of-the-root", START),
    ):
        assert live(memory, text)
        memory.on_event(event)
        assert not live(memory, text)
        assert len(memory) == len(memory._index.family) == 0
        text, _ = fill(memory, ancestors=("parent", "root"), client_id="backend")
    memory.on_event(FeedEvent(4, "token", "another", 0))
    assert live(memory, text)


@pytest.mark.parametrize(
    "disturb", [lambda m: m.clear(), lambda m: m.on_event(FeedEvent(1, "token", "other", 0))]
)
def test_a_fill_from_before_a_revocation_is_discarded(disturb):
    memory = VerifiedTokens()
    token = opaque.new("at")
    generation = memory.generation
    disturb(memory)
    memory.keep(token.secret.reveal(), facts(token), generation=generation)
    assert not live(memory, token.secret.reveal())


def test_a_gap_forgets_everything():
    memory = VerifiedTokens()
    text, _ = fill(memory, grant_id="g")
    memory.clear()
    assert not live(memory, text)
    fill(memory, grant_id="g")
    assert len(memory) == 1


def test_unknown_tokens_use_up_what_a_peer_may_ask():
    clock = ManualClock()
    throttle = UnknownTokenThrottle(clock)
    for _ in range(20):
        throttle.count("2001:db8::1")
    with pytest.raises(Refusal) as refused:
        throttle.count("2001:db8::2")  # the same /64
    assert refused.value.retry_after == 1
    throttle.count("2001:db8:0:1::1")
    clock.advance(0.25)
    throttle.count("2001:db8::1")


def test_a_peer_that_has_used_up_its_unknown_tokens_has_few_lookups_at_once():
    clock = ManualClock()
    throttle = UnknownTokenThrottle(clock)
    for _ in range(20):
        throttle.count("192.0.2.1")
    for _ in range(UNDER_SUSPICION):
        throttle.admit("192.0.2.1")
    with pytest.raises(Refusal) as refused:
        throttle.admit("192.0.2.1")
    assert refused.value.problem is TOO_MANY_REQUESTS
    throttle.admit("192.0.2.2")
    throttle.end("192.0.2.1")
    throttle.admit("192.0.2.1")
    clock.advance(1)
    throttle.admit("192.0.2.1")


def test_an_inside_jwt_ends_with_the_token():
    clock = ManualClock(START + 570.5)
    minter = InsideMinter(FixedRing(KEY), INSIDE, clock)
    jwt = minter.mint(facts(opaque.new("at")))
    assert jwt.expires_at == START + 600
    assert jwt.final
    assert minter.serves(jwt, START + 599)
    assert not minter.serves(jwt, START + 600)
    clock.advance(29.6)
    with pytest.raises(Refusal):
        minter.mint(facts(opaque.new("at"), expires_at=START + 600.9))


def test_each_audience_has_its_algorithm():
    keys = [SigningKey.generate(name) for name in ("ES256", "EdDSA")]
    minter = InsideMinter(
        FixedRing(*keys), INSIDE, ManualClock(START), protections={BANK: Protection("EdDSA")}
    )
    assert minter.mint(facts(opaque.new("at"), audience=BANK)).kid == keys[1].kid
    assert minter.mint(facts(opaque.new("at"), audience=WEATHER)).kid == keys[0].kid


def test_an_inside_jwt_is_served_while_it_has_twenty_seconds_left_and_under_its_key_only():
    minter = InsideMinter(FixedRing(KEY), INSIDE, ManualClock(START))
    jwt = minter.mint(facts(opaque.new("at"), audience=BANK))
    assert jwt.expires_at == START + 60
    assert minter.serves(jwt, START + 40)
    assert not minter.serves(jwt, START + 40.5)
    assert not minter.serves(jwt, START - 0.5)  # the clock was set back: a backend would not have it yet
    other = InsideMinter(FixedRing(SigningKey.generate()), INSIDE, ManualClock(START))
    assert not other.serves(jwt, START)
    assert jwt.text not in repr(replace(jwt))
