import copy
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from certificates import certificate_authority
from tokenward.app.config import load, schema
from tokenward.app.locations import Listen
from tokenward.gateway import upstreams
from tokenward.gateway.policy import Match
from tokenward.tokens import opaque

DOCUMENT = """\
openapi: 3.1.0
info: {title: Bank, version: "1"}
paths:
  /accounts:
    get:
      operationId: listAccounts
      responses: {200: {description: ok}}
  /accounts/{id}:
    get:
      operationId: getAccount
      security: [{oauth: [accounts:read]}]
      responses: {200: {description: ok}}
components:
  securitySchemes:
    oauth:
      type: oauth2
      flows: {clientCredentials: {tokenUrl: "https://x/t", scopes: {"accounts:read": See accounts}}}
"""

GOOD = """\
name: Example APIs
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {url: http://127.0.0.1:8080, listen: 127.0.0.1:8080}
gateway: {url: http://127.0.0.1:8000, listen: 127.0.0.1:8000}
admin: {listen: 127.0.0.1:8081, token: file:data/admin.token}
tokens: {access_token: 5m, refresh_idle: 7d, refresh_absolute: 30d}
apis:
  bank:
    openapi: bank.yaml
    upstream: http://127.0.0.1:9002
    risk: moderate
    operations:
      listAccounts: {scopes: [accounts:list]}
"""


@pytest.fixture
def write(tmp_path):
    def _write(text: str, document: str = DOCUMENT) -> Path:
        (tmp_path / "bank.yaml").write_text(document, encoding="utf-8")
        path = tmp_path / "tokenward.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def test_a_good_file_becomes_settings_policy_and_resources(write):
    path = write(GOOD)
    loaded = load(path)
    assert loaded.findings == ()
    configuration = loaded.configuration
    assert configuration.base_dir == path.parent
    said = configuration.settings
    assert (said.tokens.access_token, said.tokens.refresh_idle) == (300, 7 * 86_400)
    assert said.issuer.listen == Listen("127.0.0.1", 8080)
    found = configuration.policy.match("GET", "/bank/accounts/7")
    assert isinstance(found, Match)
    assert (found.operation.scopes, found.below) == ({"accounts:read"}, "/accounts/7")
    (resource,) = configuration.resources.values()
    assert (resource.audience, resource.name) == ("http://127.0.0.1:8000/bank", "Bank")
    assert resource.scopes == {"accounts:read": "See accounts", "accounts:list": "GET /accounts"}


def test_defaults_are_those_of_the_design(write):
    text = GOOD.replace("name: Example APIs\n", "").replace(GOOD.splitlines()[6] + "\n", "")
    said = load(write(text)).configuration.settings
    assert said.name == "Tokenward"
    assert (said.tokens.access_token, said.tokens.refresh_idle, said.tokens.refresh_absolute) == (
        600, 14 * 86_400, 90 * 86_400,
    )  # fmt: skip


def test_an_api_may_have_several_upstreams_and_a_way_to_ask_how_they_are(write):
    more = (
        "upstream: [http://127.0.0.1:9002/v1/, http://127.0.0.1:9003]\n    health: {path: /up, timeout: 1s}"
    )
    (api,) = load(write(GOOD.replace(UPSTREAM, more))).configuration.policy.apis
    addresses = ("http://127.0.0.1:9002/v1", "http://127.0.0.1:9003")
    assert api.pool == upstreams.Pool(addresses, upstreams.HealthCheck("/up", interval=5, timeout=1))


def test_an_api_can_be_mounted_at_the_root(write):
    text = GOOD.replace("    risk: moderate", "    mount: /\n    risk: moderate")
    configuration = load(write(text)).configuration
    assert isinstance(configuration.policy.match("GET", "/accounts"), Match)
    assert set(configuration.resources) == {"http://127.0.0.1:8000"}


