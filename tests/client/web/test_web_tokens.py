"""An application calls APIs in a person's name: tokens stay on the server, and are refreshed once."""

import threading
import time

import httpx
import pytest

from client.web.visit import Browser, application, logout_token
from tokenward.client import HttpxAuth, SignInRequired
from tokenward.client.web import SqliteSessions


def refreshes(op):
    return [form for form, _ in op.forms if form.get("grant_type") == "refresh_token"]


def test_an_api_is_called_in_the_persons_name(op):
    browser = Browser(application(op, resource=f"{op.api}/api"), op)
    browser.sign_in_as()
    with httpx.Client(auth=HttpxAuth(browser.person.tokens), trust_env=False) as web:
        assert web.get(f"{op.api}/api/orders").status_code == 200
    token = browser.person.tokens.token().value.reveal()
    assert op.calls == [(f"Bearer {token}", None)]
    assert refreshes(op) == []


def test_requests_in_parallel_and_in_several_processes_refresh_once(op, tmp_path, monkeypatch):
    monkeypatch.setenv("KEY", "k" * 32)
    path = tmp_path / "sessions.db"
    shops = [application(op, key="env:KEY", sessions=SqliteSessions(path)) for _ in range(3)]
    browser = Browser(shops[0], op)
    assert browser.come_back(browser.leave(), tokens={"expires_in": 1}).status == 303
    time.sleep(1.1)
    op.delay = 0.1
    op.scripts = [(200, op.token(refresh_token="refresh-2"))]
    found, trouble = [], []

    def ask(shop):
        try:
            found.append(shop.person(browser.scope("GET", "/")).tokens.token().value.reveal())
        except Exception as error:  # noqa: BLE001 - told below
            trouble.append(error)

    threads = [threading.Thread(target=ask, args=(shops[number % 3],)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (trouble, len(found), len(set(found))) == ([], 12, 1)
    assert [form["refresh_token"] for form in refreshes(op)] == ["refresh-1"]
    # What came is in the session, for whoever comes next.
    late = application(op, key="env:KEY", sessions=SqliteSessions(path))
    assert late.person(browser.scope("GET", "/")).tokens.token().value.reveal() == found[0]
    assert len(refreshes(op)) == 1


def test_a_refresh_token_that_has_ended_asks_for_the_person_and_keeps_them_signed_in(op, browser):
    browser.come_back(browser.leave(), tokens={"expires_in": 1})
    time.sleep(1.1)
    op.scripts = [(400, {"error": "invalid_grant"})]
    for _ in range(2):
        with pytest.raises(SignInRequired, match="sign in again"):
            browser.person.tokens.token()
    assert browser.person
    browser.sign_in_as()
    assert browser.person.tokens.token()


def test_who_signed_out_has_no_more_tokens_and_a_refresh_brings_no_session_back(op, browser):
    browser.come_back(browser.leave(), tokens={"expires_in": 1})
    tokens = browser.person.tokens
    time.sleep(1.1)

    def out(_form, _headers):
        browser.told(logout_token(op, int(time.time())))
        return 200, op.token(refresh_token="refresh-2")

    op.scripts = [out]
    tokens.token()  # it was under way
    assert browser.person is None
    tokens.reject(tokens.token())
    with pytest.raises(SignInRequired):
        tokens.token()
