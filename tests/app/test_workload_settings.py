"""Trusted platforms in the configuration: each rule says whose workload it is, keys have one place."""

import json
from pathlib import Path

import pytest

from app.test_config import DOCUMENT, GOOD
from tokenward.app.config import load
from tokenward.app.issuer_keys import discovered
from tokenward.app.platforms import workloads

RULE = "{client: bot, claims: {repository: octo/app}}"


def loaded(directory: Path, *entries: str):
    (directory / "bank.yaml").write_text(DOCUMENT, encoding="utf-8")
    path = directory / "tokenward.yaml"
    text = GOOD + "workload_identity:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)
    path.write_text(text, encoding="utf-8")
    return load(path)


def codes(found) -> list[str]:
    assert found.configuration is None
    return [finding.code for finding in found.findings]


def test_a_platform_is_read(tmp_path):
    entry = (
        "platform: kubernetes, issuer: https://cluster.example, jwks: keys.json, "
        "rules: [{client: bot, claims: {kubernetes.io: {namespace: prod, serviceaccount: {name: x}}}}]"
    )
    (each,) = loaded(tmp_path, entry).configuration.settings.workload_identity
    assert each.rules[0].claims.rules == {
        ("kubernetes.io", "namespace"): "prod",
        ("kubernetes.io", "serviceaccount", "name"): "x",
    }


def test_github_and_gitlab_have_their_usual_issuers(tmp_path):
    found = loaded(
        tmp_path,
        f"platform: github, rules: [{RULE}]",
        "platform: gitlab, rules: [{client: bot, claims: {project_path: octo/app}}]",
    )
    settings = found.configuration.settings.workload_identity
    assert [each.trusted_issuer for each in settings] == [
        "https://token.actions.githubusercontent.com",
        "https://gitlab.com",
    ]
    workloads(found.configuration)  # fetches nothing


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("platform: github, rules: [{client: bot, claims: {ref: refs/heads/main}}]", "workload"),
        ('platform: github, rules: [{client: bot, claims: {repository: "*/app"}}]', "workload"),
        ("platform: github, rules: [{client: bot, claims: {}}]", "workload"),
        ("platform: github, rules: [{client: bot, claims: {repository_id: 74}}]", "workload"),
        ("platform: github, rules: [{client: bot, claims: {repository: [octo/app]}}]", "workload"),
        ("platform: github, rules: [{client: bot, claims: {repository: o/a, environment: {}}}]", "workload"),
        (f"platform: kubernetes, rules: [{RULE}]", "workload"),
        (f"platform: jenkins, rules: [{RULE}]", "wrong-value"),
        (f"platform: github, issuer: http://ci.example, rules: [{RULE}]", "plain-http"),
        (f"platform: github, issuer: 'https://a:b@ci.example', rules: [{RULE}]", "url"),
        (f"platform: github, issuer: {'http://127.0.0.1:8080'}, rules: [{RULE}]", "workload"),
        (f"platform: github, jwks: a.json, jwks_uri: https://ci.example/keys, rules: [{RULE}]", "workload"),
        ("platform: oidc, rules: [{client: bot, claims: {sub: x}}]", "workload"),
    ],
)
def test_what_would_trust_too_much_keeps_the_servers_from_starting(entry, code, tmp_path):
    assert set(codes(loaded(tmp_path, entry))) == {code}


def test_one_issuer_is_named_once(tmp_path):
    entry = f"platform: github, rules: [{RULE}]"
    assert codes(loaded(tmp_path, entry, entry)) == ["workload"]


@pytest.mark.parametrize("issuer", ["https://ci.example/", "https://other.example", ["https://ci.example"]])
def test_metadata_of_another_issuer_gives_no_keys(issuer):
    answers = {
        "https://ci.example/metadata": {
            "issuer": "https://ci.example",
            "jwks_uri": "https://ci.example/keys",
        },
        "https://ci.example/keys": {"keys": []},
    }
    fetch = discovered("https://ci.example", lambda url: json.dumps(answers[url]).encode())
    assert fetch("https://ci.example/metadata") == b'{"keys": []}'
    answers["https://ci.example/metadata"]["issuer"] = issuer
    with pytest.raises(ValueError, match="another issuer"):
        fetch("https://ci.example/metadata")