def test_certificates_may_come_by_tls_or_from_a_proxy(write, tmp_path):
    (tmp_path / "ca.pem").write_bytes(certificate_authority().pem)
    start = "issuer: {url: https://a.example, listen: 127.0.0.1:8080, client_certificates: "
    for rest in (
        "{ca: ca.pem}, tls: {certificate: c, key: file:k}}",
        "{ca: ca.pem, header: X-SSL-Cert}, proxies: [127.0.0.1]}",
    ):
        loaded = load(write(GOOD.replace(GOOD.splitlines()[3], start + rest)))
        assert loaded.findings == ()
        assert loaded.configuration.client_authorities is not None
        assert tmp_path / "ca.pem" in loaded.configuration.files.paths  # another one is taken up by itself


def test_an_api_that_protects_itself_is_at_its_own_url_and_not_at_the_gateway(write):
    loaded = load(write(GOOD.replace(UPSTREAM, "url: https://bank.example/v1/")))
    assert loaded.findings == ()
    configuration = loaded.configuration
    assert configuration.policy.apis == ()
    policy = configuration.in_process["bank"]
    assert isinstance(policy.match("GET", "/v1/accounts"), Match)
    assert not isinstance(policy.match("GET", "/accounts"), Match)
    assert list(configuration.resources) == ["https://bank.example/v1"]
    assert configuration.settings.origin("bank") == "https://bank.example"


def test_only_what_is_at_the_gateway_has_to_share_its_paths(write):
    second = SECOND.replace("upstream: http://127.0.0.1:9003", "url: https://second.example/bank")
    loaded = load(write(GOOD.replace("apis:", second, 1)))
    assert loaded.findings == ()
    assert set(loaded.configuration.in_process) == {"second"}


LISTEN, ISSUER = "listen: 127.0.0.1:8080", "url: http://127.0.0.1:8080"
BEHIND = "listen: 127.0.0.1:8080, proxies: [127.0.0.1], client_certificates: "
UPSTREAM = "upstream: http://127.0.0.1:9002"
SECOND = "apis:\n  second:\n    openapi: bank.yaml\n    upstream: http://127.0.0.1:9003\n    risk: low\n"

