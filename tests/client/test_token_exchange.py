"""A token for another one: of the subject as it is now, renewed with it, and never of somebody before."""

import asyncio

import pytest

from tokenward.base.clock import ManualClock
from tokenward.client import ApiKey, ClientSecret, Server, SignIn, SignInRequired, TokenError, TokenExchange
from tokenward.client import api_key as module

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
REFUSED = (400, {"error": "invalid_request"})


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def exchange(fake, monkeypatch, clock):
    monkeypatch.setenv("FAKE_SECRET", "a secret of the fake client")

    def make(subject, **changes):
        settings = {
            "client_id": "backend",
            "authentication": ClientSecret("env:FAKE_SECRET"),
            "resource": f"{fake.api}/api/other",
        }
        return TokenExchange(Server(fake.issuer, clock=clock), subject=subject, **settings | changes)

    return make


@pytest.fixture(params=["sync", "async"])
def token(request):
    def get(source):
        got = source.token() if request.param == "sync" else asyncio.run(source.token_async())
        return got.value.reveal()

    return get


def test_the_token_of_the_subject_is_exchanged_for_one_that_is_shown_elsewhere(fake, source, exchange, token):
    bank = exchange(source(), scope="accounts:read")
    assert token(bank) == "access-2"
    assert token(bank) == "access-2"
    (_, _), (form, headers) = fake.forms
    assert form == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "access-1",
        "subject_token_type": ACCESS_TOKEN,
        "requested_token_type": ACCESS_TOKEN,
        "scope": "accounts:read",
        "resource": f"{fake.api}/api/other",
    }
    assert headers["authorization"].startswith("Basic ")


def test_a_target_has_one_name_and_without_one_it_is_that_of_the_subject(fake, source, exchange):
    named = exchange(source(), resource="", audience="the bank")
    named.token()
    form = fake.forms[-1][0]
    assert ("resource" in form, form["audience"], named.resource) == (False, "the bank", "")
    same = exchange(source(), resource="")
    same.token()
    assert fake.forms[-1][0]["resource"] == same.resource == f"{fake.api}/api"


def test_an_actor_is_named_by_a_token_of_its_own(fake, source, exchange):
    exchange(source(), actor=source(client_id="job")).token()
    form = fake.forms[-1][0]
    assert (form["subject_token"], form["actor_token"]) == ("access-1", "access-2")
    assert form["actor_token_type"] == ACCESS_TOKEN


def test_whoever_holds_a_key_exchanges_it_without_a_client(fake, exchange, monkeypatch, token):
    monkeypatch.setenv("WEATHER_KEY", "the-key")
    key = ApiKey("env:WEATHER_KEY", resource=f"{fake.api}/api", header="X-API-Key")
    assert token(exchange(key, client_id="", authentication=None, resource="")) == "access-1"
    ((form, headers),) = fake.forms
    assert (form["subject_token"], form["subject_token_type"]) == (
        "the-key",
        "urn:tokenward:token-type:api_key",
    )
    assert "client_id" not in form
    assert "authorization" not in headers


def test_a_subject_token_that_was_revoked_is_renewed_once(fake, source, exchange, clock, token):
    bank = exchange(source(server=Server(fake.issuer, clock=clock)))
    token(bank)
    clock.advance(0.6 * 3600)
    assert bank.reject(bank.token())
    fake.scripts = [REFUSED]
    assert token(bank) == "access-4"
    assert [form.get("subject_token") for form, _ in fake.forms] == [
        None, "access-1", "access-1", None, "access-3",
    ]  # fmt: skip


def test_a_server_that_refuses_whatever_it_is_shown_is_not_asked_many_times(fake, source, exchange, clock):
    bank = exchange(source(server=Server(fake.issuer, clock=clock)))
    fake.scripts = [None, REFUSED, None, REFUSED]
    for _ in range(5):
        with pytest.raises(TokenError, match="invalid_request"):
            bank.token()
    assert fake.issued == 4


def test_a_key_that_was_rotated_is_looked_up_and_one_that_is_dead_is_shown_once(fake, exchange, monkeypatch):
    monkeypatch.setattr(module, "LOOKED_UP_AGAIN", 0)
    monkeypatch.setenv("WEATHER_KEY", "the-key")
    key = ApiKey("env:WEATHER_KEY", resource=f"{fake.api}/api")
    fake.scripts = [REFUSED]
    weather = exchange(key, client_id="", authentication=None)
    with pytest.raises(TokenError, match="invalid_request"):
        weather.token()
    assert fake.issued == 1
    key.token()
    monkeypatch.setenv("WEATHER_KEY", "the-next")
    fake.scripts = [REFUSED]
    assert exchange(key, client_id="", authentication=None).token()
    assert [form["subject_token"] for form, _ in fake.forms[1:]] == ["the-key", "the-next"]


def test_who_signs_in_after_another_is_not_taken_for_them(fake, exchange, clock, browser, token):
    fake.lets_people_in()
    notes = SignIn(Server(fake.issuer, clock=clock), client_id="notes", resource=f"{fake.api}/api")
    bank = exchange(notes)
    with pytest.raises(SignInRequired):
        token(bank)
    clock.advance(2)
    notes.sign_in(open_browser=browser)
    of_one = token(bank)
    assert token(bank) == of_one
    notes.sign_out()
    with pytest.raises(SignInRequired):
        token(bank)
    clock.advance(2)
    notes.sign_in(open_browser=browser)
    of_another = notes.token().value.reveal()
    assert token(bank) != of_one
    assert fake.forms[-1][0]["subject_token"] == of_another


def test_trouble_of_the_subject_is_what_is_told(fake, source, exchange):
    fake.scripts = [(401, {"error": "invalid_client"})]
    with pytest.raises(TokenError, match="invalid_client: check the client_id"):
        exchange(source()).token()
