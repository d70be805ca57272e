"""A session lasts as long as it may, is let in where it should be, and is worth nothing to a thief."""

import contextlib
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from client.web.visit import URL, Browser, application
from databases import postgres_database
from shared_sessions import shared_sessions
from tokens.minting import ABSENT
from tokenward.base.clock import ManualClock
from tokenward.base.secret import Secret
from tokenward.client.web import MemorySessions, Person, SqliteSessions, StoredSession
from tokenward.client.web.sealed import AppKey, Content, opened, row_key
from tokenward.client.web.sessions import IDLE, LIFETIME
from tokenward.tokens.logout_token import LogoutNotice


@pytest.fixture
def clock():
    return ManualClock(float(int(time.time())))


@pytest.fixture
def timed(op, clock):
    return Browser(application(op, clock=clock), op, clock)


def test_a_session_that_nobody_uses_ends(timed, clock):
    timed.sign_in_as()
    for _ in range(3):
        clock.advance(IDLE - 1)
        assert timed.person
    clock.advance(IDLE)
    assert timed.person is None


def test_a_session_that_is_used_all_the_time_ends_as_well(timed, clock):
    timed.sign_in_as()
    for _ in range(LIFETIME // 600 - 1):
        clock.advance(600)
        assert timed.person
    clock.advance(600)
    assert timed.person is None


def test_who_asks_for_a_page_is_sent_to_sign_in_and_comes_back_there(browser):
    shop = browser.sign_in
    answer = shop.admit({**browser.scope("GET", "/x?page=2"), "path": "/orders/ü"})
    location = dict(answer.headers)[b"location"].decode()
    assert location == f"{URL}/auth/sign-in?next=%2Forders%2F%25C3%25BC%3Fpage%3D2"
    browser.get(location.removeprefix(URL))
    browser.come_back(browser.asked())
    assert browser.location() == f"{URL}/orders/%C3%BC?page=2"
    browser.cookies.clear()
    for headers in ({"sec-fetch-mode": "cors"}, {"accept": "application/json"}):
        assert shop.admit(browser.scope("GET", "/orders", headers)).status == 401
    assert shop.admit(browser.scope("POST", "/orders", {"origin": URL})).status == 401
    browser.sign_in_as()
    assert isinstance(shop.admit(browser.scope("GET", "/orders")), Person)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": URL, "sec-fetch-site": "cross-site"},
    ],
    ids=["neither", "origin", "null", "cross-site", "same-site", "none", "both"],
)
def test_what_changes_something_comes_from_a_page_of_our_own(browser, headers):
    browser.sign_in_as()
    for scope in (
        browser.scope("POST", "/orders", headers),
        browser.scope("DELETE", "/orders", headers),
        {**browser.scope("GET", "/chat", headers), "type": "websocket"},
    ):
        assert browser.sign_in.admit(scope).status == 400
    for good in ({"origin": URL}, {"sec-fetch-site": "same-origin"}):
        assert isinstance(browser.sign_in.admit(browser.scope("POST", "/orders", good)), Person)


def test_what_matters_more_asks_for_a_newer_or_better_sign_in(timed, clock):
    shop = timed.sign_in
    timed.sign_in_as(acr="one")
    scope = timed.scope("GET", "/pay")
    assert isinstance(shop.admit(scope, max_age=300), Person)
    clock.advance(330)
    assert isinstance(shop.admit(scope, max_age=300), Person)
    clock.advance(1)
    location = dict(shop.admit(scope, max_age=300).headers)[b"location"].decode()
    assert location == f"{URL}/auth/sign-in?next=%2Fpay&max_age=300"
    location = dict(shop.admit(scope, acr_values=["two"]).headers)[b"location"].decode()
    timed.get(location.removeprefix(URL))
    assert timed.asked()["acr_values"] == "two"
    timed.come_back(timed.asked(), acr="two")
    assert isinstance(shop.admit(timed.scope("GET", "/pay"), acr_values=["two"], max_age=300), Person)


def test_who_did_not_say_when_is_not_new(browser):
    browser.sign_in_as(auth_time=ABSENT)
    assert browser.sign_in.admit(browser.scope("GET", "/pay"), max_age=300).status == 303


# The stores.


@pytest.fixture(params=["memory", "sqlite", "store", "postgresql"])
def store(request, tmp_path):
    """Each of them, and those of the gateway."""
    if request.param == "memory":
        yield MemorySessions()
    elif request.param == "sqlite":
        yield SqliteSessions(tmp_path / "sessions.db")
    else:
        with contextlib.ExitStack() as stack:
            on_disk = f"sqlite:{tmp_path / 'store.db'}"
            url = on_disk if request.param == "store" else stack.enter_context(postgres_database())
            (shared,) = stack.enter_context(shared_sessions(url))
            yield shared