# What is replaced in GOOD, by what, and what must be found: severity, code, line.
BROKEN = [
    ("name:", "nme:", "error", "unknown-key", 1),
    ("name: Example APIs", "name: ''", "error", "wrong-value", 1),
    ("name: Example APIs", "name: 'x '", "error", "name", 1),
    ("name: Example APIs", f"name: {'x' * 61}", "error", "wrong-value", 1),
    ("name: Example APIs", "name: 7", "error", "wrong-type", 1),
    ("name: Example APIs", "name: [a", "error", "syntax", 2),
    ("sqlite:data/tokenward.db", "'sqlite::memory:'", "error", "store", 2),
    ("sqlite:data/tokenward.db", "mysql://db/x", "error", "store", 2),
    ("file:data/master.key", "data/master.key", "error", "inline-secret", 3),
    ("file:data/master.key", "'file:'", "error", "inline-secret", 3),
    (ISSUER, "url: http://login.example.com", "error", "plain-http", 4),
    (ISSUER, "url: http://127.0.0.1.example.com", "error", "plain-http", 4),
    (ISSUER, "url: https://Login.example.com", "error", "url", 4),
    (ISSUER, "url: https://login.example.com/", "error", "url", 4),
    (ISSUER, "url: https://login.example.com/x", "error", "url", 4),
    (ISSUER, "url: https://login.example.com:443", "error", "url", 4),
    (ISSUER, "url: https://login.example.com?x", "error", "url", 4),
    (ISSUER, "url: https://u@login.example.com", "error", "url", 4),
    (ISSUER, "url: http://127.0.0.1:8000", "error", "same-origin", 5),
    (ISSUER, "url: http://127.0.0.1:9999", "warning", "url-port", 4),
    (LISTEN, LISTEN + ", tls: {certificate: c.pem, key: c.key}", "error", "inline-secret", 4),
    (LISTEN, LISTEN + ", tls: {certificate: c.pem, key: env:KEY}", "error", "key-file", 4),
    (LISTEN, LISTEN + ", tls: {certificate: c.pem, key: file:c.key}", "error", "tls", 4),
    (LISTEN, LISTEN + ", client_certificates: {}", "error", "client-certificates", 4),
    (LISTEN, LISTEN + ", client_certificates: {header: X-SSL-Cert}", "error", "client-certificates", 4),
    (LISTEN, LISTEN + ", client_certificates: {header: Host}", "error", "header-name", 4),
    (LISTEN, LISTEN + ", client_certificates: {header: 'X_SSL_Cert'}", "error", "header-name", 4),
    (LISTEN, BEHIND + "{ca: no.pem, header: X-SSL-Cert}", "error", "client-ca", 4),
    (LISTEN, BEHIND + "{ca: bank.yaml, header: X-SSL-Cert}", "error", "client-ca", 4),
    (LISTEN, "listen: 8080", "error", "listen", 4),
    (LISTEN, "listen: 127.0.0.1:65536", "error", "listen", 4),
    (LISTEN, "listen: 127.0.0.1:8000", "error", "port-taken", 5),
    (LISTEN, "listen: 0.0.0.0:8000", "error", "port-taken", 5),
    ("listen: 127.0.0.1:8081", "listen: 0.0.0.0:8081", "error", "admin-exposed", 6),
    ("listen: 127.0.0.1:8081", "listen: 192.168.0.7:8081", "error", "admin-exposed", 6),
    (", token: file:data/admin.token", "", "error", "missing-key", 6),
    ("access_token: 5m", "access_token: 300", "error", "duration", 7),
    ("access_token: 5m", "access_token: 16m", "error", "duration", 7),
    ("access_token: 5m", "access_token: 29s", "error", "duration", 7),
    ("refresh_idle: 7d", "refresh_idle: 31d", "error", "lifetimes", 7),
    ("  bank:", "  Bank:", "error", "api-name", 9),
    ("    openapi: bank.yaml\n", "", "error", "missing-key", 9),
    ("openapi: bank.yaml", "openapi: absent.yaml", "error", "policy", 10),
    (UPSTREAM, "upstream: ftp://127.0.0.1", "error", "url", 11),
    (UPSTREAM, "upstream: http://127.0.0.1:9002/a?b", "error", "url", 11),
    (UPSTREAM, "upstream: http://127.0.0.1:9002/a#b", "error", "url", 11),
    (UPSTREAM, "upstream: http://127.0.0.1:9002/../b", "error", "url", 11),
    (UPSTREAM, "upstream: http://u:p@127.0.0.1:9002", "error", "inline-secret", 11),
    (UPSTREAM, "upstream: [http://127.0.0.1:9002, ftp://127.0.0.1]", "error", "url", 11),
    (UPSTREAM, "upstream: [http://127.0.0.1:9002, http://127.0.0.1:9002]", "error", "url", 11),
    (UPSTREAM, "upstream: []", "error", "url", 11),
    (UPSTREAM, "upstream: [http://127.0.0.1:9002, http://127.0.0.1:8000]", "error", "upstream-loop", 11),
    (UPSTREAM, f"{UPSTREAM}\n    health: {{path: health}}", "error", "health", 12),
    (UPSTREAM, f"{UPSTREAM}\n    health: {{path: /h, interval: 0s}}", "error", "duration", 12),
    (UPSTREAM, "upstream: http://127.0.0.1:8000", "error", "upstream-loop", 11),
    (UPSTREAM, "upstream: http://localhost:8081/x", "error", "upstream-loop", 11),
    (UPSTREAM, "upstream: http://bank.internal:9002", "warning", "plain-http", 11),
    (f"    {UPSTREAM}\n", "", "error", "api-place", 9),
    (UPSTREAM, f"{UPSTREAM}\n    url: https://bank.example", "error", "api-place", 9),
    (UPSTREAM, "url: https://bank.example\n    mount: /bank", "error", "api-place", 12),
    (UPSTREAM, "url: https://bank.example\n    bounds: {body: 1MiB}", "error", "gateway-only", 12),
    (UPSTREAM, "url: https://bank.example\n    health: {path: /up}", "error", "gateway-only", 12),
    (
        "{scopes: [accounts:list]}",
        "{scopes: [accounts:list], bounds: {body: 1MiB}}\n    url: https://bank.example",
        "error", "gateway-only", 13,
    ),
    (UPSTREAM, "url: http://bank.example", "error", "plain-http", 11),
    (UPSTREAM, "url: https://bank.example/a?b", "error", "url", 11),
    (UPSTREAM, "url: https://u:p@bank.example", "error", "inline-secret", 11),
    (UPSTREAM, "url: http://127.0.0.1:8000/bank", "error", "same-origin", 11),
    (UPSTREAM, "url: http://127.0.0.1:8080", "error", "same-origin", 11),
    ("risk: moderate", "risk: moderat", "error", "wrong-value", 12),
    ("risk: moderate", "mount: bank", "error", "mount", 12),
    ("risk: moderate", "mount: /bank/", "error", "mount", 12),
    ("risk: moderate", "mount: /a/../b", "error", "mount", 12),
    ("risk: moderate", "mount: /.well-known/x", "error", "mount", 12),
    ("risk: moderate", "audience: bank", "error", "audience", 12),
    ("risk: moderate", "audience: 'https://bank.example#x'", "error", "audience", 12),
    ("risk: moderate", "audience: http://127.0.0.1:8080\n    risk: low", "error", "audience", 12),
    ("risk: moderate", "signing_alg: HS256\n    risk: moderate", "error", "signing-alg", 12),
    ("risk: moderate", "signing_alg: none\n    risk: moderate", "error", "signing-alg", 12),
    ("apis:", "signing_keys: {rotate_after: 47h}\napis:", "error", "duration", 8),
    ("apis:", "signing_keys: {rotate_after: 366d}\napis:", "error", "duration", 8),
    ("listAccounts:", "listAcounts:", "error", "policy", 14),
    ("[accounts:list]", "[accounts:list, accounts:list]", "error", "scope", 14),
    ("[accounts:list]", "['a b']", "error", "scope", 14),
    ("[accounts:list]", "[openid]", "error", "scope", 14),
    ("[accounts:list]", "['tokenward:introspect']", "error", "scope", 14),
    ("[accounts:list]", "accounts:list", "error", "wrong-type", 14),
    ("{scopes: [accounts:list]}", "[]", "error", "wrong-type", 14),
    ("apis:", f"{SECOND}    mount: /bank", "error", "mount", 14),
    ("apis:", f"{SECOND}    mount: /bank/more", "error", "mount", 14),
    ("apis:", f"{SECOND}    audience: http://127.0.0.1:8000/bank", "error", "audience", 14),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "severity", "code", "line"), BROKEN)
