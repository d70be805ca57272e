"""Several processes share sessions: one refreshes them, all see how they end, and no token is left behind."""

import contextlib
import threading
import time

import pytest

from client.web.test_web_sessions import row
from client.web.visit import Browser, application, logout_token
from databases import postgres_database
from shared_sessions import shared_sessions
from tokenward.base.clock import ManualClock
from tokenward.client import ServerUnavailable
from tokenward.client.web import SqliteSessions
from tokenward.client.web.memory import LOCK_SECONDS

STORES = ["file", "sqlite", "postgresql"]


@pytest.fixture(params=STORES)
def stores(request, tmp_path, monkeypatch):
    """The sessions as three processes have them."""
    monkeypatch.setenv("KEY", "k" * 32)
    if request.param == "file":
        yield [SqliteSessions(tmp_path / "sessions.db") for _ in range(3)]
        return
    with contextlib.ExitStack() as stack:
        on_disk = f"sqlite:{tmp_path / 'store.db'}"
        url = on_disk if request.param == "sqlite" else stack.enter_context(postgres_database())
        yield stack.enter_context(shared_sessions(url, 3))


@pytest.fixture
def browsers(op, stores):
    """One browser before each of the processes, with the same cookies."""
    first, *others = (Browser(application(op, key="env:KEY", sessions=store), op) for store in stores)
    for each in others:
        each.cookies = first.cookies
    return [first, *others]


def refreshes(op):
    return [form["refresh_token"] for form, _ in op.forms if form.get("grant_type") == "refresh_token"]


def ended(op):
    """The tokens that the provider was told to end."""
    return [form["token"] for form, _ in op.forms if "token" in form]


def due(browser, **claims):
    """Sign in; the access token is over when this returns."""
    assert browser.come_back(browser.leave(), tokens={"expires_in": 1}, **claims).status == 303
    time.sleep(1.1)


def at_once(*doings):
    """What each of them gave, or the error that it raised."""
    found = []

    def run(doing):
        try:
            found.append(doing())
        except Exception as error:  # noqa: BLE001 - told
            found.append(error)

    threads = [threading.Thread(target=run, args=(doing,)) for doing in doings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def token(browser):
    return browser.person.tokens.token().value.reveal()


def test_tabs_at_several_processes_refresh_once(op, browsers):
    due(browsers[0])
    op.delay = 0.1
    op.scripts = [(200, op.token(refresh_token="refresh-2"))]
    found = at_once(*(lambda each=each: token(each) for each in browsers * 3))
    assert (len(found), len(set(found))) == (9, 1), found
    assert refreshes(op) == ["refresh-1"]


def test_a_session_that_ends_here_has_ended_there(op, browsers):
    browsers[0].sign_in_as()
    assert all(each.person for each in browsers)
    op.scripts = [(200, {})]
    kept = dict(browsers[0].cookies)
    browsers[1].post("/auth/sign-out")
    for each in browsers:
        each.cookies = kept
    assert [each.person for each in browsers] == [None] * 3


def test_a_sign_out_during_a_refresh_ends_what_the_refresh_gave(op, browsers):
    """The sign-out knows the token before: of many providers, that one ends nothing any more."""
    due(browsers[0])
    here, there, _ = browsers
    tokens = here.person.tokens

    def out(_form, _headers):
        op.scripts = [(200, {}), (200, {})]
        there.cookies = dict(here.cookies)
        there.post("/auth/sign-out")
        return 200, op.token(refresh_token="refresh-2")

    op.scripts = [out]
    tokens.token()
    assert here.person is None
    assert ended(op) == ["refresh-1", "refresh-2"]


@pytest.mark.parametrize("stores", STORES[:1], indirect=True)
def test_a_better_sign_in_ends_no_grant_that_the_provider_may_share_with_it(op, browsers):
    browsers[0].sign_in_as()
    browsers[0].sign_in_as()
    assert ended(op) == []
    browsers[0].sign_in_as("bob")
    assert ended(op) == ["refresh-1"], "of another person it is another's"


@pytest.mark.parametrize("stores", STORES[:1], indirect=True)
def test_where_grants_are_apart_a_better_sign_in_ends_the_older_one(op, browsers):
    browsers[0].sign_in._sessions._grants_apart = True
    browsers[0].sign_in_as()
    browsers[0].sign_in_as()
    assert ended(op) == ["refresh-1"]


def test_a_better_sign_in_waits_for_a_refresh_and_is_not_ended_by_it(op, browsers):
    due(browsers[0])
    here, there, _ = browsers
    asked = there.leave()
    tokens, came = here.person.tokens, threading.Event()

    def slowly(_form, _headers):
        came.set()
        time.sleep(0.3)  # the other one is to arrive meanwhile; were it faster, nothing would go wrong
        return 200, op.token(refresh_token="refresh-2")

    op.scripts = [slowly]

    def better():
        assert came.wait(10)
        there.cookies = dict(here.cookies)
        return there.come_back(asked).status

    def refreshed():
        return tokens.token().value.reveal()

    assert 303 in at_once(refreshed, better)
    assert there.person
    assert ended(op) == []


def test_the_name_of_before_is_worth_nothing_after_a_better_sign_in(browsers):
    here, there, _ = browsers
    here.sign_in_as()
    there.cookies = dict(here.cookies)
    here.sign_in_as()
    assert here.cookies.keys() == there.cookies.keys()
    assert (here.person.subject, there.person) == ("alice", None)


def test_sign_ins_that_end_before_they_began_leave_no_token(op, browsers):
    browser = browsers[0]
    asked, now = browser.leave(), int(time.time())
    assert browser.told(logout_token(op, now)).status == 200
    assert browser.come_back(asked, iat=now - 1).status == 403
    assert ended(op) == ["refresh-1"]


def test_a_refresh_that_does_not_end_lets_others_wait_for_so_long_only(tmp_path, monkeypatch):
    clock = ManualClock(1000.0)
    monkeypatch.setattr("time.sleep", lambda _: clock.advance(LOCK_SECONDS / 3))
    with shared_sessions(f"sqlite:{tmp_path / 'store.db'}", 2, clock) as (one, two):
        session = row(1, until=9000.0)
        assert one.add(session, now=1.0)
        with one.locked(session.key):
            with pytest.raises(ServerUnavailable, match="busy"), two.locked(session.key):
                pass
            clock.advance(60)
            with two.locked(session.key):
                pass


def test_a_store_that_does_not_answer_is_told_as_a_matter_of_now(tmp_path):
    with shared_sessions(f"sqlite:{tmp_path / 'store.db'}") as (store,):
        store._done(store._sessions.close())
        with pytest.raises(ServerUnavailable, match="store"):
            store.find(b"k" * 32, now=1.0)
    with pytest.raises(ServerUnavailable, match="store"):
        store.find(b"k" * 32, now=1.0)
