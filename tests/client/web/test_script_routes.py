"""What a page's script asks about its session: who is signed in, and to end it."""

import json
import time

import pytest

from client.web.visit import URL, Browser, application
from tokenward.client.web.parts import Parts
from tokenward.client.web.script_routes import ScriptRoutes

HEADER = {"tokenward-csrf": "1"}


@pytest.fixture
def page(op):
    """A browser that is signed in, before an application whose pages have scripts."""
    sign_in = application(op)
    parts = Parts(sign_in._routes._provider, sign_in._sessions, sign_in._routes)
    scripts = ScriptRoutes(parts, URL, back="/app/", claims=("name",))
    sign_in._routes.table |= scripts.table
    browser = Browser(sign_in, op)
    browser.sign_in_as("alice", name="Alice", email="alice@corp.example")
    return browser


def told(answer):
    return json.loads(answer.body)


def test_a_page_learns_who_it_is_and_no_more_than_its_claims(page):
    said = told(page.get("/auth/session", **HEADER))
    assert said.pop("ends_at") > time.time()
    assert said == {
        "signed_in": True,
        "issuer": page.fake.issuer,
        "subject": "alice",
        "claims": {"name": "Alice"},
    }


def test_nobody_is_signed_in_and_a_cookie_that_is_none_goes(page):
    stranger = Browser(page.sign_in, page.fake)
    answer = stranger.get("/auth/session", **HEADER)
    assert (told(answer), b"set-cookie" in dict(answer.headers)) == ({"signed_in": False}, False)
    stranger.cookies = {next(iter(page.cookies)): "A" * 43}
    assert told(stranger.get("/auth/session", **HEADER)) == {"signed_in": False}
    assert stranger.cookies == {}


def test_looking_keeps_no_session_alive(page):
    store = page.sign_in._sessions.store
    ((key, row),) = store._sessions.items()
    store.touch(key, row.until - 900)  # as it would be in a quarter of an hour
    page.get("/auth/session", **HEADER)
    assert store._sessions[key].until == row.until - 900
    assert page.person
    assert store._sessions[key].until > row.until - 900


NOT_OURS = {
    "no header": {},
    "another value": {"tokenward-csrf": "true"},
    "another site": {**HEADER, "origin": "https://evil.example"},
    "a sibling": {**HEADER, "origin": "https://evil.shop.example"},
    "a sandboxed frame": {**HEADER, "origin": "null"},
    "by Fetch Metadata": {**HEADER, "sec-fetch-site": "same-site"},
}


@pytest.mark.parametrize("headers", NOT_OURS.values(), ids=NOT_OURS)
def test_other_pages_learn_nothing_and_sign_nobody_out(page, headers):
    answer = page.get("/auth/session", **headers)
    assert (answer.status, told(answer)["type"]) == (403, "urn:tokenward:problem:foreign_page")
    assert page.post("/auth/logout", **{"origin": URL, **headers}).status == 403
    assert page.person


def test_a_sign_out_says_where_it_comes_from(page):
    assert page.post("/auth/logout", origin=None, **HEADER).status == 403
    assert page.get("/auth/logout", **HEADER).status == 405
    assert page.person
    answer = page.post("/auth/logout", **HEADER)
    assert answer.status == 200
    assert page.person is None
    assert page.cookies == {}


def test_a_sign_out_leads_on_to_the_provider_and_tells_the_page_no_token(page):
    op = page.fake
    where = told(page.post("/auth/logout", **HEADER))["location"]
    assert where.startswith(f"{op.issuer}/bye?client_id=shop&post_logout_redirect_uri=")
    assert "id_token_hint" not in where
    assert told(page.post("/auth/logout", **HEADER)) == {"location": f"{URL}/app/"}, "nobody was signed in"
