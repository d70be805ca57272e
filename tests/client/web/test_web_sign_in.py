"""A person signs in to a web application; whatever is not exactly that signs nobody in."""

import base64
import contextlib
import hashlib
import hmac
import json
import logging
import time
from urllib.parse import urlencode

import pytest

from client.web.visit import CLIENT, URL, Browser, answered, application, id_token
from tokens.minting import ABSENT, mint
from tokenward.base.clock import ManualClock
from tokenward.client import ClientSecret, Server
from tokenward.client.authentication import Unproven
from tokenward.client.web import SqliteSessions, WebSignIn
from tokenward.flows.login import LIFETIME
from tokenward.flows.pkce import challenge
from tokenward.tokens import base64url
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.mistaken import WHY


def test_a_person_signs_in_and_is_led_to_where_they_wanted(op, browser):
    asked = browser.leave("/orders?page=2")
    assert (asked["response_type"], asked["scope"]) == ("code", "openid offline_access")
    assert asked["redirect_uri"] == f"{URL}/auth/callback"
    assert asked["code_challenge_method"] == "S256"
    answer = browser.come_back(asked)
    assert (answer.status, browser.location()) == (303, f"{URL}/orders?page=2")
    assert (browser.person.subject, browser.person.issuer) == ("alice", op.issuer)
    assert browser.person.claims["sid"] == "s-1"
    ((form, headers),) = op.forms
    assert challenge(form["code_verifier"]) == asked["code_challenge"]
    assert headers["authorization"].startswith("Basic ")
    # What the browser holds is a name, and nothing of the provider's.
    (value,) = browser.cookies.values()
    assert len(value) == 43


def test_a_request_is_pushed_where_the_provider_takes_that(op, browser):
    op.metadata["pushed_authorization_request_endpoint"] = f"{op.issuer}/par"
    op.scripts = [(201, {"request_uri": "urn:pushed", "expires_in": 60})]
    assert browser.leave() == {"client_id": CLIENT, "request_uri": "urn:pushed"}
    ((asked, headers),) = op.forms
    assert headers["authorization"].startswith("Basic ")
    assert browser.come_back(asked).status == 303
    assert browser.person.subject == "alice"


def test_no_answer_may_be_kept_or_tell_where_one_came_from(browser):
    browser.leave()
    for answer in (browser.last, browser.come_back(browser.leave()), browser.get("/auth/callback?state=x")):
        headers = dict(answer.headers)
        assert (headers[b"cache-control"], headers[b"referrer-policy"]) == (b"no-store", b"no-referrer")


# Login CSRF, session fixation, replay.


def test_an_answer_that_is_brought_by_another_browser_signs_nobody_in(op, shop, browser):
    asked = browser.leave()
    victim = Browser(shop, op)
    assert victim.come_back(asked).status == 403
    assert b"unknown_state" in victim.last.body
    assert b"began in another browser. Cookies must be allowed" in victim.last.body
    victim.leave()
    assert victim.come_back(asked).status == 403
    assert victim.person is None
    assert op.forms == []


def test_an_answer_counts_once_even_if_the_cookie_is_kept(op, browser):
    asked = browser.leave()
    kept = dict(browser.cookies)
    assert browser.come_back(asked).status == 303
    assert not kept.keys() & browser.cookies.keys()
    browser.cookies = kept
    assert browser.come_back(asked).status == 403
    assert b"used" in browser.last.body
    assert (browser.person, len(op.forms)) == (None, 1)


def test_a_session_has_a_new_name_after_each_sign_in_and_the_old_one_is_gone(op, shop, browser):
    browser.sign_in_as("mallory")
    (name,) = browser.cookies
    planted = browser.cookies[name]
    victim = Browser(shop, op)
    victim.cookies[name] = planted
    victim.sign_in_as("alice")
    assert victim.cookies[name] != planted
    assert (victim.person.subject, browser.person) == ("alice", None)


