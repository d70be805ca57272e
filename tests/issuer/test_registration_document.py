"""The OpenAPI document of client registration: valid, whole, and nothing is open but what has to be."""

import json

import httpx
import pytest
from generate_reference import REGISTRATION_DOCUMENT
from openapi_spec_validator import validate
from typer.testing import CliRunner

from issuer.registration_answers import DOCUMENT, checked
from tokenward.app.cli import application
from tokenward.issuer.asgi import ROUTES

# RFC 7591 §2 has unknown metadata ignored. By a PUT a client may get its first secret, shown once (RFC 7592
# §2.2). Nobody tells how many guesses are left.
KNOWN = {"openapi.open-object", "openapi.secret-in-answer", "openapi.rate-limit-undocumented"}


def test_it_is_valid_and_tells_every_method():
    validate(json.loads(json.dumps(DOCUMENT)))
    assert {name.upper() for name in DOCUMENT["paths"]["/register"]} == set(ROUTES["/register"].methods)


def test_our_own_auditor_finds_what_has_to_be_and_nothing_else():
    asked = ["audit", "openapi", str(REGISTRATION_DOCUMENT), "--profile", "partner", "--format", "json"]
    told = json.loads(CliRunner().invoke(application, asked).stdout)
    assert {each["rule"]["id"] for each in told["findings"]} == KNOWN


def _answer(status, body, sent=None, method="POST", **headers):
    request = httpx.Request(method, "https://login.example/register", json=sent or {})
    return httpx.Response(status, json=body, request=request, headers=headers)


@pytest.mark.parametrize(
    "response",
    [
        _answer(201, {"client_id": "x"}, {"redirect_uris": ["https://app.example/cb"]}),
        _answer(400, {"error": "invalid_client_metadata"}),
        _answer(401, {"error": "invalid_token", "error_description": "no"}),
        _answer(302, {}),
    ],
)
def test_an_answer_that_is_not_documented_is_noticed(response):
    with pytest.raises((AssertionError, KeyError)):
        checked(response)


def test_a_request_that_is_not_documented_and_was_taken_is_noticed():
    registered = {
        "redirect_uris": ["https://app.example/cb"], "client_id": "A" * 22, "client_id_issued_at": 1,
        "registration_client_uri": "https://login.example/register?client_id=" + "A" * 22,
    }  # fmt: skip
    assert checked(_answer(201, registered, {"redirect_uris": ["https://app.example/cb"]}))
    with pytest.raises(AssertionError, match="was taken"):
        checked(_answer(201, registered, {"redirect_uris": "https://app.example/cb"}))
