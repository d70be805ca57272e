"""Exchange rules in the configuration: what they name exists, and none of them contradicts another."""

from pathlib import Path

import pytest

from app.test_config import DOCUMENT, GOOD
from tokenward.app.config import load

RULE = {"client": "backend", "subject_api": "bank", "target_api": "bank", "scopes": "[accounts:read]"}


def loaded(directory: Path, *rules: dict[str, str]):
    (directory / "bank.yaml").write_text(DOCUMENT, encoding="utf-8")
    path = directory / "tokenward.yaml"
    items = ("{" + ", ".join(f"{key}: {value}" for key, value in rule.items()) + "}" for rule in rules)
    path.write_text(GOOD + "exchange:\n" + "".join(f"  - {item}\n" for item in items), encoding="utf-8")
    return load(path)


def test_a_rule_is_read(tmp_path):
    (rule,) = loaded(tmp_path, RULE).configuration.settings.exchange
    assert (rule.client, rule.scopes, rule.actor, rule.bound_subjects) == (
        "backend",
        ("accounts:read",),
        "client",
        False,
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"subject_api": "shop"}, "exchange"),
        ({"target_api": "shop"}, "exchange"),
        ({"scopes": "[accounts:write]"}, "exchange"),
        ({"scopes": "[openid]"}, "scope"),
        ({"scopes": "[]"}, "exchange"),
        ({"actor": "somebody"}, "wrong-value"),
        ({"actors": "none"}, "unknown-key"),
        ({"client": '""'}, "wrong-value"),
    ],
)
def test_a_rule_that_cannot_be_meant_keeps_the_servers_from_starting(change, code, tmp_path):
    found = loaded(tmp_path, RULE | change)
    assert found.configuration is None
    assert [finding.code for finding in found.findings] == [code]
    assert found.findings[0].line == len(GOOD.splitlines()) + 2
    assert not [
        finding for finding in found.findings if "actors" in change and "'actor'" not in finding.remedy
    ]


def test_two_rules_for_the_same_exchange_are_refused(tmp_path):
    found = loaded(tmp_path, RULE, RULE | {"actor": "token"})
    assert [finding.code for finding in found.findings] == ["exchange"]
    assert loaded(tmp_path, RULE, RULE | {"client": "another"}).configuration is not None