def test_no_cookie_holds_a_token_in_whatever_form(op, browser):
    """Each of them is `Secure` besides, which `Browser` minds."""
    held, tokens = [], {"access_token": "access-" + "a" * 40, "refresh_token": "refresh-" + "r" * 40}
    asked = browser.leave()
    held += browser.cookies.values()
    assert browser.come_back(asked, tokens=tokens).status == 303
    held += browser.cookies.values()
    assert browser.person is not None
    assert held
    for value in held:
        plain = [value.encode()]
        with contextlib.suppress(ValueError):
            plain.append(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
        for token in ("a" * 40, "r" * 40, "eyJ", asked["nonce"]):
            assert not any(token.encode() in each for each in plain)


def test_a_name_that_somebody_invented_is_no_session(browser):
    browser.sign_in_as()
    (name,) = browser.cookies
    for invented in ("a" * 43, "", "b" * 42, "A" * 5000):
        browser.cookies[name] = invented
        assert browser.person is None


def test_two_cookies_of_one_name_are_nobodys(browser):
    browser.sign_in_as()
    ((name, value),) = browser.cookies.items()
    scope = browser.scope("GET", "/", {"cookie": f"{name}={value}; {name}={value}"})
    assert browser.sign_in.person(scope) is None


# What came back.


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"iss": "https://other.example"}, b"issuer_mismatch"),
        ({"iss": ABSENT}, b"issuer_mismatch"),
        ({"state": "forged"}, b"unknown_state"),
        ({"state": ABSENT}, b"unknown_state"),
        ({"code": ABSENT}, b"malformed_response"),
        ({"code": ABSENT, "error": "access_denied"}, b"access_denied"),
        ({"code": ABSENT, "error": "<script>alert(1)</script>"}, b"&lt;script&gt;"),
    ],
    ids=["another-issuer", "no-issuer", "state", "no-state", "no-code", "said-no", "markup"],
)
def test_an_answer_that_is_none_redeems_nothing_and_ends_nothing(op, browser, answer, code):
    asked = browser.leave()
    assert browser.come_back(asked, answer).status == 403
    assert code in browser.last.body
    assert (browser.person, op.forms) == (None, [])
    assert browser.come_back(asked).status == 303, "nonsense of another page must not spoil a sign-in"


def test_an_answer_that_comes_too_late_is_refused(op):
    clock = ManualClock(time.time())
    browser = Browser(application(op, clock=clock), op, clock)
    asked = browser.leave()
    clock.advance(LIFETIME)
    assert browser.come_back(asked).status == 403
    assert (b"too_late" in browser.last.body, op.forms) == (True, [])


def test_what_was_begun_for_another_client_is_not_taken(op, monkeypatch):
    monkeypatch.setenv("KEY", "k" * 32)
    first, other = (
        Browser(application(op, client_id=name, key="env:KEY"), op) for name in (CLIENT, "another")
    )
    asked, theirs = first.leave(), other.leave()
    # Its cookie, brought as ours: same key, same state, another client.
    (ours,), (value,) = first.cookies, other.cookies.values()
    first.cookies = {ours: value}
    assert first.come_back(asked | {"nonce": theirs["nonce"]}).status == 403
    assert (b"unknown_state" in first.last.body, op.forms) == (True, [])


OTHER_KEY = SigningKey.generate()
FORGED = {
    "another nonce": ({"nonce": "of another sign-in"}, "nonce_mismatch"),
    "no nonce": ({"nonce": ABSENT}, "nonce_mismatch"),
    "another client's": ({"aud": "another"}, "wrong_audience"),
    "another issuer's": ({"iss": "https://other.example"}, "wrong_issuer"),
    "for several": ({"aud": [CLIENT, "another"]}, "wrong_party"),
    "expired": ({"iat": 1, "exp": 61, "auth_time": 1}, "expired"),
    "another key": ({"key": OTHER_KEY}, "unknown_key"),
    "another key of that name": ({"key": OTHER_KEY, "header": {"kid": None}}, "header_type"),
    "unsigned": ({"header": {"alg": "none"}}, "algorithm_refused"),
    "by a secret": ({"header": {"alg": "HS256"}}, "algorithm_refused"),
    "another algorithm": ({"header": {"alg": "RS256"}}, "algorithm_refused"),
    "its own key": ({"header": {"jwk": OTHER_KEY.public_jwk()}}, "header_refused"),
    "a logout token": ({"header": {"typ": "logout+jwt"}}, "typ_mismatch"),
    "no subject": ({"sub": ABSENT}, "claim_missing"),
    "the hash of another token": ({"at_hash": "A" * 22}, "hash_mismatch"),
}


@pytest.mark.parametrize("case", FORGED)
def test_an_id_token_that_is_not_of_this_sign_in_signs_nobody_in(browser, case, caplog):
    claims, code = FORGED[case]
    assert browser.come_back(browser.leave(), **claims).status == 403
    assert code in caplog.text
    assert browser.person is None


