"""The OpenAPI document of the OAuth endpoints: valid, whole, and open only where it has to be."""

import json

import httpx
import pytest
from generate_reference import PROTOCOL_DOCUMENT
from openapi_spec_validator import validate
from typer.testing import CliRunner

from issuer.protocol_answers import DOCUMENT, check
from tokenward.app.cli import application
from tokenward.app.protocol_document import LEFT_OUT, document
from tokenward.issuer.asgi import ROUTES
from tokenward.issuer.grants.table import GRANTS

# What the specifications ask for, by the check that minds it.
KNOWN = {
    "openapi.http-basic",  # a secret can always be shown so (RFC 6749 §2.3.1)
    "openapi.security-optional",  # public clients show nothing (§3.2.1), and assertions are in the form
    "openapi.open-object",  # what is unknown is ignored (§3.2)
    "openapi.ssrf-parameter",  # addresses to go to, compared with what is registered; nothing is fetched
    "openapi.response-429-missing",  # who shows nothing that can be guessed is not counted
    "openapi.rate-limit-undocumented",  # nobody tells how many guesses are left
    "openapi.hsts-missing",  # told by the listener, where it has TLS
}


def test_it_is_valid_and_tells_every_path_method_and_grant():
    validate(json.loads(json.dumps(DOCUMENT)))
    told = {path: {each.upper() for each in methods} for path, methods in DOCUMENT["paths"].items()}
    assert told == {path: set(each.methods) for path, each in ROUTES.items() if path not in LEFT_OUT}
    (body,) = DOCUMENT["paths"]["/token"]["post"]["requestBody"]["content"].values()
    forms = body["schema"]["oneOf"]
    assert [each["properties"]["grant_type"]["const"] for each in forms] == list(GRANTS)


def test_a_path_that_nothing_is_said_of_has_no_document(monkeypatch):
    monkeypatch.setitem(ROUTES, "/new", ROUTES["/token"])
    with pytest.raises(KeyError, match="/new"):
        document()


def test_our_own_auditor_finds_what_has_to_be_and_nothing_else():
    asked = ["audit", "openapi", str(PROTOCOL_DOCUMENT), "--profile", "public", "--format", "json"]
    told = json.loads(CliRunner().invoke(application, asked).stdout)
    assert {each["rule"]["id"] for each in told["findings"]} == KNOWN


def _answered(status, body=None, *, method="POST", path="/token", sent="", text="", **headers):
    request = httpx.Request(method, f"https://login.example{path}", content=sent)
    kinds = {"content-type": "text/html"} if text else {}
    content = {"json": body} if body is not None else {"content": text}
    return request, httpx.Response(status, request=request, headers={**kinds, **headers}, **content)


TOKENS = {"access_token": "tkw_at_x", "token_type": "Bearer", "expires_in": 60}
GOOD = "grant_type=client_credentials&scope=a"


@pytest.mark.parametrize(
    "answered",
    [
        _answered(200, TOKENS | {"debug": "x"}, sent=GOOD),
        _answered(200, TOKENS | {"token_type": "bearer "}, sent=GOOD),
        _answered(200, TOKENS, sent="grant_type=password&username=a&password=b"),
        _answered(200, TOKENS, sent="grant_type=refresh_token"),
        _answered(400, {"error": "no_such_error", "error_description": "x"}),
        _answered(400, {"error": "invalid_request", "error_description": 'a "quote"'}),
        _answered(400, {"error": "invalid_request", "error_description": "a \\ backslash"}),
        _answered(400, {"error": "invalid_request", "error_description": "an \u00e9"}),
        _answered(400, {"error": "invalid_request", "error_description": "x", "error_uri": "https://a/"}),
        _answered(500, {"error": "invalid_request", "error_description": "x"}),
        _answered(404, {"error": "invalid_request", "error_description": "x"}),
        _answered(429, {"error": "too_many_requests", "error_description": "x"}, **{"retry-after": "0"}),
        _answered(400, text="no"),
        _answered(405, {}, method="GET", allow="GET, POST"),
        _answered(303, method="GET", path="/authorize"),
        _answered(200, {"active": False, "sub": "somebody"}, path="/introspect", sent="token=x"),
        _answered(200, {"keys": [], "private": 1}, method="GET", path="/userinfo"),
    ],
)
def test_an_answer_that_is_not_documented_is_noticed(answered):
    with pytest.raises(AssertionError):
        check(*answered)


def test_one_that_is_documented_passes():
    check(*_answered(200, TOKENS, sent=GOOD))
    check(*_answered(405, {}, method="GET", allow="POST"))
    check(*_answered(303, method="GET", path="/authorize", location="https://app.example/cb?code=x"))
    check(*_answered(303, path="/authorize", sent="max_age=+", location="/authorize?max_age=+"))
