"""What is asked for next: what is missing, and nothing else."""

from urllib.parse import parse_qsl

import pytest

from tokenward.identity.steps import Aim, Step, next_step
from tokenward.store.people_records import FactorSummary, Proof

BACK = "/authorize?client_id=app"
PWD, OTP, KEY, FED = ("pwd",), ("otp",), ("swk", "user", "mfa"), ("fed",)
FED_TWO, FED_KEY = ("fed", "mfa"), ("fed", "hwk", "mfa")
NOTHING = FactorSummary(password=True, passkeys=0, totp=False, recovery_codes=0)
APP = FactorSummary(password=True, passkeys=0, totp=True, recovery_codes=8)
KEYS = FactorSummary(password=True, passkeys=2, totp=False, recovery_codes=8)
BOTH = FactorSummary(password=True, passkeys=1, totp=True, recovery_codes=8)


@pytest.mark.parametrize(
    ("held", "done", "level", "step"),
    [
        (NOTHING, [], None, "first"),
        (NOTHING, [PWD], None, "done"),
        (NOTHING, [PWD], "single-factor", "done"),
        (NOTHING, [PWD], "two-factor", "enrol"),
        (NOTHING, [PWD], "phishing-resistant", "enrol"),
        (NOTHING, [FED], None, "done"),
        (NOTHING, [FED], "two-factor", "enrol"),
        (APP, [PWD], None, "second"),  # whoever has a second factor uses it
        (APP, [PWD], "single-factor", "second"),  # whatever a client asks for
        (APP, [FED], None, "second"),
        (APP, [FED, OTP], None, "done"),
        (NOTHING, [FED_TWO], "two-factor", "done"),
        (NOTHING, [FED_KEY], "phishing-resistant", "done"),
        (APP, [FED_TWO], None, "second"),  # what a provider saw stands for no factor of theirs here
        (APP, [FED_TWO], "two-factor", "second"),
        (APP, [FED_TWO, PWD], None, "second"),
        (APP, [PWD, FED_TWO], "two-factor", "second"),
        (APP, [FED_TWO, OTP], "two-factor", "done"),
        (KEYS, [FED_KEY], "phishing-resistant", "passkey"),
        (KEYS, [FED_KEY], None, "second"),
        (KEYS, [FED, KEY], "phishing-resistant", "done"),
        (APP, [PWD, OTP], None, "done"),
        (APP, [PWD, OTP], "phishing-resistant", "enrol"),
        (APP, [PWD], "phishing-resistant", "second"),  # nobody adds a passkey by a password alone
        (APP, [OTP], None, "first"),
        (KEYS, [PWD], None, "second"),
        (KEYS, [PWD], "phishing-resistant", "passkey"),
        (KEYS, [KEY], "phishing-resistant", "done"),
        (BOTH, [PWD, OTP], None, "done"),
        (BOTH, [PWD, OTP], "phishing-resistant", "passkey"),
        (BOTH, [OTP], None, "first"),
        (BOTH, [KEY], None, "done"),
    ],
)
def test_the_next_step_is_what_is_missing(held, done, level, step):
    proofs = [Proof(amr, 100.0 + index) for index, amr in enumerate(done)]
    assert next_step(held, proofs, Aim(BACK, level)) is Step(step)


def test_what_is_too_old_is_asked_for_again_and_the_rest_is_not():
    old_password = [Proof(PWD, 100.0), Proof(OTP, 900.0)]
    assert next_step(APP, old_password, Aim(BACK, since=500.0)) is Step.FIRST
    old_code = [Proof(OTP, 100.0), Proof(PWD, 900.0)]
    assert next_step(APP, old_code, Aim(BACK, since=500.0)) is Step.SECOND
    assert next_step(APP, old_code, Aim(BACK, since=950.0)) is Step.FIRST
    assert next_step(APP, old_code, Aim(BACK)) is Step.DONE
    old_code = [Proof(OTP, 100.0), Proof(FED_TWO, 900.0)]
    assert next_step(APP, old_code, Aim(BACK, since=500.0)) is Step.SECOND


def test_an_aim_travels_in_a_query():
    for aim in (Aim(BACK), Aim(BACK, "two-factor", 1_799_999_000.25), Aim("/account/passkeys", None, 7.0)):
        assert Aim.read(dict(parse_qsl(aim.query))) == aim


@pytest.mark.parametrize("since", ["-1", "1e9", "inf", "nan", "1", "1" * 12 + ".0", "\u0661.0", "0x1.0"])
def test_what_is_no_moment_asks_for_nothing(since):
    assert Aim.read({"continue": BACK, "since": since, "level": "root"}) == Aim(BACK)