def row(number, **changes):
    settings = {
        "key": bytes([number]) * 32, "party": "op shop", "subject": "alice", "sid": f"s-{number}",
        "issued_at": 100.0, "until": 2000.0, "content": b"sealed",
    }  # fmt: skip
    return StoredSession(**settings | changes)


def notice(**changes):
    settings = {"subject": "alice", "sid": "", "jti": "j", "issued_at": 150.0, "ends_at": 300.0}
    return LogoutNotice(**settings | changes)


def test_a_row_is_found_changed_moved_and_removed(store):
    one = row(1)
    assert store.add(one, now=1.0)
    assert store.find(one.key, now=1999.0) == one
    assert store.find(one.key, now=2000.0) is None
    assert store.find(b"x" * 32, now=1.0) is None
    two = row(2)
    store.add(two, now=1.0)
    store.touch(two.key, 3000.0)
    assert store.keep(two.key, b"other")
    assert store.find(two.key, now=2500.0) == row(2, until=3000.0, content=b"other")
    assert store.remove(two.key) == b"other"
    assert store.remove(two.key) is None
    store.touch(two.key, 9000.0)
    assert not store.keep(two.key, b"again")
    assert store.find(two.key, now=1.0) is None


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ({}, {3, 4}),
        ({"sid": "s-1"}, {2, 3, 4}),
        ({"sid": "s-1", "subject": ""}, {2, 3, 4}),
        ({"sid": "s-3", "subject": "bob"}, {1, 2, 4}),
        ({"sid": "s-1", "subject": "bob"}, {1, 2, 3, 4}),
        ({"sid": "s-9"}, {1, 2, 3, 4}),
        ({"issued_at": 99.0}, {1, 2, 3, 4}),
    ],
    ids=["subject", "sid", "sid-alone", "another", "neither", "unknown", "before"],
)
def test_a_logout_ends_what_it_means_before_and_after_and_nothing_else(store, said, left):
    rows = [row(1), row(2), row(3, subject="bob"), row(4, party="other shop")]
    for each in rows:
        store.add(each, now=1.0)
    assert store.end("op shop", notice(**said), kept_until=1000.0) == 4 - len(left)
    assert {each.key[0] for each in rows if store.find(each.key, now=1.0)} == left
    # A sign-in that was under way: what is meant is not kept, until the mark is forgotten.
    again = [row(n + 10, subject=r.subject, sid=r.sid, party=r.party) for n, r in enumerate(rows, 1)]
    assert {n for n, each in enumerate(again, 1) if store.add(each, now=2.0)} == left
    assert store.add(row(21, issued_at=151.0), now=2.0), "a sign-in after the logout is not meant"
    assert store.add(row(22), now=1000.0)


def test_a_key_is_used_once_until_its_time(store):
    now = time.time()
    assert store.use_once(b"k" * 32, until=now + 60, now=now)
    assert not store.use_once(b"k" * 32, until=now + 60, now=now)
    assert store.use_once(b"l" * 32, until=now + 60, now=now)


def test_what_is_told_again_and_again_and_what_has_ended_takes_no_room(tmp_path):
    path = tmp_path / "sessions.db"
    file, memory = SqliteSessions(path), MemorySessions()
    for store in (file, memory):
        for jti in ("a", "b", "c"):
            store.end("op shop", notice(jti=jti), kept_until=1000.0)
        store.end("op shop", notice(issued_at=140.0), kept_until=1000.0)
        assert not store.add(row(1, issued_at=145.0), now=1.0), "an older one takes nothing from a newer"
    for number in range(3):
        file.use_once(bytes([number]) * 32, until=10.0 + number, now=11.5)
    with closing(sqlite3.connect(path)) as database:
        counted = [database.execute(f"SELECT count(*) FROM {it}").fetchone() for it in ("logouts", "used")]
    assert (counted, len(memory._logouts)) == ([(2,), (1,)], 2)


def test_a_full_memory_lets_the_one_go_that_would_end_first():
    store = MemorySessions(max_sessions=2)
    for number, until in ((1, 500.0), (2, 400.0), (3, 600.0)):
        store.add(row(number, until=until), now=1.0)
    assert [bool(store.find(bytes([number]) * 32, now=1.0)) for number in (1, 2, 3)] == [True, False, True]


