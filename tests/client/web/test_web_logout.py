"""Signing out here, there, and because the provider says so; and nobody signs out another."""

import json
import time

import pytest

from client.web.visit import CLIENT, EVENT, URL, Browser, application, logout_token
from tokens.minting import ABSENT
from tokenward.client.web import SqliteSessions
from tokenward.tokens.keys import SigningKey

NOW = int(time.time())


def test_signing_out_ends_the_session_revokes_and_leads_on_to_the_provider(op, browser):
    browser.sign_in_as()
    kept = dict(browser.cookies)
    op.scripts = [(200, {})]
    answer = browser.post("/auth/sign-out")
    assert (answer.status, browser.cookies) == (303, {})
    assert browser.location().startswith(f"{op.issuer}/bye?")
    asked = browser.asked()
    assert (asked["client_id"], asked["post_logout_redirect_uri"]) == (CLIENT, f"{URL}/")
    assert asked["id_token_hint"].count(".") == 2
    assert op.forms[-1][0]["token"] == "refresh-1"
    browser.cookies = kept
    assert browser.person is None, "a copy of the cookie is worth nothing"


def test_a_sign_out_never_fails_for_the_provider(op, browser):
    browser.sign_in_as()
    op.scripts = [(500, {})]
    del op.metadata["end_session_endpoint"]
    fresh = application(op, sessions=browser.sign_in._sessions.store)
    browser.post("/auth/sign-out")
    assert (browser.person, browser.cookies) == (None, {})
    other = Browser(fresh, op)
    other.sign_in_as()
    op.scripts = [(500, {})]
    other.post("/auth/sign-out")
    assert (other.location(), other.person) == (f"{URL}/", None)
    assert other.post("/auth/sign-out").status == 303, "who is signed out already is led on"


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        (None, {}),
        ("https://evil.example", {}),
        ("null", {}),
        ("https://shop.example.evil.example", {}),
        (None, {"sec-fetch-site": "cross-site"}),
        (None, {"sec-fetch-site": "same-site"}),
        (URL, {"sec-fetch-site": "cross-site"}),
    ],
    ids=["neither", "evil", "null", "suffix", "cross-site", "same-site", "both"],
)
def test_no_other_site_signs_anybody_out(browser, origin, headers):
    browser.sign_in_as()
    assert browser.post("/auth/sign-out", origin=origin, **headers).status == 400
    assert browser.get("/auth/sign-out").status == 405
    assert browser.person


@pytest.mark.parametrize(
    ("said", "left"),
    [({}, [False, False]), ({"sid": "s-1"}, [False, True]), ({"sid": "s-1", "sub": ABSENT}, [False, True]),
     ({"sub": "bob"}, [True, True]), ({"sub": "bob", "sid": "s-1"}, [True, True])],
    ids=["subject", "sid", "sid-alone", "another", "neither"],
)  # fmt: skip
def test_a_logout_there_ends_the_sessions_that_it_names(op, shop, said, left):
    browsers = [Browser(shop, op), Browser(shop, op)]
    for number, each in enumerate(browsers, 1):
        each.sign_in_as(sid=f"s-{number}")
    answer = browsers[0].told(logout_token(op, int(time.time()), **said))
    assert (answer.status, answer.body) == (200, b"")
    assert dict(answer.headers)[b"cache-control"] == b"no-store"
    assert [bool(each.person) for each in browsers] == left


FORGED = {
    "for another client": {"aud": "another"},
    "of another issuer": {"iss": "https://other.example"},
    "a nonce": {"nonce": "n"},
    "old": {"iat": NOW - 900, "exp": NOW - 840},
    "that never ends": {"iat": NOW - 86_400 * 365, "exp": NOW + 3600},
    "from the future": {"iat": NOW + 3600, "exp": NOW + 3660},
    "without an end": {"exp": ABSENT},
    "without a name": {"jti": ABSENT},
    "without an event": {"events": ABSENT},
    "of another event": {"events": {"urn:x": {}}},
    "an event that is no object": {"events": {EVENT: True}},
    "about nobody": {"sub": ABSENT},
    "an ID token": {"header": {"typ": "JWT"}},
    "unsigned": {"header": {"alg": "none"}},
    "by another key": {"key": SigningKey.generate()},
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_logout_token_ends_nothing(op, browser, case):
    browser.sign_in_as()
    answer = browser.told(logout_token(op, int(time.time()), **FORGED[case]))
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "invalid_request")
    assert browser.person


def test_a_logout_token_counts_once(op, browser):
    token = logout_token(op, int(time.time()) + 20)
    browser.sign_in_as()
    assert browser.told(token).status == 200
    browser.sign_in_as(iat=int(time.time()) + 25)
    assert browser.told(token).status == 400
    assert browser.person


@pytest.mark.parametrize("place", ["end", "use_once"])
def test_a_logout_that_the_store_failed_at_is_heeded_when_it_is_told_again(op, browser, monkeypatch, place):
    def fail(*_arguments, **_named):
        raise OSError("the disk")

    browser.sign_in_as()
    token, store = logout_token(op, int(time.time()) + 1), browser.sign_in._sessions.store
    with monkeypatch.context() as broken:
        broken.setattr(store, place, fail)
        with pytest.raises(OSError, match="the disk"):
            browser.told(token)
    assert browser.told(token).status == 200
    assert browser.person is None


@pytest.mark.parametrize("form", [{}, {"logout_token": "x"}, {"logout_token": "a.b.c"}, {"other": "y"}])
def test_what_is_no_logout_token_is_told_so(browser, form):
    answer = Browser(browser.sign_in, browser.fake).post("/auth/backchannel-logout", form, origin=None)
    assert answer.status == 400
    wrong = {"content-type": "text/plain"}
    assert browser.post("/auth/backchannel-logout", form, origin=None, **wrong).status == 415


def test_a_logout_that_came_while_a_sign_in_was_under_way_ends_it(op, browser, caplog):
    asked, now = browser.leave(), int(time.time())
    assert browser.told(logout_token(op, now, sid="s-1")).status == 200
    assert browser.come_back(asked, iat=now - 1).status == 403
    assert ("signed out" in caplog.text, browser.person) == (True, None)
    assert browser.come_back(browser.leave(), iat=now + 1).status == 303


def test_a_logout_ends_sessions_of_other_processes(op, tmp_path, monkeypatch):
    monkeypatch.setenv("KEY", "k" * 32)
    path = tmp_path / "sessions.db"
    first, second = (application(op, key="env:KEY", sessions=SqliteSessions(path)) for _ in range(2))
    browser = Browser(first, op)
    browser.sign_in_as()
    assert Browser(second, op).told(logout_token(op, int(time.time()))).status == 200
    assert browser.person is None


def test_keys_that_cannot_be_had_are_told_as_a_matter_of_now(op):
    shop = application(op)
    browser = Browser(shop, op)
    op.keys = b"nothing"
    assert browser.told(logout_token(op, int(time.time()))).status == 503
