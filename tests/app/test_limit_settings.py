"""Limits and Redis in the configuration: what is refused, what is warned of, and what becomes of them."""

import pytest

from app.test_config import GOOD, write  # noqa: F401 - the fixture
from tokenward.app.check import check
from tokenward.app.config import load
from tokenward.base.rates import Rate

HERE = "    risk: moderate\n"
LISTED = "listAccounts: {scopes: [accounts:list]}"


def with_limits(limits, text=GOOD):
    return text.replace(HERE, f"{HERE}    limits: {limits}\n")


def limits_of(configuration, path):
    found = configuration.policy.match("GET", path).operation.limits
    return [(it.place, it.by, it.rate) for it in (*found.address, *found.caller)]


def test_limits_of_an_api_hold_for_its_operations_and_those_of_one_beside_them(write):  # noqa: F811
    text = with_limits("[{by: client, amount: 100/minute}, {by: address, amount: 7/second}]")
    own = "listAccounts: {scopes: [accounts:list], limits: [{by: person, amount: 10000/day}]}"
    loaded = load(write(text.replace(LISTED, own)))
    assert loaded.findings == ()
    of_api = [("bank", "address", Rate(7, 1)), ("bank", "client", Rate(100, 60))]
    assert limits_of(loaded.configuration, "/bank/accounts/7") == of_api
    of_operation = ("bank/listAccounts", "person", Rate(10_000, 86_400))
    assert limits_of(loaded.configuration, "/bank/accounts") == [*of_api, of_operation]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ("[{by: user, amount: 1/day}]", "wrong-value"),
        ("[{by: client}]", "missing-key"),
        ("[{by: client, amount: 0/day}]", "amount"),
        ("[{by: client, amount: 100}]", "amount"),
        ("[{by: client, amount: 1/fortnight}]", "amount"),
        ("[{by: client, amount: -1/day}]", "amount"),
        ("[{by: client, amount: 9999999999/day}]", "amount"),
        ("[{by: client, amount: 1/day}, {by: client, amount: 2/day}]", "limit"),
        ("{by: client, amount: 1/day}", "wrong-type"),
    ],
)
def test_a_limit_that_means_nothing_is_an_error_where_it_stands(write, limits, code):  # noqa: F811
    loaded = load(write(with_limits(limits)))
    assert [(it.code, it.severity, it.line) for it in loaded.findings] == [(code, "error", 13)]
    assert loaded.findings[0].remedy


SHARED = GOOD.replace("sqlite:data/tokenward.db", "postgresql://db/tokenward")
LIMITS = "[{by: client, amount: 100/minute}, {by: person, amount: 10/day}]"


def test_where_several_processes_may_run_the_effective_limit_is_told(write):  # noqa: F811
    (finding,) = load(write(with_limits(LIMITS, SHARED))).findings
    assert (finding.severity, finding.code, finding.line) == ("warning", "limits-not-shared", 13)
    assert "N × 100/minute, N × 10/day" in finding.text
    assert load(write(with_limits(LIMITS))).findings == ()
    assert load(write(SHARED)).findings == ()
    assert load(write(with_limits(LIMITS, f"redis: env:REDIS_URL\n{SHARED}"))).findings == ()


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("redis://127.0.0.1:6379/0", None),
        ("rediss://redis.example", None),
        ("redis://redis.example:6379", "plain-redis"),
        ("redis://:hunter2hunter2@127.0.0.1", "inline-secret"),
        ("http://127.0.0.1", "redis"),
        ("hunter2hunter2", "redis"),
        ("redis://127.0.0.1?password=hunter2hunter2", "redis"),
    ],
)
def test_the_address_of_redis_holds_no_secret(write, place, code):  # noqa: F811
    findings = load(write(f"redis: {place}\n{GOOD}")).findings
    assert [it.code for it in findings] == ([] if code is None else [code])
    assert "hunter2" not in repr(findings)


def test_a_reference_to_redis_is_looked_for(write, monkeypatch):  # noqa: F811
    monkeypatch.delenv("REDIS_URL", raising=False)
    path = write(f"redis: env:REDIS_URL\n{GOOD}")
    found = [(it.severity, it.code, it.line) for it in check(path).findings if it.line == 1]
    assert found == [("warning", "secret-missing", 1)]
