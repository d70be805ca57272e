import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.clock import ManualClock
from tokenward.tokens.dpop_nonces import DpopNonces

KEY = bytes(range(32))


def test_a_nonce_is_good_in_its_period_and_the_next():
    clock = ManualClock(6_000)
    nonces = DpopNonces(KEY, period=60, clock=clock)
    nonce = nonces.current()
    for seconds, good in ((0, True), (59, True), (1, True), (59, True), (1, False)):
        clock.advance(seconds)
        assert nonces.accepts(nonce) is good, clock.time()
    assert nonces.current() != nonce


def test_processes_with_one_key_know_each_others_and_no_others():
    clock = ManualClock(6_000)
    nonce = DpopNonces(KEY, clock=clock).current()
    assert DpopNonces(KEY, clock=clock).accepts(nonce)
    assert not DpopNonces(KEY[::-1], clock=clock).accepts(nonce)


def test_none_is_known_ahead():
    clock = ManualClock(6_000)
    nonces = DpopNonces(KEY, period=60, clock=clock)
    clock.advance(60)
    next_one = nonces.current()
    clock.advance(-60)
    assert not nonces.accepts(next_one)


def test_a_nonce_fits_a_header_and_says_nothing():
    # RFC 9449 §8.1: nonce = 1*NQCHAR; 128 bits cannot be guessed.
    nonce = DpopNonces(KEY, clock=ManualClock(6_000)).current()
    assert len(nonce) == 22
    assert nonce.isascii()
    assert nonce.replace("-", "a").replace("_", "a").isalnum()


@pytest.mark.parametrize(("key", "period"), [(KEY[:31], 60), (b"", 60), (KEY, 0), (KEY, -1)])
def test_bad_settings_do_not_construct(key: bytes, period: int):
    with pytest.raises(ValueError, match="nonce key"):
        DpopNonces(key, period=period)
    assert DpopNonces(KEY, period=1)


@given(st.none() | st.integers() | st.text() | st.binary() | st.lists(st.text()) | st.just("\ud800" * 22))
def test_nothing_else_is_a_nonce(value: object):
    assert DpopNonces(KEY, clock=ManualClock(6_000)).accepts(value) is False
