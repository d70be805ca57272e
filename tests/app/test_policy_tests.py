"""`tokenward test`: whether what a policy is expected to decide is what it decides."""

import json

import pytest
from typer.testing import CliRunner

from app.demo_policy import SAMPLE, write_policy
from tokenward.app.cli import application


@pytest.fixture
def house(tmp_path, monkeypatch):
    """The demonstration's policy."""
    monkeypatch.chdir(tmp_path)
    write_policy(tmp_path)
    return tmp_path


def tried(*arguments, code=0):
    result = CliRunner().invoke(application, ["test", *arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def test_the_sample_passes_and_what_nobody_asks_for_is_told(house):
    (house / SAMPLE.name).write_text(SAMPLE.read_text())
    result = tried()
    assert "17 passed, 0 failed" in result.stdout
    assert "weather: GET /forecast/{city}" in result.stderr
    assert "bank: POST /transfers" not in result.stderr
    assert sorted(path.name for path in house.iterdir()) == [
        "bank.openapi.yaml",
        "bank.policytest.yaml",
        "tokenward.yaml",
        "weather.openapi.yaml",
    ], "nothing is written"


def test_a_decision_that_is_not_the_expected_one_is_explained_where_the_test_stands(house):
    below = house / "tests"
    below.mkdir()
    (below / "money.policytest.yaml").write_text(
        "tests:\n"
        "  - {name: all may, request: GET /bank/accounts, token: {scopes: [accounts:read]}, expect: allow}\n"
        "  - name: money [bold]too\n"
        "    request: POST /bank/transfers\n"
        "    token: {scopes: ['transfers:write']}\n"
        "    expect: allow\n"
    )
    result = tried(code=1)
    assert "1 passed, 1 failed" in result.stdout
    assert "money.policytest.yaml:3: money [bold]too" in result.stdout.replace("\n", "")
    assert "expected allow, decided insufficient_tier POST /transfers" in result.stdout
    assert "✓ match API and operation" in result.stdout
    assert "✗ check the tier" in result.stdout
    assert "high needs a token that is bound to a key" in result.stdout


def outcome(house, **test):
    """The decision on one test, as told."""
    (house / "one.policytest.yaml").write_text(
        json.dumps({"tests": [{"name": "one", "expect": "allow", **test}]})
    )
    result = CliRunner().invoke(application, ["test", "one.policytest.yaml"])
    if result.exit_code == 0:
        return "allow"
    return result.stdout.partition(", decided ")[2].split()[0]


MONEY = {
    "request": "POST /bank/transfers",
    "body": {"from": "current", "to": "savings", "amount": "1.00", "currency": "EUR"},
}
FORECAST = {"request": "GET /weather/forecast/lisbon"}
READ = {"scopes": ["forecast:read"]}


PAYS = {"scopes": ["transfers:write"], "bound": "dpop"}


@pytest.mark.parametrize(
    ("test", "decided"),
    [
        ({**MONEY, "token": {"scopes": ["transfers:write"], "bound": "mtls"}}, "allow"),
        (
            {**MONEY, "token": {"scopes": ["transfers:write"], "bound": "mtls", "proved": False}},
            "invalid_token",
        ),
        (
            {**MONEY, "token": {"scopes": ["transfers:write"], "bound": "dpop", "lifetime": "11m"}},
            "insufficient_tier",
        ),
        ({**MONEY, "body": None, "token": PAYS}, "contract_body"),
        ({**MONEY, "body": '{"from": "current", "from": "savings"}', "token": PAYS}, "contract_json"),
        ({**MONEY, "headers": {"Content-Type": "text/plain"}, "token": PAYS}, "contract_media_type"),
        ({**FORECAST, "token": READ}, "allow"),
        ({**FORECAST, "token": {**READ, "api": "bank"}}, "invalid_token"),
        ({**FORECAST, "api_key": READ}, "allow"),
        ({**FORECAST, "api_key": {"scopes": []}}, "insufficient_scope"),
        ({**FORECAST, "peer": "10.1.2.3", "api_key": {**READ, "addresses": ["10.0.0.0/8"]}}, "allow"),
        ({**FORECAST, "api_key": {**READ, "addresses": ["10.0.0.0/8"]}}, "key_elsewhere"),
        ({**FORECAST, "api_key": {**READ, "origins": ["https://a.example"]}}, "key_elsewhere"),
        (
            {
                **FORECAST,
                "headers": {"Origin": "https://a.example"},
                "api_key": {**READ, "origins": ["https://a.example"]},
            },
            "allow",
        ),
        ({**FORECAST, "headers": {"Authorization": "Basic eDp5"}}, "wrong_scheme"),
        ({**FORECAST, "headers": {"X-API-Key": "k"}, "token": READ}, "several_credentials"),
        ({**FORECAST, "request": "GET /weather/forecast/lisbon?access_token=x"}, "credential_in_url"),
        ({**FORECAST, "request": "PUT /weather/forecast/lisbon", "token": READ}, "undocumented_method"),
        ({**FORECAST, "request": "GET /weather/a/../forecast/lisbon", "token": READ}, "ambiguous_path"),
        ({"request": "GET /nowhere", "token": READ}, "undocumented"),
        ({**FORECAST, "token": READ, "operation": "GET /health"}, "allow"),
    ],
    ids=str,
)
def test_a_test_says_what_the_caller_shows(house, test, decided):
    wrong_operation = "operation" in test
    assert outcome(house, **test) == decided
    if wrong_operation:
        assert "expected allow GET /health" in tried("one.policytest.yaml", code=1).stdout


def test_who_signed_in_how_and_when_decides_at_critical(house):
    path = house / "tokenward.yaml"
    path.write_text(
        path.read_text().replace("createTransfer: {risk: high}", "createTransfer: {risk: critical}")
    )
    strong = {"scopes": ["transfers:write"], "bound": "dpop", "credential": "private_key_jwt", "user": "ann"}
    for changes, decided in (
        ({"amr": ["pwd", "otp"], "signed_in": "4m"}, "allow"),
        ({"amr": ["pwd", "otp"], "signed_in": "6m"}, "step_up_needed"),
        ({"amr": ["pwd"], "signed_in": "4m"}, "step_up_needed"),
        ({"amr": ["pwd", "otp"], "signed_in": "4m", "credential": "client_secret"}, "insufficient_tier"),
    ):
        assert outcome(house, **MONEY, token={**strong, **changes}) == decided


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tests: []", "'tests' is empty"),
        ("tests: [{name: a, request: GET, expect: allow}]", "write it like GET /bank/accounts"),
        ("tests: [{name: a, request: GET /x, expect: alow}]", "did you mean allow?"),
        ("tests: [{name: a, request: GET /x, expect: allow, tokn: {}}]", "did you mean 'token'?"),
        (
            "tests: [{name: a, request: GET /x, expect: allow, token: {api: bnk}}]",
            "name one of weather, bank",
        ),
        (
            "tests: [{name: a, request: GET /x, expect: allow, token: {}, api_key: {}}]",
            "make two tests of it",
        ),
        ("tests: [{name: a, request: GET /x, expect: allow, peer: home}]", "write an address"),
        ("tests: [{name: a, request: GET /x, expect: allow, headers: {'a b': c}}]", "header"),
        ("tests: [", "syntax"),
    ],
    ids=["none", "request", "outcome", "key", "api", "two", "peer", "header", "syntax"],
)
def test_a_file_that_cannot_be_read_is_told_with_its_place_and_nothing_is_tried(house, text, told):
    (house / "bad.policytest.yaml").write_text(text)
    result = tried(code=2)
    assert "bad.policytest.yaml:1:" in result.stdout.replace("\n", "")
    assert told in result.stdout.replace("\n", "")
    assert "passed" not in result.stdout


