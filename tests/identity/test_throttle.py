import pytest

from tokenward.base.clock import ManualClock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal
from tokenward.base.throttle import peer_of
from tokenward.identity.throttle import DELAY, SecondFactorThrottle, SignInThrottle


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


def refused(admit, *arguments):
    with pytest.raises(Refusal) as caught:
        admit(*arguments)
    assert caught.value.problem is TOO_MANY_REQUESTS
    return caught.value.retry_after


def test_who_floods_a_name_or_an_address_does_not_slow_the_owner_down():
    guard = SignInThrottle(clock=ManualClock())
    for n in range(40):
        guard.admit(f"peer {n}", "alice")
    for n in range(20):
        guard.admit("home", f"name {n}")
    refused(guard.admit, "home", "alice")
    assert guard.admit("home", "alice", "laptop") == 0


def test_a_known_device_has_guesses_of_its_own_and_not_more():
    clock = ManualClock()
    guard = SignInThrottle(clock=clock)
    for n in range(5):
        assert guard.admit(f"peer {n}", "alice", "laptop") == 0
    assert refused(guard.admit, "another peer", "alice", "laptop") == 30
    assert guard.admit("peer", "bob", "laptop") == guard.admit("peer", "alice", "phone") == 0
    clock.advance(30)
    assert guard.admit("peer", "alice", "laptop") == 0


def test_what_a_known_device_guesses_nobody_else_pays():
    guard = SignInThrottle(clock=ManualClock())
    for n in range(20):
        for _ in range(5):
            guard.admit("home", "alice", f"device {n}")
    waits = [guard.admit("home", "alice") for _ in range(5)]
    assert waits == [0] * 5


def test_a_right_password_from_a_known_device_costs_nothing_anywhere():
    guard = SignInThrottle(clock=ManualClock())
    for _ in range(50):
        guard.give_back("p", "alice", guard.admit("p", "alice", "laptop"), "laptop")
    for _ in range(5):
        guard.admit("p", "alice", "laptop")
        guard.admit("p", "alice")
    refused(guard.admit, "p", "alice")


def test_codes_are_refused_for_longer_the_more_were_wrong():
    clock = ManualClock()
    guard = SecondFactorThrottle(clock=clock)
    waits = []
    for _ in range(23):
        try:
            guard.admit("alice")
        except Refusal as refusal:
            waits.append(refusal.retry_after)
            clock.advance(refusal.retry_after)
            guard.admit("alice")
    assert waits[:15] == [60] * 15
    assert 900 - 60 <= waits[15] <= 1800
    assert waits[16:] == [1800] * 2


def test_who_waits_for_codes_is_one_person_on_one_device():
    guard = SecondFactorThrottle(clock=ManualClock())
    for _ in range(5):
        guard.admit("alice")
    for _ in range(50):
        assert refused(guard.admit, "alice") == 60
    guard.admit("bob")
    guard.admit("alice", "laptop")


def test_a_right_code_costs_nothing():
    guard = SecondFactorThrottle(clock=ManualClock())
    for device in ("", "laptop"):
        for _ in range(50):
            guard.admit("alice", device)
            guard.give_back("alice", device)


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
