"""Types of authorization details in the configuration: every mistake is told, with its line and a remedy."""

import asyncio
from pathlib import Path

import pytest

from app.test_config import DOCUMENT, GOOD
from tokenward.app.config import load
from tokenward.app.policy_tests import read_suites
from tokenward.app.policy_trial import Trial

TYPES = """\
    authorization_details_types:
      payment:
        says: Send {amount} {currency} to {payee}
        fields:
          amount: {type: string, pattern: '[0-9]{1,9}[.][0-9]{2}', maxLength: 12}
          currency: {enum: [EUR]}
          payee: {type: string, maxLength: 70}
          reference: {type: string, maxLength: 35, title: Reference}
        optional: [reference]
"""
OPERATION = "      getAccount: {authorization_details: payment}\n"


def loaded(directory: Path, text: str, document: str = DOCUMENT):
    (directory / "bank.yaml").write_text(document, encoding="utf-8")
    path = directory / "tokenward.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_a_type_is_read_and_reaches_issuer_and_gateway(tmp_path):
    found = loaded(tmp_path, GOOD + OPERATION + TYPES)
    assert found.findings == ()
    (resource,) = found.configuration.resources.values()
    kind = resource.details["payment"]
    assert kind.audience == resource.audience
    detail = {"type": "payment", "amount": "1.00", "currency": "EUR", "payee": "A"}
    assert kind.told(detail).text == "Send “1.00” “EUR” to “A”"
    (api,) = found.configuration.policy.apis
    assert {it.operation_id: it.details for it in api.operations} == {
        "listAccounts": None,
        "getAccount": "payment",
    }


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ("{payee}", "{payer}", 18, "there is no field 'payer'"),
        (" to {payee}", "", 22, "nobody would be told payee"),
        ("{payee}", "{payee", 18, "its braces cannot be read"),
        ("maxLength: 70", "minLength: 1", 22, "there is no bound"),
        ("{type: string, maxLength: 70}", "true", 22, "lets anything through"),
        ("{type: string, maxLength: 70}", "{}", 22, "its type is none"),
        ("maxLength: 70", "maxLength: 70, pattern: '(?=x)'", 22, "pattern cannot be used"),
        ("[EUR]", "[]", 21, "no list of choices"),
        ("optional: [reference]", "optional: [payee]", 18, "leave a hole"),
        ("optional: [reference]", "optional: [nothing]", 24, "there is no field 'nothing'"),
        (", title: Reference", "", 23, "nobody would be told reference"),
        ("payee: {", "token: {", 22, "its name is that of a token"),
        ("      payment:", "      pay ment:", 17, "no name of a type"),
    ],
)
def test_every_mistake_is_told_with_its_line_and_a_remedy(old, new, line, text, tmp_path):
    found = loaded(tmp_path, GOOD + OPERATION + TYPES.replace(old, new))
    assert found.configuration is None
    told = [(it.line, it.code) for it in found.findings if text in it.text]
    assert told == [(line, "authorization-details")], found.findings
    assert all(it.remedy for it in found.findings)


def test_all_mistakes_are_told_at_once(tmp_path):
    types = TYPES.replace("{payee}", "{payer} {amount}").replace("[0-9]{1,9}", "(?=x)").replace("[EUR]", "[]")
    found = loaded(tmp_path, GOOD + OPERATION + types)
    assert [(it.line, it.text) for it in found.findings] == [
        (18, "there is no field 'payer' to be told"),
        (20, "this pattern cannot be used"),
        (21, "this is no list of choices"),
        (22, "nobody would be told payee before allowing it"),
    ]


def test_an_operation_demands_a_type_of_its_own_api(tmp_path):
    found = loaded(tmp_path, GOOD + OPERATION.replace("payment", "payments") + TYPES)
    assert [(it.line, it.text) for it in found.findings if it.severity == "error"] == [
        (15, "bank has no authorization details of type payments")
    ]


def test_a_type_that_no_operation_demands_is_told(tmp_path):
    found = loaded(tmp_path, GOOD + TYPES)
    assert [(it.severity, it.line) for it in found.findings] == [("warning", 16)]
    assert "no operation of bank demands payment" in found.findings[0].text


def test_two_apis_have_no_type_in_common(tmp_path):
    shop = (
        "  shop:\n    openapi: bank.yaml\n    upstream: http://127.0.0.1:9003\n    risk: moderate\n"
        "    operations:\n      listAccounts: {scopes: [shop:list]}\n"
    )
    found = loaded(tmp_path, GOOD + OPERATION + TYPES + shop + OPERATION + TYPES)
    (error,) = [it for it in found.findings if it.severity == "error"]
    assert "bank has a type of this name already" in error.text


def test_details_stand_in_for_a_scope_and_never_beside_everybody(tmp_path):
    bare = DOCUMENT.replace("      security: [{oauth: [accounts:read]}]\n", "")
    (tmp_path / "one").mkdir()
    found = loaded(tmp_path / "one", GOOD + OPERATION + TYPES, bare)
    assert found.configuration is not None
    public = OPERATION.replace("{", "{risk: public, ")
    found = loaded(tmp_path, GOOD + public + TYPES, bare)
    assert [it.text for it in found.findings if it.severity == "error"] == [
        "GET /accounts/{id} is public and asks for authorization details"
    ]


TESTS = """\
tests:
  - name: with details
    request: GET /bank/accounts/7
    token: {scopes: [accounts:read], authorization_details: [{type: payment, amount: "1.00"}]}
    expect: allow
  - name: with others
    request: GET /bank/accounts/7
    token: {scopes: [accounts:read], authorization_details: [{type: other}]}
    expect: insufficient_authorization_details
"""


def test_a_policy_test_says_what_a_token_allows_exactly(tmp_path):
    configuration = loaded(tmp_path, GOOD + OPERATION + TYPES).configuration
    path = tmp_path / "bank.policytest.yaml"
    path.write_text(TESTS, encoding="utf-8")
    (suite,) = read_suites([path], configuration.settings).suites
    trial = Trial(configuration)
    assert [asyncio.run(trial.run(test)).passed for test in suite.tests] == [True, True]
