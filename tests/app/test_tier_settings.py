"""Tuned tiers, each with its reason, and tiers that nobody could fulfil."""

import pytest

from app.test_config import GOOD, write  # noqa: F401 - the fixture
from tokenward.app.check import check
from tokenward.app.config import load
from tokenward.gateway.tiers import TIERS

REASON = "reason: agreed with the auditors"
CRITICAL = GOOD.replace("risk: moderate", "risk: critical")


def tier_of(path):
    loaded = load(path)
    assert loaded.configuration is not None, loaded.findings
    return loaded.configuration.policy.match("GET", "/bank/accounts").operation.tier


def test_a_tuned_tier_is_what_operations_ask_for_and_keeps_its_reason(write):  # noqa: F811
    assert tier_of(write(GOOD)) is TIERS["moderate"]
    tier = tier_of(write(f"tiers: {{moderate: {{max_lifetime: 10m, {REASON}}}}}\n{GOOD}"))
    assert (tier.name, tier.max_lifetime, tier.reason) == ("moderate", 600, "agreed with the auditors")
    bound = tier_of(write(f"tiers: {{moderate: {{sender_constrained: true, {REASON}}}}}\n{GOOD}"))
    assert (bound.sender_constrained, bound.max_lifetime) == (True, 900)


def test_check_tells_what_is_different_and_why_as_a_note(write):  # noqa: F811
    path = write(f"tiers: {{moderate: {{max_lifetime: 10m, {REASON}}}}}\n{GOOD}")
    (finding,) = [it for it in check(path).findings if it.severity == "note"]
    assert (finding.code, finding.line) == ("tier-tuned", 1)
    assert "max_lifetime 900 → 600): agreed with the auditors" in finding.text
    assert check(path).findings[-1] == finding, "notes come last"
    assert not [it for it in check(write(GOOD)).findings if it.severity == "note"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("moderate: {max_lifetime: 10m}", "missing-key"),
        ("moderate: {max_lifetime: 10m, reason: so}", "too-short"),
        (f"moderate: {{{REASON}}}", "tier"),
        (f"moderate: {{max_lifetime: 61m, {REASON}}}", "duration"),
        (f"moderate: {{sender_constrained: false, {REASON}}}", "wrong-value"),
        (f"moderate: {{credentials: [api_key], {REASON}}}", "unknown-key"),
        (f"high: {{max_lifetime: 16m, {REASON}}}", "duration"),
        (f"high: {{sender_constrained: false, {REASON}}}", "unknown-key"),
        (f"critical: {{max_lifetime: 11m, {REASON}}}", "duration"),
        (f"critical: {{two_factors_within: 16m, {REASON}}}", "duration"),
        (f"low: {{max_lifetime: 10m, {REASON}}}", "unknown-key"),
    ],
)
def test_none_goes_below_its_floor_or_without_a_reason(write, said, code):  # noqa: F811
    loaded = load(write(f"tiers: {{{said}}}\n{GOOD}"))
    assert loaded.configuration is None
    assert [(it.severity, it.line) for it in loaded.findings] == [("error", 1)]
    if code != "too-short":
        assert loaded.findings[0].code == code


def test_a_tier_that_was_tuned_below_what_is_issued_is_out_of_reach(write):  # noqa: F811
    text = f"tiers: {{moderate: {{max_lifetime: 4m, {REASON}}}}}\n{GOOD}"
    (finding,) = load(write(text)).findings
    assert (finding.severity, finding.code, finding.line) == ("error", "unreachable", 8)


def test_critical_can_be_reached_since_people_can_have_two_factors(write):  # noqa: F811
    assert tier_of(write(CRITICAL)) is TIERS["critical"]


def test_high_can_be_reached_since_any_client_can_bind_its_tokens(write):  # noqa: F811
    assert load(write(GOOD.replace("risk: moderate", "risk: high"))).findings == ()
