import pytest

from tokenward.base.clock import ManualClock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal
from tokenward.identity.throttle import DELAY, SignInThrottle, peer_of


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


def test_what_a_name_did_not_give_it_does_not_get_back():
    guard = SignInThrottle(clock=ManualClock())
    for n in range(20):
        guard.admit(f"peer {n}", "alice")
    for _ in range(3):
        delay = guard.admit("p", "alice")
        assert delay == DELAY
        guard.give_back("p", "alice", delay)


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