def test_a_public_key_used_as_a_secret_signs_nobody_in(op, browser, caplog):
    asked = browser.leave()
    token = id_token(op, asked, int(time.time()))
    body = token.split(".")[1]
    head = base64url.encode(json.dumps({"alg": "HS256", "typ": "JWT", "kid": op.key.kid}).encode())
    secret = json.dumps(op.key.public_jwk()).encode()
    mac = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
    forged = f"{head}.{body}.{base64url.encode(mac)}"
    op.metadata["id_token_signing_alg_values_supported"] = ["HS256", "none"]
    browser.come_back(asked, tokens={"id_token": forged})
    assert ("algorithm_refused" in caplog.text, browser.person) == (True, None)


@pytest.mark.parametrize("kind", ["typed", "untyped", "opaque"])
def test_an_access_token_in_the_place_of_an_id_token_is_explained(op, browser, caplog, kind):
    now = int(time.time())
    claims = {
        "iss": op.issuer,
        "aud": CLIENT,
        "sub": "alice",
        "iat": now,
        "exp": now + 60,
        "client_id": "game",
    }
    given = {
        "typed": mint(claims, op.key, typ="at+jwt"),
        "untyped": mint(claims | {"scope": "openid"}, op.key, typ="JWT"),
        "opaque": "2YotnFZFEjr1zCsicMWpAA",
    }[kind]
    assert browser.come_back(browser.leave(), tokens={"id_token": given}).status == 403
    assert (WHY in caplog.text, browser.person) == (True, None)


def test_without_an_id_token_nobody_signed_in(browser, caplog):
    assert browser.come_back(browser.leave(), tokens={"id_token": ABSENT}).status == 403
    assert "an access token does not say who signed in" in caplog.text


# Where it leads.


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "///evil.example", "javascript:alert(1)", "evil.example", "/ok\\..\\evil", "/a\r\nSet-Cookie: x=y",
        "/" + "a" * 3000, " /x", "/ü", "",
    ],
)  # fmt: skip
def test_nobody_is_led_elsewhere(browser, target):
    begun = browser.get("/auth/sign-in?" + urlencode({"next": target}))
    if begun.status == 303:
        browser.come_back(browser.asked())
        assert browser.location() == f"{URL}/"
    else:
        assert (begun.status, "\n" in target or "\t" in target) == (400, True)


@pytest.mark.parametrize("target", ["/", "/a/b?c=d&e=f#g", "/~x;y=1", "/a//b", "/%2F%2Fevil.example"])
def test_paths_of_the_application_are_gone_to(browser, target):
    browser.come_back(browser.leave(target))
    assert browser.location() == f"{URL}{target}"


# Several at once.


def test_sign_ins_in_several_tabs_do_not_disturb_each_other(browser):
    first, second = browser.leave("/one"), browser.leave("/two")
    assert first["state"] != second["state"]
    browser.come_back(second)
    assert browser.location() == f"{URL}/two"
    browser.come_back(first)
    assert browser.location() == f"{URL}/one"
    assert len(browser.cookies) == 1


def test_a_browser_holds_so_many_and_no_more(browser):
    for _ in range(30):
        asked = browser.leave()
        assert len(browser.cookies) <= 9
    assert browser.come_back(asked).status == 303


def test_a_cookie_is_never_longer_than_browsers_keep(browser):
    asked = browser.leave("/" + "a" * 2000, acr_values=" ".join(["b" * 200] * 9))
    ((name, value),) = browser.cookies.items()
    assert len(name) + len(value) < 4096
    browser.come_back(asked, acr="b" * 200)
    assert browser.location() == f"{URL}/", "where it leads is what is left out"


def test_two_providers_in_one_application_do_not_take_each_others_cookies(op, shop, browser):
    staff = application(op, path="/staff")
    browser.sign_in_as()
    browser.sign_in = staff
    assert browser.person is None
    browser.get("/staff/sign-in")
    assert browser.asked()["redirect_uri"] == f"{URL}/staff/callback"
    assert len(browser.cookies) == 2


# How well, and how long ago.


def test_what_is_asked_for_is_held_against_the_id_token(browser, caplog):
    asked = browser.leave(max_age="60", acr_values="two")
    assert (asked["max_age"], asked["acr_values"]) == ("60", "two")
    now = int(time.time())
    assert browser.come_back(asked, acr="one").status == 403
    assert browser.come_back(browser.leave(max_age="60"), auth_time=now - 300).status == 403
    assert browser.come_back(browser.leave(max_age="60"), auth_time=ABSENT).status == 403
    assert [code in caplog.text for code in ("sign_in_too_weak", "sign_in_too_old")] == [True, True]
    assert browser.come_back(browser.leave(acr_values="two"), acr="two").status == 303


