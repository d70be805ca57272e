import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.flows import pkce
from tokenward.flows.authorization import AuthorizationRequest, read_callback
from tokenward.flows.errors import FlowError

ISSUER = "https://issuer.example"
REDIRECT = "http://127.0.0.1:7000/callback"
REQUEST = AuthorizationRequest.begin(
    f"{ISSUER}/authorize",
    client_id="app 1",
    redirect_uri=REDIRECT,
    scope=["openid", "a:read"],
    resource="https://a",
)


def answer(**changes: str) -> str:
    good = {"code": "the-code", "state": REQUEST.state, "iss": ISSUER}
    return urlencode({name: value for name, value in (good | changes).items() if value})


def refusal(url_or_query: str) -> FlowError:
    with pytest.raises(FlowError) as caught:
        read_callback(url_or_query, REQUEST, ISSUER)
    return caught.value


def test_the_url_asks_for_a_code_with_pkce_state_and_nonce():
    parts = urlsplit(REQUEST.url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{ISSUER}/authorize"
    assert parse_qs(parts.query, strict_parsing=True) == {
        "response_type": ["code"],
        "client_id": ["app 1"],
        "redirect_uri": [REDIRECT],
        "scope": ["openid a:read"],
        "resource": ["https://a"],
        "state": [REQUEST.state],
        "nonce": [REQUEST.nonce],
        "code_challenge": [pkce.challenge(REQUEST.verifier.reveal())],
        "code_challenge_method": ["S256"],
    }
    assert REQUEST.verifier.reveal() not in REQUEST.url


def test_what_is_not_asked_is_left_out_and_a_query_is_kept():
    url = AuthorizationRequest.begin("https://a/authorize?tenant=1", client_id="c", redirect_uri=REDIRECT).url
    names = parse_qs(urlsplit(url).query)
    assert names["tenant"] == ["1"]
    assert not {"scope", "resource", "nonce"} & names.keys()


def test_how_fresh_and_how_good_a_sign_in_must_be_is_asked_for_and_otherwise_left_out():
    plain = AuthorizationRequest.begin(ISSUER, client_id="c", redirect_uri=REDIRECT)
    assert not {"max_age", "acr_values", "prompt"} & parse_qs(urlsplit(plain.url).query).keys()
    strict = AuthorizationRequest.begin(
        ISSUER, client_id="c", redirect_uri=REDIRECT, max_age=0, acr_values=["phr", "mfa"], prompt="login"
    )
    query = parse_qs(urlsplit(strict.url).query)
    assert (query["max_age"], query["acr_values"], query["prompt"]) == (["0"], ["phr mfa"], ["login"])


def test_a_server_that_never_names_itself_may_leave_it_out_and_not_name_another():
    named, unnamed = answer(), answer(iss="")
    for form in (named, unnamed):
        assert read_callback(form, REQUEST, ISSUER, names_issuer=False).reveal() == "the-code"
    with pytest.raises(FlowError, match="issuer_mismatch"):
        read_callback(answer(iss="https://evil.example"), REQUEST, ISSUER, names_issuer=False)
    with pytest.raises(FlowError, match="issuer_mismatch"):
        read_callback(unnamed, REQUEST, ISSUER)


def test_two_requests_share_no_secret():
    other = AuthorizationRequest.begin(ISSUER, client_id="c", redirect_uri=REDIRECT)
    assert REQUEST.state != other.state
    assert REQUEST.nonce != other.nonce
    assert REQUEST.verifier.reveal() != other.verifier.reveal()


def test_a_request_does_not_show_its_secrets():
    shown = repr(REQUEST)
    assert not any(secret in shown for secret in (REQUEST.state, REQUEST.nonce, REQUEST.verifier.reveal()))


@pytest.mark.parametrize("form", ["{}", "?{}", f"{REDIRECT}?{{}}", f"{REDIRECT}?{{}}#_=_"])
def test_the_code_is_read_from_a_url_or_its_query(form: str):
    assert read_callback(form.format(answer()), REQUEST, ISSUER).reveal() == "the-code"


def test_what_nobody_knows_in_an_answer_is_ignored_and_a_code_has_any_length():
    assert read_callback(answer(session_state="x", more="1"), REQUEST, ISSUER).reveal() == "the-code"
    for length in (1, 4_000):
        assert read_callback(answer(code="c" * length), REQUEST, ISSUER).reveal() == "c" * length


NOT_OURS = {
    "another state": (answer(state="another"), "state_mismatch"),
    "no state": (answer(state=""), "state_mismatch"),
    "state not ASCII": (answer(state="é"), "state_mismatch"),
    "another issuer": (answer(iss="https://evil.example"), "issuer_mismatch"),
    "issuer with a slash more": (answer(iss=f"{ISSUER}/"), "issuer_mismatch"),
    "no issuer": (answer(iss=""), "issuer_mismatch"),
    "no code": (answer(code=""), "malformed_response"),
    "two codes": (answer() + "&code=other", "malformed_response"),
    "broken escape": (answer() + "&x=%zz", "malformed_response"),
    "not UTF-8": (answer() + "&x=%ff", "malformed_response"),
    "nothing": ("", "state_mismatch"),
    "an error": (answer(error="access_denied"), "access_denied"),
    "an error for another state": (answer(error="access_denied", state="another"), "state_mismatch"),
    "an error of another issuer": (
        answer(error="access_denied", iss="https://evil.example"),
        "issuer_mismatch",
    ),
}


@pytest.mark.parametrize(("query", "code"), NOT_OURS.values(), ids=NOT_OURS)
def test_an_answer_that_is_not_ours_is_refused(query: str, code: str):
    assert refusal(query).code == code


def test_the_servers_words_are_cut_to_what_can_be_logged():
    error = refusal(answer(error="access_denied", error_description="no\u202eway" + "x" * 500))
    assert error.text.startswith("noway")
    assert len(error.text) == 200


@given(st.text())
def test_any_text_is_a_flow_error(text: str):
    refusal(text)
    refusal(f"http://[{text}?{text}")


def test_a_request_carries_authorization_details():
    details = [{"type": "payment", "payee": "Müller & Söhne"}]
    kept = AuthorizationRequest.begin(
        f"{ISSUER}/authorize", client_id="app", redirect_uri=REDIRECT, authorization_details=details
    )
    query = parse_qs(urlsplit(kept.url).query)
    assert json.loads(query["authorization_details"][0]) == details
    assert "scope" not in query
