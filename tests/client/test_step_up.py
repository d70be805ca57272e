"""An API that wants another sign-in gets one where the application allowed it, and the call goes on."""

import asyncio
import contextlib
import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from e2e.bank import until
from tokenward.client import (
    ClientSecret,
    HttpxAuth,
    Server,
    SignIn,
    SignInRequired,
    TokenError,
    TokenExchange,
)

WEAK = (
    401,
    {"www-authenticate": 'Bearer error="insufficient_user_authentication", acr_values="two", max_age=60'},
)
STALE = (401, {"www-authenticate": 'Bearer error="insufficient_user_authentication"'})


@pytest.fixture
def notes(fake, browser):
    fake.lets_people_in()
    app = SignIn(Server(fake.issuer), client_id="notes", resource=f"{fake.api}/api")
    app.sign_in(open_browser=browser)
    return app


@pytest.fixture
def again(notes, browser):
    return functools.partial(notes.sign_in, open_browser=browser)


@pytest.fixture
def bank(fake, notes, monkeypatch):
    """What `notes` gets is exchanged for."""
    monkeypatch.setenv("FAKE_SECRET", "a secret of the fake client")
    secret = ClientSecret("env:FAKE_SECRET")
    return TokenExchange(Server(fake.issuer), subject=notes, client_id="backend", authentication=secret)


def test_the_person_signs_in_as_it_is_wanted_and_the_call_is_repeated(fake, notes, again, browser, send):
    fake.refusals = [WEAK]
    assert send(notes, "POST", f"{fake.api}/api", b"a body", step_up=again) == 200
    assert [call for call, _ in fake.calls] == ["Bearer access-1", "Bearer access-2"]
    assert (browser.asked["acr_values"], browser.asked["max_age"]) == ("two", "60")


def test_without_leave_the_answer_stays_what_it_is_and_no_token_is_wasted(fake, notes, send):
    fake.refusals = [WEAK]
    assert send(notes, "GET", f"{fake.api}/api") == 401
    assert (len(fake.calls), fake.issued) == (1, 1)


def test_a_call_asks_once_and_what_names_nothing_asks_nobody(fake, notes, again, send):
    fake.refusals = [WEAK] * 9
    assert send(notes, "GET", f"{fake.api}/api", step_up=again) == 401
    assert (len(fake.calls), fake.issued) == (2, 2)
    fake.refusals = [STALE] * 9
    assert send(notes, "GET", f"{fake.api}/api", step_up=again) == 401
    assert (len(fake.calls), fake.issued) == (3, 2)


def test_a_person_who_does_not_is_told_to_who_made_the_call(fake, notes, send):
    fake.refusals = [WEAK]
    nobody = functools.partial(notes.sign_in, open_browser=lambda _: False)
    with pytest.raises(SignInRequired, match="no_browser"):
        send(notes, "GET", f"{fake.api}/api", step_up=nobody)
    assert len(fake.calls) == 1


def test_another_api_after_a_redirect_asks_nobody(fake, notes, again, send):
    elsewhere = fake.api.replace("127.0.0.1", "localhost") + "/api"
    fake.refusals = [(302, {"location": elsewhere}), WEAK]
    asked = fake.issued
    with contextlib.suppress(TokenError):  # of the middleware, which is asked about each step
        assert send(notes, "GET", f"{fake.api}/api", step_up=again) == 401
    assert fake.issued == asked


def test_calls_that_want_it_together_ask_once(fake, notes, again):
    fake.refusals = [WEAK] * 8
    asked = []

    def step_up(**wanted):
        asked.append(wanted)
        assert until(lambda: len(fake.calls) == 8)
        return again(**wanted)

    with httpx.Client(auth=HttpxAuth(notes, step_up=step_up), trust_env=False) as web:

        def call(_):
            return web.get(f"{fake.api}/api").status_code

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(call, range(8))) == [200] * 8
    assert asked == [{"acr_values": ("two",), "max_age": 60}]