def test_an_address_that_anybody_can_write_makes_nothing_weaker(op):
    browser = Browser(application(op, max_age=600, acr_values=["two", "three"]), op)
    asked = browser.leave(max_age="86400", acr_values="one")
    assert (asked["max_age"], asked["acr_values"]) == ("600", "two three")
    assert browser.come_back(asked, acr="one").status == 403
    assert browser.leave(max_age="5", acr_values="three one")["acr_values"] == "three"
    assert browser.leave(max_age="5")["max_age"] == "5"
    assert browser.leave(max_age="-5")["max_age"] == "600"


def test_what_the_provider_should_do_each_time_is_told_it(op, browser):
    assert "prompt" not in browser.leave()
    assert Browser(application(op, prompt="consent"), op).leave()["prompt"] == "consent"


# Userinfo.


def test_userinfo_is_asked_where_it_is_wanted_and_must_be_about_this_person(op, caplog):
    browser = Browser(application(op, userinfo=True), op)
    op.pages["/userinfo"] = {"sub": "alice", "email": "a@b.example", "acr": "forged", "auth_time": 1}
    browser.sign_in_as("alice", acr="one")
    assert (browser.person.claims["email"], browser.person.claims["acr"]) == ("a@b.example", "one")
    op.pages["/userinfo"] = {"sub": "bob"}
    assert browser.come_back(browser.leave()).status == 403
    assert "about somebody else" in caplog.text
    assert browser.person.subject == "alice"


# Trouble, settings.


def test_trouble_of_the_provider_is_a_page_that_says_try_again(op, browser):
    asked = browser.leave()
    op.scripts = [(500, {})]
    browser.get("/auth/callback?" + answered(asked, op))
    assert (browser.last.status, b"server_unavailable" in browser.last.body) == (503, True)
    op.metadata["issuer"] = "https://other.example"
    stranger = Browser(application(op), op)
    assert stranger.get("/auth/sign-in").status == 500


def test_a_secret_is_in_no_log_and_no_page(op, browser, caplog):
    caplog.set_level(logging.DEBUG)
    asked = browser.leave()
    browser.come_back(asked, nonce="wrong")
    shown = caplog.text + browser.last.body.decode() + repr(browser.sign_in.__dict__)
    ((form, _),) = op.forms
    for secret in (
        form["code"],
        form["code_verifier"],
        asked["state"],
        asked["nonce"],
        "a secret of the fake",
    ):
        assert secret not in shown


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"authentication": Unproven()}, "can keep a secret"),
        ({"authentication": "hunter2 and more"}, "written into code is refused"),
        ({"scope": ["profile"]}, "must hold `openid`"),
        ({"url": "http://shop.example"}, "https"),
        ({"url": "https://shop.example/app"}, "must be an origin"),
        ({"path": "auth"}, "path must"),
        ({"path": "//evil.example"}, "path must"),
        ({"idle": 100, "lifetime": 10}, "idle"),
        ({"key": "a literal that is long enough, and secret"}, "written inline"),
    ],
    ids=["public", "literal", "no-openid", "http", "path", "relative", "host", "idle", "key"],
)
def test_settings_that_are_not_safe_are_refused(op, changes, words):
    settings = {"client_id": CLIENT, "authentication": ClientSecret("env:FAKE_SECRET"), "url": URL}
    with pytest.raises(ValueError, match=words) as refused:
        WebSignIn(Server(op.issuer), **settings | changes)
    assert "hunter2" not in str(refused.value)


def test_a_key_that_is_short_or_missing_where_it_is_shared_is_refused(op, tmp_path, monkeypatch):
    monkeypatch.setenv("SHORT", "0123456789")
    with pytest.raises(ValueError, match="32 characters"):
        application(op, key="env:SHORT")
    with pytest.raises(ValueError, match="need a `key`"):
        application(op, sessions=SqliteSessions(tmp_path / "s.db"))


def test_methods_and_bodies_that_are_none_of_these_are_refused(browser):
    for method, target, status in (
        ("POST", "/auth/sign-in", 405), ("HEAD", "/auth/callback", 405), ("GET", "/auth/sign-out", 405),
        ("GET", "/auth/backchannel-logout", 405), ("GET", "/auth/elsewhere", 404),
    ):  # fmt: skip
        assert browser.sign_in.answer(browser.scope(method, target), b"").status == status
    assert browser.sign_in.answer(browser.scope("POST", "/auth/sign-out"), b"x" * 32_769).status == 413
