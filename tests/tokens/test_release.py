import pytest

from tokenward.tokens import release
from tokenward.tokens.credential_guard import CredentialInClaim
from tokenward.tokens.release import (
    MAY_ACT,
    MINIMUM,
    PERSONAL,
    PROTOCOL,
    SCOPE_CLAIMS,
    composed,
    released,
    within_scope,
)

FACTS = {"email": "ada@example.com", "name": "Ada", "team": ["red"], "auth_time": 1_800_000_000}


def test_nothing_is_released_that_is_not_named():
    assert dict(released((), FACTS)) == {}
    assert dict(released(("email", "team", "phone_number"), FACTS)) == {
        "email": "ada@example.com",
        "team": ["red"],
    }


def test_nothing_overrides_the_minimum():
    assert composed({"sub": "ada", "exp": 1}, {"sub": "eve", "exp": 2, "x": 3}) == {
        "sub": "ada",
        "exp": 1,
        "x": 3,
    }


def test_a_credential_is_not_signed_wherever_it_came_from():
    for minimum, more in (({"client_id": "4111111111111111"}, {}), ({}, {"note": "4111111111111111"})):
        with pytest.raises(CredentialInClaim):
            composed(minimum, more)


@pytest.mark.parametrize("name", sorted(PROTOCOL - {MAY_ACT}))
def test_a_claim_of_the_protocol_is_nobody_s_attribute(name):
    assert release.why_no_attribute(name)


def test_who_may_act_for_a_person_is_known_and_never_told():
    assert release.why_no_attribute(MAY_ACT) == ""
    assert release.why_not_released(MAY_ACT)


@pytest.mark.parametrize(
    "name", ["*", "email*", "user.*", "", "é", "a b", "1st", "api_key", "iss", "cnf", "sub"]
)
def test_what_a_policy_cannot_release(name):
    assert release.why_not_released(name)


@pytest.mark.parametrize(
    "name", ["email", "auth_time", "amr", "preferred_username", "team", "https://example.com/department"]
)
def test_what_a_policy_can_release(name):
    assert release.why_not_released(name) == ""


def test_every_claim_of_the_minimum_is_protected_and_every_standard_claim_is_not():
    for names in MINIMUM.values():
        assert set(names) <= PROTOCOL
    standard = {claim for claims in SCOPE_CLAIMS.values() for claim in claims}
    assert standard - set(PERSONAL) == {"updated_at"}
    assert standard & PROTOCOL == {"preferred_username"}


def test_a_standard_claim_needs_its_scope_and_another_none():
    names = ("email", "team", "phone_number", "name")
    assert within_scope(names, ("openid",)) == ("team",)
    assert within_scope(names, ("openid", "email")) == ("email", "team")
    assert within_scope(names, ("profile", "phone")) == ("team", "phone_number", "name")