def test_without_tests_or_a_good_configuration_it_says_what_is_missing(house):
    assert "there is no file *.policytest.yaml" in tried(code=2).stderr.replace("\n", " ")
    assert "elsewhere.yaml" in tried("elsewhere.yaml", code=2).stdout
    (house / "tokenward.yaml").write_text("apis: 1\n")
    assert "tokenward check" in tried(code=2).stderr


def test_the_schema_is_printed():
    printed = json.loads(tried("--schema").stdout)
    assert set(printed["properties"]) == {"tests"}
    assert {"PolicyTest", "TokenInTest", "ApiKeyInTest"} <= set(printed["$defs"])


@pytest.mark.parametrize("proved", [True, False])
def test_an_api_that_protects_itself_is_asked_at_its_own_url(house, proved):
    path = house / "tokenward.yaml"
    text = path.read_text()
    assert "upstream: http://127.0.0.1:8003" in text
    itself = text.replace("upstream: http://127.0.0.1:8003", "url: https://bank.example/v1").replace(
        "    mount: /bank\n", ""
    )
    path.write_text(itself)
    (house / "a.policytest.yaml").write_text(
        "tests:\n"
        "  - name: by its URL\n"
        "    request: GET https://bank.example/v1/accounts\n"
        f"    token: {{scopes: [accounts:read], bound: dpop, proved: {str(proved).lower()}}}\n"
        f"    expect: {'allow' if proved else 'invalid_token'}\n"
        "    operation: GET /accounts\n"
        "  - {name: not at the gateway, request: GET /v1/accounts, expect: undocumented}\n"
        "  - {name: nor elsewhere, request: GET https://evil.example/v1/accounts, expect: undocumented}\n"
        "  - {name: nor above it, request: GET https://bank.example/v1x/accounts, expect: undocumented}\n"
        "  - name: its audience\n"
        "    request: GET /weather/forecast/bern\n"
        "    token: {scopes: [forecast:read], api: bank}\n"
        "    expect: invalid_token\n"
    )
    result = tried()
    assert "5 passed, 0 failed" in result.stdout
    assert "bank: POST /transfers" in result.stderr