def test_a_copy_of_the_file_gives_away_nobody_even_with_the_key(op, tmp_path, monkeypatch):
    monkeypatch.setenv("KEY", "k" * 32)
    path = tmp_path / "sessions.db"
    browser = Browser(application(op, key="env:KEY", sessions=SqliteSessions(path)), op)
    browser.sign_in_as()
    (cookie,) = browser.cookies.values()
    held = b"".join(file.read_bytes() for file in tmp_path.glob("sessions.db*"))
    token = browser.person.tokens.token().value.reveal()
    for secret in (cookie, token, "refresh-1", "eyJ"):
        assert secret.encode() not in held
    assert {file.stat().st_mode & 0o077 for file in tmp_path.glob("sessions.db*")} == {0}
    # A row that is put in another's place does not open.
    with sqlite3.connect(path) as database:
        database.execute("UPDATE sessions SET content = randomblob(200)")
    database.close()
    assert browser.person is None


def test_a_restart_and_another_process_know_the_sessions(op, tmp_path, monkeypatch):
    monkeypatch.setenv("KEY", "k" * 32)
    path = tmp_path / "sessions.db"
    first, second = (application(op, key="env:KEY", sessions=SqliteSessions(path)) for _ in range(2))
    browser = Browser(first, op)
    browser.sign_in_as()
    browser.sign_in = second
    assert browser.person.subject == "alice"
    browser.come_back(browser.leave())
    assert browser.person


def test_other_sessions_are_not_opened_by_a_key_of_another_application(op, tmp_path, monkeypatch):
    monkeypatch.setenv("KEY", "k" * 32)
    monkeypatch.setenv("OTHER", "o" * 32)
    store = SqliteSessions(tmp_path / "sessions.db")
    browser = Browser(application(op, key="env:KEY", sessions=store), op)
    browser.sign_in_as()
    browser.sign_in = application(op, key="env:OTHER", sessions=store)
    assert browser.person is None


def test_a_session_of_another_client_is_none_though_key_and_store_are_the_same(op, tmp_path, monkeypatch):
    monkeypatch.setenv("KEY", "k" * 32)
    shared = {"key": "env:KEY", "sessions": SqliteSessions(tmp_path / "sessions.db")}
    game, bank = (Browser(application(op, client_id=name, **shared), op) for name in ("game", "bank"))
    for browser in (game, bank):
        browser.sign_in_as(aud="bank" if browser is bank else "game")
    (name,) = bank.cookies
    bank.cookies[name] = next(iter(game.cookies.values()))
    assert (bank.person, game.person.subject) == (None, "alice")
    bank.post("/auth/sign-out")
    assert game.person, "nor does its sign-out end what it does not know"


def test_the_key_alone_opens_no_session(monkeypatch):
    monkeypatch.setenv("KEY", "k" * 32)
    key = AppKey.kept("env:KEY")
    content = Content({"sub": "alice"}, Secret("an ID token"), b"tokens", 1.0, 2.0)
    mine, another = (name * 43 for name in "ab")
    sealed = content.sealed(key.of_session(mine), row_key(mine))
    assert opened(sealed, key.of_session(mine), row_key(mine)).claims == {"sub": "alice"}
    assert opened(sealed, key.of_session(another), row_key(mine)) is None
    assert opened(sealed, key.of_session(mine), row_key(another)) is None
    assert row_key(mine) != row_key(another)
    assert mine.encode() not in row_key(mine)


FORKING = """
import os, sys
from tokenward.client.web import SqliteSessions, StoredSession
store = SqliteSessions(sys.argv[1])
key = bytes(32)
store.add(StoredSession(key, "op shop", "alice", "s-1", 1.0, 2000.0, b"sealed"), now=1.0)
child = os.fork()
if child == 0:
    assert store.find(key, now=2.0) and store.keep(key, b"of the child")
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert store.find(key, now=2.0).content == b"of the child"
assert store.keep(key, b"of the parent")
"""


def test_a_server_that_forks_its_workers_shares_the_file_and_no_connection(tmp_path):
    program = [sys.executable, "-W", "error", "-c", FORKING, str(tmp_path / "sessions.db")]
    ran = subprocess.run(program, capture_output=True, text=True, check=False, timeout=30)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_threads_of_one_process_write_at_once(tmp_path):
    store = SqliteSessions(tmp_path / "sessions.db")
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda number: store.add(row(number), now=1.0), range(100)))
        used = list(pool.map(lambda _: store.use_once(b"k" * 32, until=9e9, now=1.0), range(20)))
    assert sum(used) == 1
    assert all(store.find(bytes([number]) * 32, now=1.0) for number in range(100))
