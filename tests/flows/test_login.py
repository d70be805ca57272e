"""The relying party's side, without a network: what is kept, what is asked, what counts as the answer."""

import pytest

from tokenward.flows.errors import FlowError
from tokenward.flows.login import LIFETIME, MAX_NEXT, RelyingParty, begin, read_userinfo, resumed, safe_next
from tokenward.flows.logout import MAX_HINT, sign_out_url
from tokenward.flows.metadata import ServerMetadata
from tokenward.flows.token import TokenResponse

OP = "https://op.example"
PARTY = RelyingParty(OP, "shop", "https://shop.example/auth/callback")
SERVER = ServerMetadata(OP, authorization_endpoint=f"{OP}/authorize", end_session_endpoint=f"{OP}/bye")


def test_what_is_kept_is_all_that_the_answer_is_held_against():
    login = begin(SERVER, PARTY, now=100.0, next="/orders", max_age=5, acr_values=["two"])
    again = resumed(login.written(), PARTY)
    assert (again.next, again.end, again.request.state) == ("/orders", 100.0 + LIFETIME, login.request.state)
    query = f"code=c&state={login.request.state}&iss=https%3A%2F%2Fop.example"
    code = again.code(query, names_issuer=True, now=101.0)
    verifier = login.request.verifier.reveal()
    assert verifier.encode() in again.form(code)
    response = TokenResponse.parse(200, b'{"access_token": "a", "token_type": "Bearer", "id_token": "i"}')
    token, expected = again.expected(response)
    assert (token, expected.nonce, expected.access_token) == ("i", login.request.nonce, "a")
    assert (expected.max_age, expected.acr_values) == (5, ("two",))


def test_an_answer_that_comes_too_late_or_from_elsewhere_is_none():
    login = begin(SERVER, PARTY, now=100.0)
    query = f"code=c&state={login.request.state}"
    for now, iss, code in ((100.0 + LIFETIME, OP, "too_late"), (100.0, "https://evil.example", "issuer_mis")):
        with pytest.raises(FlowError, match=code):
            login.code(f"{query}&iss={iss}", names_issuer=True, now=now)
    with pytest.raises(FlowError, match="issuer_mismatch"):
        login.code(query, names_issuer=True, now=100.0)
    assert login.code(query, names_issuer=False, now=100.0)


def test_without_openid_or_an_id_token_or_an_endpoint_there_is_no_sign_in():
    with pytest.raises(ValueError, match="an access token does not"):
        RelyingParty(OP, "shop", "https://shop.example/cb", scope=("profile",))
    response = TokenResponse.parse(200, b'{"access_token": "a", "token_type": "Bearer"}')
    with pytest.raises(FlowError, match="does not say who signed in"):
        begin(SERVER, PARTY, now=0.0).expected(response)
    with pytest.raises(FlowError, match="no authorization endpoint"):
        begin(ServerMetadata(OP), PARTY, now=0.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "//a",
        "/\\a",
        "/a\\b",
        "https://a",
        "/ a",
        "/a\n",
        "/é",
        "/" + "a" * MAX_NEXT,
        "\\/a",
        "/\x7f",
    ],
)
def test_only_a_path_of_this_origin_is_gone_to(text):
    assert safe_next(text) == "/"
    assert begin(SERVER, PARTY, now=0.0, next=text).next == "/"


@pytest.mark.parametrize(
    "text",
    ["/", "/a", "/a?b=https://c", "/a//b", "/@evil.example", "/" + "a" * 2047],
    ids=lambda text: text[:16],
)
def test_a_path_of_this_origin_is_gone_to(text):
    assert safe_next(text) == text


def test_userinfo_is_about_exactly_this_subject():
    assert read_userinfo(b'{"sub": "a", "email": "x"}', "a")["email"] == "x"
    for body in (b'{"sub": "b"}', b'{"email": "x"}', b"[]", b'{"sub": "a", "sub": "a"}'):
        with pytest.raises(FlowError, match="malformed_response"):
            read_userinfo(body, "a")


def test_signing_out_there_names_the_session_where_it_can():
    url = sign_out_url(SERVER, client_id="shop", back="https://shop.example/", id_token="i.d.t")
    assert url == (
        f"{OP}/bye?id_token_hint=i.d.t&client_id=shop&post_logout_redirect_uri=https%3A%2F%2Fshop.example%2F"
    )
    assert "hint" not in sign_out_url(SERVER, client_id="shop", back="b", id_token="i" * (MAX_HINT + 1))
    assert "?a=b&client_id=" in sign_out_url(
        ServerMetadata(OP, end_session_endpoint=f"{OP}/bye?a=b"), client_id="shop", back="b"
    )
    assert sign_out_url(ServerMetadata(OP), client_id="shop", back="b") == ""
