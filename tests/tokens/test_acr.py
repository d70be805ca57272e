"""Levels follow from methods, and from nothing else."""

import pytest

from tokenward.tokens.acr import ACR, LEVELS, acr_of, level_of, reaches, requested_level, two_factors


@pytest.mark.parametrize(
    ("amr", "enough"),
    [
        (("pwd", "otp"), True),
        (("mfa",), True),
        (("hwk", "fpt"), True),
        (("fed", "otp"), True),
        (("pwd", "pin"), False),  # two things that somebody knows are one kind of factor
        (("pwd", "fed"), False),
        (("otp", "sms"), False),
        (("pwd", "user"), False),
        (("pwd", "pwd"), False),
        ((), False),
    ],
)
def test_two_factors_are_of_two_kinds(amr, enough):
    assert two_factors(amr) is enough


@pytest.mark.parametrize(
    ("amr", "level"),
    [
        ((), "single-factor"),
        (("pwd",), "single-factor"),
        (("hwk", "user"), "single-factor"),  # something that somebody has, and no sign of who holds it
        (("pwd", "otp"), "two-factor"),
        (("mfa",), "two-factor"),
        (("hwk", "user", "mfa"), "phishing-resistant"),
        (("swk", "user", "mfa"), "phishing-resistant"),
        (("pwd", "hwk", "user"), "phishing-resistant"),
    ],
)
def test_a_level_follows_from_what_was_done(amr, level):
    assert level_of(amr) == level
    assert acr_of(amr) == ACR[level]
    assert [each for each in LEVELS if reaches(amr, each)] == list(LEVELS[: LEVELS.index(level) + 1])


def test_the_first_value_that_is_known_is_asked_for():
    assert requested_level("unknown phr urn:tokenward:acr:single-factor") == "phishing-resistant"
    assert requested_level("urn:tokenward:acr:two-factor phr") == "two-factor"
    assert [requested_level(ACR[level]) for level in LEVELS] == list(LEVELS)
    assert requested_level("1 2 PHR") is requested_level("") is None
