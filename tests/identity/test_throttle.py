import pytest

from tokenward.base.clock import ManualClock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal
from tokenward.identity import throttle
from tokenward.identity.throttle import DELAY, SignInThrottle, TokenBuckets, peer_of


def test_a_bucket_gives_its_burst_then_one_at_a_time():
    clock = ManualClock()
    buckets = TokenBuckets(burst=3, every=10, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 10]
    assert buckets.take("b") == 0
    clock.advance(4)
    assert buckets.take("a") == pytest.approx(6)
    clock.advance(6)
    assert [buckets.take("a"), buckets.take("a")] == [0, 10]


def test_a_bucket_never_holds_more_than_its_burst():
    clock = ManualClock()
    buckets = TokenBuckets(burst=2, every=1, clock=clock)
    buckets.take("a")
    clock.advance(1000)
    for _ in range(5):
        buckets.give_back("a")
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 1]


def test_memory_is_bounded_and_the_longest_unseen_is_forgotten(monkeypatch):
    monkeypatch.setattr(throttle, "MAX_KEYS", 3)
    buckets = TokenBuckets(burst=1, every=100, clock=ManualClock())
    for key in "abcd":
        assert buckets.take(key) == 0
    assert len(buckets._levels) == 3
    assert buckets.take("d") > 0
    assert buckets.take("a") == 0


def test_full_buckets_take_no_memory():
    buckets = TokenBuckets(burst=2, every=1, clock=ManualClock())
    buckets.take("a")
    buckets.give_back("a")
    assert not buckets._levels


def test_a_refused_name_does_not_use_up_the_address_for_others():
    guard = SignInThrottle(clock=ManualClock())
    for _ in range(5):
        guard.admit("p", "alice")
    for _ in range(50):
        with pytest.raises(Refusal) as caught:
            guard.admit("p", "alice")
        assert caught.value.problem is TOO_MANY_REQUESTS
    assert guard.admit("p", "bob") == 0


def test_a_name_attacked_from_everywhere_waits_and_is_never_refused():
    guard = SignInThrottle(clock=ManualClock())
    waits = [guard.admit(f"peer {n}", "alice") for n in range(25)]
    assert waits == [0] * 20 + [DELAY] * 5
    assert guard.admit("another peer", "bob") == 0


@pytest.mark.parametrize(
    ("client", "peer"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6", 5), "2001:db8:1:2::"),
        (("2001:db8:1:2:ffff::1", 5), "2001:db8:1:2::"),
        (("::ffff:192.0.2.1", 5), "192.0.2.1"),
        (("testclient", 5), "testclient"),
        (None, "unknown"),
    ],
)
def test_who_is_counted_as_one(client, peer):
    assert peer_of({"client": client}) == peer