def test_each_mistake_is_found_where_it_is(write, old, new, severity, code, line):
    assert old in GOOD
    loaded = load(write(GOOD.replace(old, new, 1)))
    found = {(it.severity, it.code, it.line) for it in loaded.findings if it.file.name == "tokenward.yaml"}
    assert (severity, code, line) in found
    assert (loaded.configuration is None) is (severity == "error")
    assert all(finding.remedy for finding in loaded.findings)


DOCUMENTS = [
    ("openapi: 3.1.0", "swagger: '2.0'", "error", "openapi", 1),
    ("openapi: 3.1.0", "openapi: 3.1.0\nopenapi: 3.1.0", "error", "duplicate-key", 2),
    (DOCUMENT, "[]", "error", "openapi", 1),
    (DOCUMENT, "{", "error", "syntax", 1),
    ("  /accounts/{id}:", "  /accounts/../{id}:", "error", "openapi", 8),
    ("operationId: getAccount", "operationId: listAccounts", "error", "openapi", 10),
    ("{oauth: [accounts:read]}", "{other: [accounts:read]}", "error", "openapi", 11),
    ("[accounts:read]", "[openid]", "error", "scope", 9),
    ("operationId: getAccount", "x-tokenward-risk: severe", "error", "openapi", 10),
    ("      security: [{oauth: [accounts:read]}]\n", "", "error", "openapi", 9),
    (
        "  /accounts/{id}:\n    get:\n",
        "  /accounts/me:\n    delete: {security: [{oauth: [accounts:read]}]}\n  /accounts/{id}:\n    get:\n",
        "warning", "shadowed", 8,
    ),
    (
        "  /accounts/{id}:\n    get:\n",
        "  /accounts/new:\n    post: {x-tokenward-risk: public}\n  /accounts/{id}:\n    get:\n",
        "warning", "public-write", 9,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "severity", "code", "line"), DOCUMENTS)
