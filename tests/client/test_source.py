"""One token for all who need it, fetched before it is missed; trouble goes unnoticed, or is told."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tokenward.base.clock import ManualClock
from tokenward.client import (
    ClientCredentials,
    ClientSecret,
    PrivateKeyJwt,
    Server,
    ServerUnavailable,
    TokenError,
)
from tokenward.client.source import _sources


@pytest.fixture
def clock():
    return ManualClock()


def landed(source):
    """Wait until nothing is under way."""
    while (flight := source._flight) is not None:
        flight.wait(5)


def test_a_token_is_asked_for_once_and_with_what_was_said(fake, source):
    reports = source()
    first = reports.token()
    assert reports.token() is first
    (form, headers), *others = fake.forms
    assert not others
    assert form == {
        "grant_type": "client_credentials",
        "scope": "forecast:read",
        "resource": f"{fake.api}/api",
    }
    assert headers["authorization"].startswith("Basic ")
    assert (first.kind, first.scope) == ("Bearer", ("forecast:read",))
    assert "access-1" not in repr(first)


def test_a_server_that_takes_secrets_in_the_form_only_gets_it_there(fake, source):
    fake.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    source().token()
    form, headers = fake.forms[0]
    assert (form["client_id"], form["client_secret"]) == ("reports", "a secret of the fake client")
    assert "authorization" not in headers


@pytest.mark.parametrize("authentication", ["s3cr3t", "tkw_cs_abc", '{"kty": "EC", "d": "s3cr3t"}'])
def test_a_literal_secret_is_refused_with_what_mends_it_and_not_repeated(fake, authentication):
    ways = (lambda text: text, ClientSecret, PrivateKeyJwt)
    for make in ways:
        with pytest.raises(ValueError, match="env:NAME") as caught:
            ClientCredentials(Server(fake.issuer), client_id="reports", authentication=make(authentication))
        assert authentication not in str(caught.value)


def test_a_secret_is_looked_up_each_time_so_that_a_rotated_one_is_picked_up(fake, source, monkeypatch):
    clock = ManualClock()
    reports = source(server=Server(fake.issuer, clock=clock))
    reports.token()
    monkeypatch.setenv("FAKE_SECRET", "another")
    clock.advance(7200)
    reports.token()
    assert fake.forms[0][1]["authorization"] != fake.forms[1][1]["authorization"]
    monkeypatch.delenv("FAKE_SECRET")
    clock.advance(7200)
    with pytest.raises(TokenError, match="FAKE_SECRET is not set"):
        reports.token()


def test_fifty_threads_and_fifty_tasks_that_begin_together_ask_once(fake, source):
    fake.delay = 0.1
    reports = source()

    async def tasks():
        return await asyncio.gather(*[reports.token_async() for _ in range(50)])

    with ThreadPoolExecutor(51) as pool:
        loop = pool.submit(asyncio.run, tasks())
        threads = list(pool.map(lambda _: reports.token(), range(50)))
        assert len({token.value.reveal() for token in [*threads, *loop.result()]}) == 1
    assert fake.issued == 1


def test_the_next_token_is_fetched_in_the_last_part_of_a_life_and_nobody_waits(fake, source, clock):
    reports = source(server=Server(fake.issuer, clock=clock))
    first = reports.token()
    clock.advance(0.69 * 3600)
    assert reports.token() is first
    assert reports._flight is None
    clock.advance(0.17 * 3600)
    gate = threading.Event()
    fake.scripts = [lambda *_: gate.wait(5) and None]
    assert reports.token() is first  # while the next is under way
    gate.set()
    landed(reports)
    assert reports.token().value.reveal() == "access-2"


def test_each_source_draws_its_own_moment(fake, source, clock):
    server = Server(fake.issuer, clock=clock)
    sources = [source(server=server) for _ in range(8)]
    for each in sources:
        each.token()
    assert len({each._kept.due for each in sources}) > 1


def test_a_token_near_its_end_is_not_shown(fake, source, clock):
    reports = source(server=Server(fake.issuer, clock=clock))
    first = reports.token()
    clock.advance(3600 - 9)
    assert reports.token() is not first


@pytest.mark.parametrize("other", ["wall", "monotonic"])
def test_both_clocks_have_to_say_that_it_is_early_enough(fake, source, clock, other):
    reports = source(server=Server(fake.issuer, clock=clock))
    first = reports.token()
    if other == "wall":
        clock.monotonic = lambda: ManualClock().monotonic()  # it slept
        clock.advance(4000)
    else:
        start = clock.time()
        clock.advance(4000)
        clock.monotonic = clock.time
        now = clock.time()
        clock.time = lambda: start  # it was set back
        clock.monotonic = lambda: now
    assert reports.token() is not first


def test_trouble_that_passes_is_not_noticed(fake, source):
    fake.scripts = [(500, {}), (503, {}, {"retry-after": "0"})]
    assert source().token().value.reveal() == "access-1"
    assert fake.issued == 3


def test_trouble_while_the_old_token_lives_is_not_noticed_and_not_made_worse(fake, source, clock):
    reports = source(server=Server(fake.issuer, clock=clock))
    first = reports.token()
    clock.advance(0.86 * 3600)
    fake.scripts = [(500, {})] * 3
    for _ in range(20):
        assert reports.token() is first
        landed(reports)
    assert fake.issued == 1 + 3
    clock.advance(2)
    reports.token()
    landed(reports)
    assert reports.token().value.reveal() == "access-2"


def test_trouble_that_stays_is_told_to_everybody_and_asked_about_rarely(fake, source, clock):
    reports = source(server=Server(fake.issuer, clock=clock))
    fake.scripts = [(500, {})] * 3
    for _ in range(5):
        with pytest.raises(ServerUnavailable, match="answered 500"):
            reports.token()
    assert fake.issued == 3


def test_a_refusal_is_told_with_what_mends_it(fake, source):
    fake.scripts = [(401, {"error": "invalid_client", "error_description": "no"})]
    with pytest.raises(TokenError, match=r"invalid_client: no; check the client_id"):
        source().token()
    assert fake.issued == 1


def test_a_refusal_of_what_carries_no_time_is_not_about_clocks(fake, source):
    fake.date = 600
    fake.scripts = [(401, {"error": "invalid_client"})] * 2
    with pytest.raises(TokenError, match="invalid_client"):
        source().token()
    assert fake.issued == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"access_token": 1}', b'{"token_type": "Bearer"}'])
def test_nonsense_is_refused(fake, source, body):
    fake.scripts = [(200, body)]
    with pytest.raises(TokenError, match="malformed_response"):
        source().token()


def test_a_slow_server_is_given_up_on(fake, source):
    reports = source(server=Server(fake.issuer, timeout=0.5))
    fake.scripts = [lambda *_: time.sleep(0.9)] * 3
    with pytest.raises(ServerUnavailable, match="timeout"):
        reports.token()


def test_a_redirect_is_not_followed(fake, source):
    fake.scripts = [(307, {}, {"location": f"{fake.api}/elsewhere"})]
    with pytest.raises(TokenError, match="malformed_response"):
        source().token()


def test_a_life_that_nobody_said_is_short(fake, source):
    fake.scripts = [(200, {"access_token": "a", "token_type": "Bearer"})]
    token = source().token()
    assert token.expires_at - token.obtained_at == 60


def test_a_fault_of_ours_leaves_nobody_waiting(source, monkeypatch):
    reports = source()
    monkeypatch.setattr(reports, "_obtained", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reports.token()
    with pytest.raises(TokenError, match="ZeroDivisionError"):
        asyncio.run(reports.token_async())


def test_a_forked_child_does_not_wait_for_a_thread_that_it_has_not(source):
    reports = source()
    reports._board()
    reports._lock.acquire()
    assert reports in _sources
    reports._forget_flight()
    assert reports.token().value.reveal() == "access-1"