@pytest.mark.parametrize("exchanged", [False, True], ids=["itself", "exchanged"])
def test_adapters_of_one_source_ask_once(fake, notes, bank, again, exchanged):
    fake.refusals = [WEAK] * 4
    asked = []

    def step_up(**wanted):
        asked.append(wanted)
        assert until(lambda: len(fake.calls) == 4)
        return again(**wanted)

    def call(number):
        source = bank if exchanged and number % 2 else notes
        with httpx.Client(auth=HttpxAuth(source, step_up=step_up), trust_env=False) as web:
            return web.get(f"{fake.api}/api").status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(call, range(4))) == [200] * 4
    assert len(asked) == 1


def test_the_person_signs_in_for_whom_an_exchanged_token_stands(fake, bank, again, send):
    fake.refusals = [WEAK]
    assert send(bank, "GET", f"{fake.api}/api", step_up=again) == 200
    assert [form.get("subject_token") for form, _ in fake.forms] == [None, "access-1", None, "access-3"]
    assert [call for call, _ in fake.calls] == ["Bearer access-2", "Bearer access-4"]
    fake.refusals = [WEAK]
    assert send(bank, "GET", f"{fake.api}/api", step_up=again) == 200, "and once more"
    assert fake.calls[-1][0] == "Bearer access-6"


@pytest.fixture
def known(fake, browser, vault):
    """Who is signed in, as the ID token says, and a way for somebody to sign in."""
    fake.lets_people_in()
    app = SignIn(
        Server(fake.issuer), client_id="notes", scope="openid", resource=f"{fake.api}/api", vault=vault
    )

    def signs_in(subject, **wanted):
        claims = {"sub": subject, "acr": "two", "auth_time": int(time.time())}

        def tokens(*_):
            told = fake.id_token(nonce=browser.asked["nonce"], **claims)
            return 200, fake.token(id_token=told, refresh_token=f"refresh of {subject}")

        fake.scripts = [tokens]
        return app.sign_in(open_browser=browser, **wanted)

    return app, signs_in


@pytest.mark.parametrize("refreshed", [False, True], ids=["at-once", "after-a-refresh"])
def test_another_person_does_not_go_on_with_what_the_first_was_doing(fake, known, refreshed, send):
    app, signs_in = known
    signs_in("alice")
    if refreshed:
        app.reject(app.token())
    before = app.token()
    fake.refusals = [WEAK]
    with pytest.raises(TokenError, match="other_person"):
        send(app, "GET", f"{fake.api}/api", step_up=functools.partial(signs_in, "bob"))
    assert len(fake.calls) == 1
    assert fake.forms[-1][0]["token"] == "refresh of bob", "what he allowed is ended"
    assert app.token() is before
    fake.refusals = [WEAK]
    assert send(app, "GET", f"{fake.api}/api", step_up=functools.partial(signs_in, "alice")) == 200
    assert signs_in("bob").subject == "bob", "who is not wanted may be anybody"


def test_what_cannot_be_sent_again_bothers_nobody(fake, notes, again):
    fake.refusals = [WEAK]
    with httpx.Client(auth=HttpxAuth(notes, step_up=again), trust_env=False) as web:
        assert web.post(f"{fake.api}/api", content=iter([])).status_code == 401
    assert fake.issued == 1


def test_an_event_loop_never_stands_still_for_it(fake, notes, again):
    fake.refusals = [WEAK]

    async def blocking():
        with httpx.Client(auth=HttpxAuth(notes, step_up=again), trust_env=False) as web:
            return web.get(f"{fake.api}/api").status_code  # noqa: ASYNC212 - what should not be done

    assert asyncio.run(blocking()) == 401
    assert fake.issued == 1

    threads = []

    def noted(**wanted):
        threads.append(threading.current_thread())
        return again(**wanted)

    async def awaiting():
        async with httpx.AsyncClient(auth=HttpxAuth(notes, step_up=noted), trust_env=False) as web:
            return (await web.get(f"{fake.api}/api")).status_code

    fake.refusals = [WEAK]
    assert asyncio.run(awaiting()) == 200
    assert threads != [threading.main_thread()]