def test_each_mistake_in_a_document_is_found_where_it_is(write, old, new, severity, code, line):
    assert old in DOCUMENT
    loaded = load(write(GOOD, DOCUMENT.replace(old, new, 1)))
    found = {(it.severity, it.code, it.line) for it in loaded.findings if it.file.name == "bank.yaml"}
    assert (severity, code, line) in found
    assert (loaded.configuration is None) is (severity == "error")


def test_a_method_is_shadowed_only_where_a_more_literal_path_lacks_it(write):
    document = "openapi: 3.1.0\npaths:\n"
    for method, path in (("get", "/a/{x}/c"), ("get", "/a/b/{y}"), ("put", "/a/{x}/{y}"), ("get", "/a/{x}")):
        document += f"  {path}:\n    {method}: {{x-tokenward-risk: low}}\n"
    findings = load(write(GOOD[: GOOD.index("    operations:")], document)).findings
    assert sorted(it.text for it in findings) == [
        "PUT /a/b/{y} is refused, although PUT /a/{x}/{y} fits",
        "PUT /a/{x}/c is refused, although PUT /a/{x}/{y} fits",
    ]


@pytest.mark.parametrize(
    ("risk", "lifetime", "barred"),
    [("high", "11m", True), ("high", "10m", False), ("moderate", "15m", False), ("critical", "601s", True)],
)
def test_an_operation_for_which_no_token_could_be_good_enough_is_an_error(write, risk, lifetime, barred):
    text = GOOD.replace("risk: moderate", f"risk: {risk}").replace(
        "access_token: 5m", f"access_token: {lifetime}"
    )
    found = [(it.severity, it.line, it.text) for it in load(write(text)).findings if it.code == "unreachable"]
    assert [(severity, line) for severity, line, _ in found] == [("error", 7)] * barred
    assert all("nobody could call bank: GET /accounts, bank: GET /accounts/{id}" in it[2] for it in found)


def test_tokens_of_others_may_be_shorter(write):
    text = GOOD.replace("risk: moderate", "risk: high").replace(
        "access_token: 5m", "reason: agreed with them, access_token: 11m"
    )
    trust = "    trust: [{jwt: {issuer: https://login.example, audience: bank}}]\n"
    assert load(write(text)).configuration is None
    assert load(write(text + trust)).configuration is not None


@pytest.mark.parametrize(
    ("document", "configuration", "open_by_default"),
    [
        ("", "", ["GET /accounts"]),
        ("      x-tokenward-risk: public\n", "", []),
        ("", "    operations: {listAccounts: {risk: public}}\n", []),
        ("", '    operations: {"GET /accounts": {risk: public}}\n', []),
        ("      x-tokenward-risk: low\n", "", []),
    ],
    ids=["nobody said so", "the document does", "the configuration does", "by its path", "it is not public"],
)
def test_what_is_public_without_having_been_named_is_told(write, document, configuration, open_by_default):
    public = DOCUMENT[: DOCUMENT.index("  /accounts/{id}")].replace(
        "      operationId: listAccounts\n", f"      operationId: listAccounts\n{document}"
    )
    text = GOOD[: GOOD.index("    operations:")].replace("risk: moderate", "risk: public") + configuration
    found = [it.text for it in load(write(text, public)).findings if it.code == "unprotected"]
    assert found == [
        f"anybody on the internet may call {label}, since the API's risk is public"
        for label in open_by_default
    ]


