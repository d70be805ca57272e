from dataclasses import replace

import pytest

from gateway.world import CNF, START, facts
from tokenward.base.problems import INSUFFICIENT_TIER, STEP_UP_NEEDED, Refusal
from tokenward.gateway.tiers import TIERS, admit
from tokenward.tokens import opaque

CREDENTIALS = ("api_key", "none", "client_secret", "workload", "private_key_jwt", "mtls")
GOOD = {
    "public": CREDENTIALS,
    "low": CREDENTIALS,
    "moderate": CREDENTIALS[1:],
    "high": CREDENTIALS[1:],
    "critical": CREDENTIALS[4:],
}
LIFE = {"public": 10**9, "low": 10**9, "moderate": 900, "high": 600, "critical": 600}
PERSON = {"user_id": "u1", "amr": ("pwd", "otp"), "auth_time": START, "cnf": CNF}


def judged(tier, lifetime=300, **changes):
    """ "good", or the code of the refusal of a token that is good for every tier but for the changes."""
    good = {"credential": "mtls", "issued_at": START, "expires_at": START + lifetime} | PERSON
    try:
        admit(TIERS[tier], facts(opaque.new("at"), **(good | changes)), START)
    except Refusal as refusal:
        return refusal.problem.code
    return "good"


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("credential", CREDENTIALS)
def test_which_credential_is_good_enough(tier, credential):
    expected = "good" if credential in GOOD[tier] else INSUFFICIENT_TIER.code
    assert judged(tier, credential=credential) == expected


@pytest.mark.parametrize("tier", LIFE)
def test_how_long_a_token_may_live(tier):
    assert judged(tier, LIFE[tier]) == "good"
    if LIFE[tier] < 1000:
        assert judged(tier, LIFE[tier] + 1) == INSUFFICIENT_TIER.code


def test_an_unknown_credential_is_good_for_nothing():
    assert {judged(tier, credential="password") for tier in TIERS} == {INSUFFICIENT_TIER.code}


@pytest.mark.parametrize("tier", TIERS)
def test_who_needs_a_token_that_is_bound_to_a_key(tier):
    expected = INSUFFICIENT_TIER.code if tier in {"high", "critical"} else "good"
    assert judged(tier, cnf=None) == expected
    assert judged(tier, unbound_behind=True) == expected


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"user_id": None}, INSUFFICIENT_TIER.code),  # no challenge: there is nobody who could answer it
        ({"amr": ("pwd",)}, STEP_UP_NEEDED.code),
        ({"amr": ()}, STEP_UP_NEEDED.code),
        ({"auth_time": START - 300}, "good"),
        ({"auth_time": START - 301}, STEP_UP_NEEDED.code),
        ({"auth_time": None}, STEP_UP_NEEDED.code),
    ],
)
def test_critical_needs_a_person_who_signed_in_with_two_factors_a_moment_ago(changes, code):
    assert judged("critical", **changes) == code
    assert judged("high", **changes) == "good"


FOREIGN = {"believed_until": START + 30}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"act": {"sub": "assistant"}, "client_id": "assistant"}, "good"),  # an agent that the person allowed
        ({"act": {"sub": "assistant"}, "user_id": None}, INSUFFICIENT_TIER.code),  # for nobody
        ({"user_id": None}, INSUFFICIENT_TIER.code),  # an agent alone
        ({"act": {"sub": "assistant"}, "credential": "none"}, INSUFFICIENT_TIER.code),
        ({"act": {"sub": "assistant"}, "auth_time": START - 301}, STEP_UP_NEEDED.code),
        ({"act": {"sub": "assistant"}, "amr": ("pwd",)}, STEP_UP_NEEDED.code),
        ({"act": {"sub": "backend"}, "ancestors": ("t1",)}, INSUFFICIENT_TIER.code),
        ({"ancestors": ("t1",)}, INSUFFICIENT_TIER.code),  # exchanged by one that does not show itself
        ({"act": {"sub": "https://i.example|robot"}, **FOREIGN}, INSUFFICIENT_TIER.code),
        (FOREIGN, "good"),
    ],
)
def test_who_acts_at_critical_is_whom_the_person_allowed(changes, code):
    assert judged("critical", **changes) == code
    assert judged("high", **changes) == "good"


def test_a_tier_can_be_tuned_to_take_delegates():
    tier = replace(TIERS["critical"], delegated=True, reason="agreed with the auditors")
    exchanged = facts(
        opaque.new("at"), credential="mtls", issued_at=START, expires_at=START + 300, ancestors=("t1",),
        act={"sub": "backend"}, **PERSON,
    )  # fmt: skip
    admit(tier, exchanged, START)
    with pytest.raises(Refusal) as refused:
        admit(tier, replace(exchanged, user_id=None), START)
    assert refused.value.problem is INSUFFICIENT_TIER


def test_only_public_is_anonymous():
    assert [tier.name for tier in TIERS.values() if tier.anonymous] == ["public"]
    assert [tier.name for tier in TIERS.values() if tier.needs_scope] == ["moderate", "high", "critical"]
