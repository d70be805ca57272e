import base64
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.secret import Secret
from tokenward.flows import token
from tokenward.flows.authorization import AuthorizationRequest
from tokenward.flows.errors import FlowError
from tokenward.flows.token import TokenResponse

GOOD = {"access_token": "the-token", "token_type": "Bearer", "expires_in": 600}


def fields(body: bytes) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(body.decode("ascii"), strict_parsing=True).items()}


def test_client_credentials():
    assert fields(token.client_credentials(scope=["a:read", "b"], resource="https://a/?b=c&d")) == {
        "grant_type": "client_credentials",
        "scope": "a:read b",
        "resource": "https://a/?b=c&d",
    }
    assert token.client_credentials() == b"grant_type=client_credentials"


def test_authorization_code():
    request = AuthorizationRequest.begin("https://a", client_id="app", redirect_uri="http://127.0.0.1/cb")
    expected = {
        "grant_type": "authorization_code",
        "code": "c+d",
        "redirect_uri": "http://127.0.0.1/cb",
        "code_verifier": request.verifier.reveal(),
    }
    assert fields(token.authorization_code(Secret("c+d"), request)) == expected
    public = token.authorization_code(Secret("c+d"), request, public=True)
    assert fields(public) == expected | {"client_id": "app"}


def test_refresh_token():
    assert fields(token.refresh_token(Secret("r"), scope=["a"], client_id="app")) == {
        "grant_type": "refresh_token",
        "refresh_token": "r",
        "scope": "a",
        "client_id": "app",
    }


def test_basic_authorization_is_form_encoded_first():
    scheme, _, value = token.basic_authorization("a:b c", Secret("p%é")).partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(value) == b"a%3Ab+c:p%25%C3%A9"


def test_an_answer_is_read():
    body = json.dumps(GOOD | {"scope": "a b", "refresh_token": "r", "id_token": "i", "more": [1]}).encode()
    response = TokenResponse.parse(200, body)
    assert response.access_token.reveal() == "the-token"
    assert (response.expires_in, response.scope) == (600, "a b")
    assert response.refresh_token is not None
    assert response.refresh_token.reveal() == "r"
    assert response.id_token is not None
    assert "the-token" not in repr(response)


@pytest.mark.parametrize("length", [1, 8_000])
def test_tokens_have_any_length_that_fits_into_a_header(length):
    answer = GOOD | {"access_token": "a" * length, "refresh_token": "r" * length}
    response = TokenResponse.parse(200, json.dumps(answer).encode())
    assert response.access_token.reveal() == "a" * length
    assert response.refresh_token is not None
    assert response.refresh_token.reveal() == "r" * length


def test_what_is_not_there_is_none():
    response = TokenResponse.parse(200, b'{"access_token":"t","token_type":"bearer"}')
    assert (response.expires_in, response.scope, response.refresh_token, response.id_token) == (None,) * 4


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 1},
        {"token_type": None},
        {"token_type": "DPoP"},
        {"expires_in": "600"},
        {"expires_in": True},
        {"expires_in": 0},
        {"expires_in": None},
        {"scope": None},
        {"scope": ["a"]},
        {"refresh_token": ""},
        {"refresh_token": None},
        {"id_token": 1},
        {"authorization_details": {"type": "payment"}},
        {"authorization_details": ["payment"]},
    ],
)
def test_an_answer_of_the_wrong_shape_is_refused(changes: dict[str, Any]):
    with pytest.raises(FlowError) as caught:
        TokenResponse.parse(200, json.dumps(GOOD | changes).encode())
    assert caught.value.code == "malformed_response"
    assert "the-token" not in str(caught.value)


def test_an_error_is_told_by_its_code():
    with pytest.raises(FlowError) as caught:
        TokenResponse.parse(400, b'{"error":"invalid_grant","error_description":"gone"}')
    assert (caught.value.code, caught.value.text) == ("invalid_grant", "gone")


@pytest.mark.parametrize(
    ("status", "body"), [(200, b""), (500, b"<html>"), (400, b"{}"), (302, b"{}"), (200, b'{"a":1,"a":2}')]
)
def test_what_is_no_answer_is_malformed(status: int, body: bytes):
    with pytest.raises(FlowError) as caught:
        TokenResponse.parse(status, body)
    assert caught.value.code == "malformed_response"


def test_a_token_beside_an_error_status_is_not_taken():
    with pytest.raises(FlowError):
        TokenResponse.parse(401, json.dumps(GOOD).encode())


@given(st.integers(100, 599), st.binary(max_size=50))
def test_any_answer_is_a_flow_error(status: int, body: bytes):
    with pytest.raises(FlowError):
        TokenResponse.parse(status, body)


def test_authorization_details_are_asked_for_and_told():
    details = [{"type": "payment", "payee": "Müller & Söhne"}]
    form = fields(token.client_credentials(authorization_details=details))
    assert json.loads(form["authorization_details"]) == details
    assert "authorization_details" not in fields(token.client_credentials())
    answer = json.dumps(GOOD | {"authorization_details": details}).encode()
    assert TokenResponse.parse(200, answer).authorization_details == tuple(details)
    assert TokenResponse.parse(200, json.dumps(GOOD).encode()).authorization_details == ()


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token"])
@pytest.mark.parametrize(
    "value",
    ["two\nlines", "nul\0", "\x1b[2J", "\u212a", "x" * 32_769],
    ids=["line", "nul", "escape", "no ASCII", "long"],
)
def test_a_token_that_would_say_something_of_its_own_is_none_and_is_not_repeated(name: str, value: str):
    answer = {"access_token": "at", "token_type": "Bearer"} | {name: value}
    with pytest.raises(FlowError, match=f"malformed_response: {name} (has|is over)") as refused:
        TokenResponse.parse(200, json.dumps(answer).encode())
    assert value not in str(refused.value)
