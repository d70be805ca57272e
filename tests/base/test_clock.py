import time

from tokenward.base.clock import SYSTEM_CLOCK, ManualClock


def test_the_system_clock_is_the_machines():
    assert abs(SYSTEM_CLOCK.time() - time.time()) < 5
    assert SYSTEM_CLOCK.monotonic() <= SYSTEM_CLOCK.monotonic()


def test_a_manual_clock_moves_only_when_told():
    clock = ManualClock(100.0)
    assert (clock.time(), clock.monotonic()) == (100.0, 100.0)
    clock.advance(2.5)
    assert (clock.time(), clock.monotonic()) == (102.5, 102.5)
