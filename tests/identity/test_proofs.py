"""What a session may tell of the sign-in: no more than was done, no younger than it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.identity.proofs import added, authentication
from tokenward.store.people_records import Proof
from tokenward.tokens.acr import LEVELS, Authentication, level_of, reaches

PWD, OTP, KEY = ("pwd",), ("otp",), ("hwk", "user", "mfa")


def proofs(*acts):
    return tuple(Proof(amr, float(at)) for amr, at in acts)


@pytest.mark.parametrize(
    ("done", "told"),
    [
        ([(PWD, 10)], Authentication(PWD, 10.0)),
        ([(PWD, 10), (OTP, 500)], Authentication(("pwd", "otp", "mfa"), 10.0)),
        ([(PWD, 10), (KEY, 500)], Authentication(KEY, 500.0)),  # the key alone is all of it
        ([(OTP, 10), (PWD, 500)], Authentication(("otp", "pwd", "mfa"), 10.0)),
        ([(PWD, 10), (OTP, 20), (KEY, 500)], Authentication(KEY, 500.0)),
        ([(KEY, 10), (PWD, 500)], Authentication(("hwk", "user", "mfa", "pwd"), 10.0)),
    ],
)
def test_the_latest_proofs_that_reach_the_highest_level_are_told(done, told):
    assert authentication(proofs(*done)) == told


def test_what_is_too_old_does_not_count():
    done = proofs((PWD, 10), (OTP, 500))
    assert authentication(done, since=10.0) == Authentication(("pwd", "otp", "mfa"), 10.0)
    assert authentication(done, since=10.5) == Authentication(OTP, 500.0)
    assert authentication(done, level="two-factor", since=10.5) is None
    assert authentication(done, since=500.5) is None
    assert authentication(()) is None


def test_what_does_not_reach_the_level_is_nothing():
    assert authentication(proofs((PWD, 10)), level="two-factor") is None
    assert authentication(proofs((PWD, 10), (OTP, 20)), level="phishing-resistant") is None
    assert authentication(proofs((PWD, 10)), level="single-factor") == Authentication(PWD, 10.0)


def test_the_same_act_again_takes_the_place_of_the_first():
    assert added(proofs((PWD, 10), (OTP, 20)), Proof(PWD, 30.0)) == proofs((OTP, 20), (PWD, 30))


@given(
    st.lists(
        st.tuples(st.sampled_from([PWD, OTP, KEY, ("fed",), ("swk", "user", "mfa")]), st.integers(0, 99))
    ),
    st.sampled_from([None, *LEVELS]),
    st.integers(0, 99),
)
def test_nothing_is_told_that_was_not_done(acts, level, since):
    done = proofs(*sorted(acts, key=lambda act: act[1]))
    told = authentication(done, level=level, since=since)
    counting = [proof for proof in done if proof.at >= since]
    if told is None:
        assert not counting or not reaches([each for proof in counting for each in proof.amr], level)
        return
    assert told.auth_time >= since
    used = [method for proof in counting if proof.at >= told.auth_time for method in proof.amr]
    assert set(told.amr) - {"mfa"} <= set(used)
    assert level_of(told.amr) == level_of([each for proof in counting for each in proof.amr])