def test_every_mistake_is_told_at_once_errors_first(write):
    text = GOOD.replace("name:", "nme:").replace("risk: moderate", "risk: x").replace("5m", "1y")
    assert [it.line for it in load(write(text)).findings] == [1, 7, 12]
    text = GOOD.replace("9002", "8000").replace(ISSUER, "url: http://127.0.0.1:9999")
    assert [it.severity for it in load(write(text)).findings] == ["error", "warning"]


def test_a_misspelt_key_is_not_missing_as_well(write):
    (finding,) = load(write(GOOD.replace("upstream:", "upsteam:"))).findings
    assert (finding.code, finding.remedy) == ("unknown-key", "did you mean 'upstream'?")


def test_no_finding_repeats_a_secret_that_was_written_inline(write):
    secret = opaque.new("ad").secret.reveal()
    for old, new in (
        ("file:data/master.key", secret),
        ("file:data/admin.token", secret),
        ("sqlite:data/tokenward.db", f"postgresql://me:{secret}@db/x"),
        ("sqlite:data/tokenward.db", f"postgresql://db/x?user=me&password={secret}"),
        ("sqlite:data/tokenward.db", secret),
        ("http://127.0.0.1:9002", f"http://me:{secret}@127.0.0.1:9002"),
        (ISSUER, f"url: https://me:{secret}@login.example.com"),
        (LISTEN, f"listen: {secret}"),
    ):
        loaded = load(write(GOOD.replace(old, new, 1)))
        assert loaded.configuration is None
        assert secret not in repr(loaded.findings)


@pytest.mark.parametrize(
    "store", ["postgresql://db.internal/tokenward", "env:DATABASE_URL", "postgresql://me@db/x"]
)
def test_a_store_without_a_password_in_it_is_accepted(write, store):
    assert load(write(GOOD.replace("sqlite:data/tokenward.db", store))).configuration.settings.store == store


def test_a_file_that_is_not_there_is_a_finding(tmp_path):
    (finding,) = load(tmp_path / "absent.yaml").findings
    assert finding.code == "no-such-file"


def test_the_schema_describes_every_field_and_agrees_with_the_models(write):
    whole = schema()
    Draft202012Validator.check_schema(whole)
    for model in (whole, *whole["$defs"].values()):
        assert model["additionalProperties"] is False
        assert all(field.get("description") for field in model["properties"].values()), model["title"]
    plain = yaml.safe_load(GOOD)
    validator = Draft202012Validator(whole)
    assert validator.is_valid(plain)
    wrong = copy.deepcopy(plain)
    wrong["tokens"]["access_token"] = 300
    assert not validator.is_valid(wrong)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.data())
def test_any_value_anywhere_is_accepted_or_found(tmp_path, data):
    tree = yaml.safe_load(GOOD)
    node, keys = tree, []
    while isinstance(node, dict) and node:
        keys.append(data.draw(st.sampled_from(sorted(node))))
        if data.draw(st.booleans()):
            break
        node = node[keys[-1]]
    parent = tree
    for key in keys[:-1]:
        parent = parent[key]
    parent[keys[-1]] = data.draw(_JSON)
    (tmp_path / "bank.yaml").write_text(DOCUMENT, encoding="utf-8")
    (tmp_path / "any.json").write_text(json.dumps(tree), encoding="utf-8")
    loaded = load(tmp_path / "any.json")
    assert loaded.findings or loaded.configuration is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.data())
def test_any_value_anywhere_in_a_document_is_accepted_or_found(tmp_path, data):
    tree = yaml.safe_load(DOCUMENT)
    node = tree
    while True:
        key = data.draw(
            st.sampled_from(sorted(node, key=str) if isinstance(node, dict) else range(len(node)))
        )
        if data.draw(st.booleans()) or not isinstance(node[key], dict | list) or not node[key]:
            break
        node = node[key]
    node[key] = data.draw(_JSON)
    (tmp_path / "bank.json").write_text(json.dumps(tree), encoding="utf-8")
    (tmp_path / "any.yaml").write_text(GOOD.replace("bank.yaml", "bank.json"), encoding="utf-8")
    loaded = load(tmp_path / "any.yaml")
    assert loaded.findings or loaded.configuration is not None
