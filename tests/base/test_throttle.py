import pytest

from tokenward.base.clock import ManualClock
from tokenward.base.throttle import TokenBuckets, peer_network


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


def test_memory_is_bounded_and_the_longest_unseen_is_forgotten():
    buckets = TokenBuckets(burst=1, every=100, clock=ManualClock(), keys=3)
    for key in "abcd":
        assert buckets.take(key) == 0
    assert len(buckets._levels) == 3
    assert buckets.take("d") > 0
    assert buckets.take("a") == 0


def test_a_key_that_is_being_refused_is_not_forgotten_for_others():
    buckets = TokenBuckets(burst=1, every=100, clock=ManualClock(), keys=3)
    buckets.take("guesser")
    for key in "abcde":
        assert buckets.take("guesser") > 0
        buckets.take(key)


def test_full_buckets_take_no_memory():
    buckets = TokenBuckets(burst=2, every=1, clock=ManualClock())
    buckets.take("a")
    buckets.give_back("a")
    assert not buckets._levels


def test_waiting_takes_nothing():
    clock = ManualClock()
    buckets = TokenBuckets(burst=1, every=10, clock=clock)
    assert [buckets.wait("a"), buckets.wait("a"), buckets.take("a")] == [0, 0, 0]
    assert buckets.wait("a") == 10
    clock.advance(10)
    assert buckets.wait("a") == 0
    assert buckets.wait("a", behind=1) == 10


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("", "unix", False),
    ],
)
def test_peers_of_one_network_are_one(one, other, same):
    assert (peer_network(one) == peer_network(other)) is same
