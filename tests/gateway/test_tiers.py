import pytest

from gateway.world import facts
from tokenward.base.problems import INSUFFICIENT_TIER, Refusal
from tokenward.gateway.tiers import TIERS, admit
from tokenward.tokens import opaque

CREDENTIALS = ("api_key", "none", "client_secret", "private_key_jwt", "mtls")
LIFE = {"public": 10**9, "low": 10**9, "moderate": 900}


def passes(tier, credential, lifetime):
    token = facts(opaque.new("at"), credential=credential, issued_at=0.0, expires_at=float(lifetime))
    try:
        admit(TIERS[tier], token)
    except Refusal as refusal:
        if refusal.problem is not INSUFFICIENT_TIER:
            raise
        return False
    return True


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("credential", CREDENTIALS)
def test_which_credential_is_good_enough(tier, credential):
    good = {"public": True, "low": True, "moderate": credential != "api_key"}.get(tier, False)
    assert passes(tier, credential, 300) == good


@pytest.mark.parametrize("tier", LIFE)
def test_how_long_a_token_may_live(tier):
    assert passes(tier, "client_secret", LIFE[tier])
    if tier == "moderate":
        assert not passes(tier, "client_secret", LIFE[tier] + 1)


def test_an_unknown_credential_is_good_for_nothing():
    assert not any(passes(tier, "password", 60) for tier in TIERS)


def test_only_public_is_anonymous_and_what_cannot_be_fulfilled_says_so():
    assert [tier.name for tier in TIERS.values() if tier.anonymous] == ["public"]
    assert [tier.name for tier in TIERS.values() if not tier.fulfillable] == ["high", "critical"]
    assert [tier.name for tier in TIERS.values() if tier.needs_scope] == ["moderate", "high", "critical"]
