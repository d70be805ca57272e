"""Whom a mere link to us can send where (RFC 9700 §4.11.2): to no stranger, whatever the link asks for."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from issuer.house import CALLBACK, URL, Caller, House, Person, answer, lived
from issuer.test_client_documents import APP, Web, document, with_documents
from issuer.test_registration import CLOSED, NATIVE, OPEN, WEB, invited, made
from tokenward.issuer.strangers import RegistrationPolicy

SPA = WEB | {"token_endpoint_auth_method": "none"}
PHISHING = "https://app.example/cb"


async def described(h: House, redirect_uri=CALLBACK) -> Caller:
    with_documents(h, Web(document(redirect_uris=[redirect_uri])))
    return Caller(h, await h.issuer.client(APP), None)


async def registered(h: House, metadata=SPA, token=None) -> Caller:
    told = await made(h, metadata, token)
    return Caller(h, await h.issuer.client(told["client_id"]), told.get("client_secret"))


async def registered_with_secret(h: House) -> Caller:
    return await registered(h, WEB)


async def invited_by_the_operator(h: House) -> Caller:
    object.__setattr__(h.issuer, "settings", replace(h.issuer.settings, registration=CLOSED))
    return await registered(h, token=await invited(h))


STRANGERS = (described, registered, registered_with_secret, invited_by_the_operator)

WRONG = {
    "a scope that is not there": ({"scope": "launch:missiles"}, "invalid_scope"),
    "an API that is not there": ({"resource": "https://nowhere.example/"}, "invalid_target"),
    "no response type": ({"response_type": ""}, "invalid_request"),
    "another response type": ({"response_type": "token"}, "unsupported_response_type"),
    "another response mode": ({"response_mode": "fragment"}, "invalid_request"),
    "no challenge": ({"code_challenge": ""}, "invalid_request"),
    "a prompt that is none": ({"prompt": "none login"}, "invalid_request"),
    "a request object": ({"request": "e30.e30."}, "request_not_supported"),
    "a request elsewhere": ({"request_uri": "https://app.example/r"}, "request_uri_not_supported"),
    "an ID token that is none": ({"id_token_hint": "x"}, "invalid_request"),
    "no page, please": ({"prompt": "none"}, "consent_required"),
}


def asks_first(response, error: str) -> None:
    """A page, with the host and the way there, which somebody has to take."""
    assert 400 <= response.status_code < 500
    assert "location" not in response.headers
    assert "refresh" not in response.headers
    _, host, back = response.text.split(" ")
    assert host == "app.example"
    assert back.startswith(PHISHING + "?")
    parameters = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    assert (parameters["error"], parameters["state"], parameters["iss"]) == (error, "s-1", URL)


def open_to_strangers(test):
    return lived(test, registration=OPEN)


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("wrong", WRONG)
def test_no_error_takes_a_browser_to_a_stranger_by_itself(tmp_path, stranger, wrong):
    changes, error = WRONG[wrong]

    @open_to_strangers
    async def story(h: House):
        app = await stranger(h)
        for person in (h.browser.person, None):
            h.browser.person = person
            nobody = wrong == "no page, please" and person is None
            asks_first(await h.authorize(**app.request(**changes)), "login_required" if nobody else error)

    story(tmp_path)


@pytest.mark.parametrize("wrong", WRONG)
def test_who_was_registered_here_hears_of_it_at_once(tmp_path, wrong):
    changes, error = WRONG[wrong]

    @lived
    async def story(h: House):
        app = await h.client("web", "accounts:read")
        assert answer(await h.authorize(**app.request(**changes)))["error"] == error

    story(tmp_path)


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_no_does_not_take_a_person_to_whom_they_said_no(tmp_path, stranger):
    @open_to_strangers
    async def story(h: House):
        app = await stranger(h)
        assert (await h.authorize(**app.request())).text == "consent"
        assert h.pages.view.redirect_host == "app.example"
        asks_first(await app.decide("deny"), "access_denied")

    story(tmp_path)


@open_to_strangers
async def test_a_sign_in_that_comes_back_as_before_is_a_page_too(h: House):
    app = await registered(h)
    h.browser.person = Person(auth_time=h.clock.time() - 61)
    onwards = await h.authorize(**app.request(max_age="60"))
    back = parse_qs(urlsplit(onwards.headers["location"]).query)["continue"][0]
    asks_first(await h.http.get(back), "login_required")


@open_to_strangers
async def test_whose_groups_give_nothing_of_it_stays_as_well(h: House):
    app = await registered(h)
    h.browser.person = Person(scopes=frozenset())
    asks_first(await h.authorize(**app.request(scope="accounts:read")), "access_denied")


@open_to_strangers
async def test_what_is_wrong_with_a_pushed_request_is_a_page_and_its_answer(h: House):
    app = await registered(h)
    handle = await app.pushed(prompt="none")
    asks_first(await app.open(handle), "consent_required")
    again = await app.open(handle)
    assert (again.status_code, again.text) == (400, "invalid_request_uri")


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_yes_takes_the_person_back_at_once(tmp_path, stranger):
    @open_to_strangers
    async def story(h: House):
        app = await stranger(h)
        assert await app.code()

    story(tmp_path)


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:51004/callback", "http://[::1]:51004/callback", "http://localhost:3000/cb"]
)
def test_a_program_on_the_person_s_own_machine_hears_of_it_at_once(tmp_path, uri):
    @open_to_strangers
    async def story(h: House):
        app = await registered(h, NATIVE | {"redirect_uris": [uri]})
        told = answer(await h.authorize(**app.request(scope="launch:missiles")))
        assert told["error"] == "invalid_scope"
        await h.authorize(**app.request())
        assert answer(await app.decide("deny"))["error"] == "access_denied"

    story(tmp_path)


@pytest.mark.parametrize(
    "uri",
    ["https://127.0.0.1.evil.example/cb", "https://localhost.evil.example/cb", "com.evil.app:/127.0.0.1"],
)
def test_what_only_looks_like_this_machine_is_elsewhere(tmp_path, uri):
    terms = replace(OPEN.terms, redirect_hosts=("*.evil.example",))

    async def story(h: House):
        app = await registered(h, NATIVE | {"redirect_uris": [uri]})
        page = await h.authorize(**app.request(prompt="none"))
        assert page.status_code == 400
        assert page.text.split(" ")[1] == (urlsplit(uri).hostname or "com.evil.app")

    lived(story, registration=RegistrationPolicy(open=True, terms=terms))(tmp_path)


@lived
async def test_silent_renewal_goes_on_for_who_said_yes_to_a_client_of_the_operator(h: House):
    app = await h.client("web", "accounts:read")
    await app.code()
    assert "code" in answer(await h.authorize(**app.request(prompt="none")))
