"""The authorization endpoint: what becomes a page, what goes back to the client, what a code stands on."""

import asyncio
import re
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from issuer.house import BANK, CALLBACK, URL, WEATHER, House, Person, answer, lived
from issuer.test_hostile_clients import on_two_processes
from tokenward.base.clock import ManualClock
from tokenward.base.problems import TOLD
from tokenward.flows import pkce
from tokenward.flows.authorization import AuthorizationRequest, read_callback
from tokenward.tokens import base64url, opaque
from tokenward.tokens.acr import ACR


def sign_in_target(response) -> str:
    """Where the sign-in page would send the browser back to."""
    assert response.status_code == 303
    url = urlsplit(response.headers["location"])
    assert url.path == "/sign-in"
    return parse_qs(url.query)["continue"][0]


@lived
async def test_the_client_side_of_the_flow_accepts_the_answer(h: House):
    app = await h.client("web", "accounts:read", "openid")
    request = AuthorizationRequest.begin(
        f"{URL}/authorize",
        client_id=app.id,
        redirect_uri=CALLBACK,
        scope=["accounts:read", "openid"],
        resource=BANK,
    )
    assert (await h.http.get(request.url)).text == "consent"
    location = (await app.decide("allow")).headers["location"]
    assert opaque.parse(read_callback(location, request, URL).reveal(), kind="ac")


@lived
async def test_an_answer_carries_state_and_issuer_and_is_not_stored(h: House):
    app = await h.client("web", "accounts:read")
    await h.authorize(**app.request(state="a b&c=d#é"))
    response = await app.decide("allow")
    assert response.headers["location"].startswith(CALLBACK + "?code=")
    assert response.headers["cache-control"] == "no-store"
    parameters = answer(response)
    assert set(parameters) == {"code", "state", "iss"}
    assert (parameters["state"], parameters["iss"]) == ("a b&c=d#é", URL)


@lived
async def test_consent_that_is_withdrawn_at_that_moment_is_asked_for_again(h: House):
    app = await h.client("web", "accounts:read")
    await h.authorize(**app.request())
    await app.decide("allow")
    assert "code" in answer(await h.authorize(**app.request()))  # remembered
    remembered = h.issuer.store.consented_scope
    user_id = h.browser.person.user_id

    async def then_withdrawn(*whose):
        given = await remembered(*whose)
        await h.issuer.store.withdraw_consent(user_id, app.id, h.clock.time())
        return given

    h.issuer.store.consented_scope = then_withdrawn
    assert (await h.authorize(**app.request())).text == "consent"
    assert await h.issuer.store.grants_of(user_id, h.clock.time()) == []


@lived
async def test_an_answer_to_a_request_without_state_has_none(h: House):
    app = await h.client("web", "accounts:read")
    await h.authorize(**app.request(state=""))
    assert set(answer(await app.decide("allow"))) == {"code", "iss"}


@lived
async def test_the_consent_page_of_an_app_with_a_scheme_of_its_own_shows_that(h: House):
    app = await h.client("native", "accounts:read", redirect_uris=("com.example.app:/cb",))
    await h.authorize(**app.request())
    assert h.pages.view.redirect_host == "com.example.app"


@lived
async def test_signing_in_and_consenting_anew_can_be_asked_for_together(h: House):
    app = await h.client("web", "accounts:read")
    response = await h.authorize(**app.request(prompt="login consent"))
    assert response.headers["location"].startswith("/sign-in?")


@lived
async def test_the_consent_page_shows_who_asks_for_what_and_where_it_goes(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    response = await h.authorize(**app.request())
    assert response.headers["content-type"] == "text/html"
    view = h.pages.view
    assert (view.client_name, view.redirect_host, view.username) == ("An app", "app.example", "ada")
    assert view.resource == "Bank"
    assert view.scopes == {
        "accounts:read": "See accounts",
        "offline_access": "Keep this access while you are away",
    }


@lived
async def test_no_script_of_another_origin_reads_what_the_browser_is_shown(h: House):
    """RFC 9700 §2.6: a person's browser goes there, and no client calls it."""
    app = await h.client("spa", "accounts:read")
    elsewhere = {"origin": "https://app.example"}
    preflight = elsewhere | {"access-control-request-method": "GET"}
    for path in (f"/authorize?{urlencode(app.request())}", "/authorize", "/authorize/decision"):
        for method, headers in (("GET", elsewhere), ("POST", elsewhere), ("OPTIONS", preflight)):
            told = (await h.http.request(method, path, headers=headers)).headers
            assert not [name for name in told if name.startswith("access-control-")], (method, path)


@lived
async def test_until_client_and_redirect_address_are_known_errors_are_a_page(h: House):
    app = await h.client("web", "accounts:read")
    rows = {
        "unknown_client": [{"client_id": ""}, {"client_id": "nobody"}],
        "unregistered_redirect": [
            {"redirect_uri": uri}
            for uri in (
                "https://evil.example/cb",
                CALLBACK + "/",
                CALLBACK + "?x=1",
                CALLBACK + "#x",
                CALLBACK.upper(),
                CALLBACK.replace("https", "http"),
                "https://app.example:443/cb",
                "https://app.example@evil.example/cb",
                "https://app.example/./cb",
                "javascript:alert(1)",
            )
        ],
    }
    for code, changes in rows.items():
        for each in changes:
            response = await h.authorize(**{**app.request(), **each})
            assert (response.status_code, response.text) == (400, code), each
    without = app.request()
    del without["redirect_uri"]
    assert (await h.authorize(**without)).text == "unregistered_redirect"
    service = await h.client("service", "accounts:read")
    assert (await h.authorize(**service.request())).text == "unregistered_redirect"


@lived
async def test_a_parameter_given_twice_is_a_page(h: House):
    app = await h.client("web", "accounts:read")
    query = urlencode(app.request())
    for extra in ("&state=x", "&client_id=x", "&redirect_uri=x", "&%73tate=x"):
        response = await h.http.get(f"/authorize?{query}{extra}")
        assert (response.status_code, response.text) == (400, "duplicate_parameter")


@lived
async def test_a_query_that_is_too_long_or_broken_is_a_page(h: House):
    app = await h.client("web", "accounts:read")
    assert (await h.authorize(**app.request(x="a" * 3_900))).status_code == 413
    assert (await h.http.get(f"/authorize?client_id={app.id}&state=%ff")).status_code == 400


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "!" * 43}, "invalid_request"),
        ({"code_challenge": "ü" * 43}, "invalid_request"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "transfers:write"}, "invalid_scope"),
        ({"scope": "accounts:read transfers:write"}, "invalid_scope"),
        ({"scope": "accounts:read  openid"}, "invalid_scope"),
        ({"scope": "offline_access"}, "invalid_scope"),
        ({"scope": "accounts:read forecast:read"}, "invalid_target"),
        ({"scope": "openid", "resource": BANK}, "invalid_scope"),
        ({"resource": WEATHER, "scope": "accounts:read"}, "invalid_scope"),
        ({"resource": "https://nowhere.example/"}, "invalid_target"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://x.example/"}, "request_uri_not_supported"),
        ({"prompt": "create"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "login  consent"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
        ({"max_age": "9" * 30}, "invalid_request"),
        ({"nonce": "n" * 256}, "invalid_request"),
        ({"prompt": "none"}, "consent_required"),
    ],
)
def test_after_that_errors_go_to_the_client(tmp_path, changes, code):
    @lived
    async def story(h: House):
        app = await h.client("web", "accounts:read", "forecast:read", "openid", "offline_access")
        parameters = answer(await h.authorize(**app.request(**{"scope": "accounts:read", **changes})))
        assert (parameters["error"], parameters["state"], parameters["iss"]) == (code, "s-1", URL)
        assert parameters.keys() == {"error", "error_description", "state", "iss"}
        assert re.fullmatch(f"{TOLD}+", parameters["error"] + parameters["error_description"])

    story(tmp_path)


@lived
async def test_a_state_too_long_is_refused_and_not_echoed(h: House):
    app = await h.client("web", "accounts:read")
    assert "state" in answer(await h.authorize(**app.request(state="s" * 1024, prompt="none")))
    parameters = answer(await h.authorize(**app.request(state="s" * 1025)))
    assert set(parameters) == {"error", "error_description", "iss"}


@lived
async def test_an_answer_keeps_the_query_of_the_registered_address(h: House):
    app = await h.client("web", "accounts:read", redirect_uris=(CALLBACK + "?tenant=7",))
    location = (await h.authorize(**app.request(prompt="none"))).headers["location"]
    assert location.startswith(CALLBACK + "?tenant=7&error=consent_required")
    for other in ("", "?tenant=8", "?tenant=7&x=1"):
        answered = await h.authorize(**app.request(redirect_uri=CALLBACK + other))
        assert (answered.status_code, answered.text) == (400, "unregistered_redirect"), other


@lived
async def test_a_native_app_may_listen_on_any_loopback_port(h: House):
    app = await h.client(
        "native", "accounts:read", redirect_uris=("http://127.0.0.1/cb", "com.example.app:/cb")
    )
    for uri in ("http://127.0.0.1:51004/cb", "http://127.0.0.1/cb", "com.example.app:/cb"):
        assert (await h.authorize(**app.request(redirect_uri=uri))).status_code == 200
    for uri in (
        "http://127.0.0.1:51004/other",
        "http://127.0.0.1:51004/cb?x=1",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:70000/cb",
        "http://localhost:51004/cb",
        "http://[::1]:51004/cb",
        "http://127.0.0.1:51004@evil.example/cb",
        "https://127.0.0.1:51004/cb",
        "http://127.0.0.2:51004/cb",
    ):
        assert (await h.authorize(**app.request(redirect_uri=uri))).text == "unregistered_redirect", uri


@lived
async def test_a_web_client_has_no_port_exception(h: House):
    app = await h.client("web", "accounts:read", redirect_uris=("http://127.0.0.1:9000/cb",))
    assert (await h.authorize(**app.request())).status_code == 200
    response = await h.authorize(**app.request(redirect_uri="http://127.0.0.1:9001/cb"))
    assert response.text == "unregistered_redirect"


@lived
async def test_the_code_of_a_loopback_port_is_redeemed_with_that_port(h: House):
    app = await h.client("native", "accounts:read", redirect_uris=("http://127.0.0.1/cb",))
    uri = "http://127.0.0.1:51004/cb"
    code = await app.code(redirect_uri=uri)
    assert (await app.redeem(code, redirect_uri="http://127.0.0.1:51005/cb")).status_code == 400
    assert (await app.redeem(code, redirect_uri=uri)).status_code == 200


@lived
async def test_who_is_not_signed_in_goes_to_the_sign_in_page_and_comes_back(h: House):
    app = await h.client("web", "accounts:read")
    h.browser.person = None
    back = sign_in_target(await h.authorize(**app.request()))
    assert back.startswith("/authorize?")
    h.browser.person = Person(auth_time=h.clock.time())
    assert (await h.http.get(back)).text == "consent"


@lived
async def test_prompt_none_without_a_session_is_login_required(h: House):
    app = await h.client("web", "accounts:read")
    h.browser.person = None
    assert answer(await h.authorize(**app.request(prompt="none")))["error"] == "login_required"


@pytest.mark.parametrize("demand", [{"prompt": "login"}, {"max_age": "60"}, {"max_age": "0"}])
def test_signing_in_anew_is_asked_for_once(tmp_path, demand):
    @lived
    async def story(h: House):
        app = await h.client("web", "accounts:read")
        h.browser.person = Person(auth_time=h.clock.time() - 61)
        back = sign_in_target(await h.authorize(**app.request(**demand)))
        assert answer(await h.http.get(back))["error"] == "login_required", "no second round"
        h.clock.advance(5)
        h.browser.person = Person(auth_time=h.clock.time())
        h.clock.advance(5)
        assert (await h.http.get(back)).text == "consent"

    story(tmp_path)


def aim(response) -> dict[str, str]:
    """What the sign-in page is asked for."""
    return {name: value for name, (value,) in parse_qs(urlsplit(response.headers["location"]).query).items()}


@lived
async def test_a_level_is_asked_for_once_and_what_does_not_reach_it_is_told(h: House):
    app = await h.client("web", "accounts:read")
    h.browser.person = Person(auth_time=h.clock.time() - 50)
    request = app.request(acr_values=f"unknown {ACR['two-factor']} phr", max_age="300")
    sent = await h.authorize(**request)
    assert aim(sent)["level"] == "two-factor"
    # A password that is older than half of what is allowed would be too old before the token is used.
    assert float(aim(sent)["since"]) == h.clock.time() - 150
    back = sign_in_target(sent)
    assert answer(await h.http.get(back))["error"] == "unmet_authentication_requirements"
    h.browser.person = Person(auth_time=h.clock.time() - 50, amr=("pwd", "otp"))
    assert (await h.http.get(back)).text == "consent"
    h.browser.person = Person(auth_time=h.clock.time() - 301, amr=("pwd", "otp"))
    assert answer(await h.http.get(back))["error"] == "login_required"


@lived
async def test_a_level_that_nobody_knows_is_no_demand(h: House):
    app = await h.client("web", "accounts:read")
    assert (await h.authorize(**app.request(acr_values="1 2 urn:example:gold"))).text == "consent"


@lived
async def test_prompt_none_without_the_level_is_login_required(h: House):
    app = await h.client("web", "accounts:read")
    response = await h.authorize(**app.request(acr_values="phr", prompt="none"))
    assert answer(response)["error"] == "login_required"


@lived
async def test_consent_does_not_stand_in_for_a_sign_in_that_is_gone(h: House):
    app = await h.client("web", "accounts:read")
    h.browser.person = Person(amr=("pwd", "otp"), auth_time=h.clock.time())
    assert (await h.authorize(**app.request(acr_values=ACR["two-factor"]))).text == "consent"
    form = {"request": h.pages.view.sealed_request, "decision": "allow"}
    h.browser.person = Person(amr=("pwd",), auth_time=h.clock.time())
    sign_in_target(await h.http.post("/authorize/decision", data=form))
    h.browser.person = Person(amr=("pwd", "otp"), auth_time=h.clock.time() - 1)
    assert (await h.http.post("/authorize/decision", data=form)).text == "consent expired_form"


@lived
async def test_a_recent_sign_in_satisfies_max_age(h: House):
    app = await h.client("web", "accounts:read")
    h.browser.person = Person(auth_time=h.clock.time() - 60)
    assert (await h.authorize(**app.request(max_age="60"))).text == "consent"


@lived
async def test_prompt_none_with_a_session_too_old_is_login_required(h: House):
    app = await h.client("web", "accounts:read")
    response = await h.authorize(**app.request(prompt="none", max_age="60"))
    assert answer(response)["error"] == "login_required"


@lived
async def test_the_mark_of_a_sign_in_cannot_be_made_moved_or_kept(h: House):
    app = await h.client("web", "accounts:read")
    h.browser.person = Person(auth_time=h.clock.time())
    back = sign_in_target(await h.authorize(**app.request(prompt="login")))
    mark = parse_qs(back)["started"][0]
    h.browser.person = Person(auth_time=h.clock.time() + 1)
    assert (await h.http.get(back)).text == "consent"
    for forged in ("x", "AAAA", base64url.encode(b"0" * 40), ("A" if mark[0] != "A" else "B") + mark[1:]):
        sign_in_target(await h.authorize(**app.request(prompt="login", started=forged)))
    sign_in_target(await h.authorize(**app.request(prompt="login", state="s-2", started=mark)))
    h.clock.advance(601)
    sign_in_target(await h.http.get(back))


@lived
async def test_consent_is_remembered_for_a_client_that_proves_who_it_is(h: House):
    app = await h.client("web", "accounts:read", "transfers:write")
    await app.code(scope="accounts:read")
    assert "code" in answer(await h.authorize(**app.request(scope="accounts:read")))
    assert "code" in answer(await h.authorize(**app.request(scope="accounts:read", prompt="none")))
    assert (await h.authorize(**app.request())).text == "consent", "more than was allowed"
    assert (await h.authorize(**app.request(scope="accounts:read", prompt="consent"))).text == "consent"
    h.browser.person = Person(user_id="user-2", session_id="session-2")
    assert (await h.authorize(**app.request(scope="accounts:read"))).text == "consent", "another person"


@lived
async def test_the_consent_page_knows_since_when_something_was_allowed(h: House):
    app = await h.client("web", "accounts:read", "transfers:write")
    assert (await h.authorize(**app.request())).text == "consent"
    assert h.pages.view.since == {}
    at = h.clock.time()
    await app.code(scope="accounts:read")
    h.clock.advance(60)
    await h.authorize(**app.request())
    assert h.pages.view.since == {"accounts:read": at}


@pytest.mark.parametrize("client_type", ["spa", "native"])
def test_a_public_client_is_asked_about_every_time(tmp_path, client_type):
    @lived
    async def story(h: House):
        app = await h.client(client_type, "accounts:read")
        await app.code()
        await h.issuer.store.add_consent("user-1", app.id, BANK, ["accounts:read"], h.clock.time())
        assert (await h.authorize(**app.request())).text == "consent"
        assert h.pages.view.since == {}
        assert answer(await h.authorize(**app.request(prompt="none")))["error"] == "consent_required"

    story(tmp_path)


@lived
async def test_denial_goes_to_the_client_and_is_not_remembered(h: House):
    app = await h.client("web", "accounts:read")
    await h.authorize(**app.request())
    parameters = answer(await app.decide("deny"))
    assert (parameters["error"], parameters["state"], parameters["iss"]) == ("access_denied", "s-1", URL)
    assert (await h.authorize(**app.request())).text == "consent"


@pytest.mark.parametrize("client_type", ["web", "spa"])
@pytest.mark.parametrize("second", ["allow", "deny"])
def test_a_form_that_is_sent_twice_gives_one_code_and_is_asked_again(tmp_path, client_type, second):
    @lived
    async def story(h: House):
        app = await h.client(client_type, "accounts:read")
        await h.authorize(**app.request())
        form = h.pages.view.sealed_request
        code = answer(await app.decide("allow"))["code"]
        again = await app.decide(second, request=form)
        assert (again.status_code, again.text) == (409, "consent answered_form")
        grants = await h.issuer.store.grants_of(h.browser.person.user_id, h.clock.time())
        assert len(grants) == 1
        assert (await app.redeem(code)).status_code == 200, "the first answer stays what it was"
        assert answer(await app.decide("allow"))["code"] != code, "who answers once more is heard"

    story(tmp_path)


@lived
async def test_an_answer_that_is_none_does_not_use_the_form_up(h: House):
    app = await h.client("web", "accounts:read")
    await h.authorize(**app.request())
    form = h.pages.view.sealed_request
    assert (await app.decide("perhaps", request=form)).status_code == 400
    assert "code" in answer(await app.decide("allow", request=form))


@on_two_processes
async def test_of_fifty_presses_at_two_processes_one_gives_a_code(here, there):
    app = await here.client("spa", "accounts:read")
    await here.authorize(**app.request())
    form = {"request": here.pages.view.sealed_request, "decision": "allow"}
    houses = [here, there]
    answers = await asyncio.gather(
        *(houses[number % 2].http.post("/authorize/decision", data=form) for number in range(50))
    )
    assert sorted(each.status_code for each in answers) == [303] + [409] * 49


@lived
async def test_the_consent_form_is_good_for_its_session_only(h: House):
    app = await h.client("web", "accounts:read")
    await h.authorize(**app.request())
    mine = h.browser.person
    for person in (None, replace(mine, session_id="session-2"), Person("user-2", "eve", "session-3")):
        h.browser.person = person
        response = await app.decide("allow")
        assert (response.status_code, response.text) == (400, "expired_form")
    h.browser.person = mine
    assert "code" in answer(await app.decide("allow"))


@lived
async def test_the_consent_form_is_good_for_ten_minutes(h: House):
    app = await h.client("web", "accounts:read")
    await h.authorize(**app.request())
    h.clock.advance(600)
    assert (await app.decide("allow")).text == "consent expired_form"
    assert "code" in answer(await app.decide("allow")), "by the form of the page that came again"


@lived
async def test_an_old_consent_form_does_not_get_round_max_age(h: House):
    app = await h.client("web", "accounts:read")
    h.browser.person = Person(auth_time=h.clock.time())
    await h.authorize(**app.request(max_age="300"))
    h.clock.advance(600)
    sign_in_target(await app.decide("allow"))


@lived
async def test_a_consent_form_that_was_made_up_or_cut_is_refused(h: House):
    app = await h.client("web", "accounts:read")
    await h.authorize(**app.request())
    sealed = h.pages.view.sealed_request
    other = ("B" if sealed.startswith("A") else "A") + sealed[1:]
    for forged in ("", "x", "ü", base64url.encode(b"{}"), sealed[:-4], other, sealed + "AAAA"):
        response = await app.decide("allow", request=forged)
        assert (response.status_code, response.text) == (400, "expired_form")
    for decision in ("", "maybe", "ALLOW"):
        assert (await app.decide(decision)).text == "consent malformed_request"


@lived
async def test_a_sign_in_mark_is_no_consent_form(h: House):
    """Both are sealed under one key; the context keeps them apart."""
    app = await h.client("web", "accounts:read")
    await h.authorize(**app.request())
    mark = parse_qs(sign_in_target(await h.authorize(**app.request(prompt="login"))))["started"][0]
    assert (await app.decide("allow", request=mark)).text == "expired_form"


@lived
async def test_a_consent_form_of_another_site_is_refused(h: House):
    app = await h.client("web", "accounts:read")
    await h.authorize(**app.request())
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert (await app.decide("allow", headers=headers)).text == "expired_form"
    headers = {"origin": URL, "sec-fetch-site": "same-origin"}
    assert "code" in answer(await app.decide("allow", headers=headers))


@lived
async def test_a_client_removed_meanwhile_gets_nothing(h: House):
    app = await h.client("web", "accounts:read")
    await h.authorize(**app.request())
    await h.issuer.store.remove_client(app.id, h.clock.time())
    assert (await app.decide("allow")).text == "unknown_client"


@lived
async def test_a_posted_request_is_turned_into_a_get(h: House):
    app = await h.client("web", "accounts:read")
    response = await h.http.post("/authorize", data=app.request())
    assert response.status_code == 303
    assert (await h.http.get(response.headers["location"])).text == "consent"


@lived
async def test_the_code_lives_in_no_page_and_is_bound_to_what_was_asked(h: House):
    app = await h.client("web", "accounts:read", "offline_access")
    code = await app.code(nonce="n-1")
    state = await h.issuer.store.code(opaque.parse(code).token_id)
    assert (state.code.redirect_uri, state.code.nonce) == (CALLBACK, "n-1")
    assert state.code.code_challenge == pkce.challenge(app.verifier)
    assert (state.grant.client_id, state.grant.user_id, state.grant.audience) == (app.id, "user-1", BANK)
    assert state.grant.expires_at == ManualClock().time() + 90 * 86_400
    assert state.grant.auth_time == h.browser.person.auth_time


@lived
async def test_a_person_allows_no_more_than_their_groups_give(h: House):
    app = await h.client("web", "accounts:read", "transfers:write", "openid")
    h.browser.person = replace(Person(), scopes=frozenset({"accounts:read", "unheard:of"}))
    request = app.request(scope="accounts:read transfers:write openid")
    await h.authorize(**request)
    assert set(h.pages.view.scopes) == {"accounts:read", "openid"}
    assert set(answer(await app.decide("allow"))) >= {"code"}
    (consent,) = await h.issuer.store.consents_of("user-1")
    assert set(consent.scopes) == {"accounts:read", "openid"}
    (grant,) = await h.issuer.store.grants_of("user-1", h.clock.time())
    assert grant.scope == ("accounts:read", "openid")
    # Remembered or not: what was narrowed is what is granted.
    assert set(answer(await h.authorize(**request))) >= {"code"}


@lived
async def test_what_groups_took_away_while_the_page_was_open_is_not_granted(h: House):
    app = await h.client("web", "accounts:read", "transfers:write")
    await h.authorize(**app.request(scope="accounts:read transfers:write"))
    h.browser.person = replace(Person(), scopes=frozenset({"accounts:read"}))
    assert set(answer(await app.decide("allow"))) >= {"code"}
    (grant,) = await h.issuer.store.grants_of("user-1", h.clock.time())
    assert grant.scope == ("accounts:read",)


@lived
async def test_whose_groups_give_nothing_of_it_allows_nothing(h: House):
    app = await h.client("web", "accounts:read", "openid")
    for scopes in ((), ("shared",), ("openid",)):
        h.browser.person = replace(Person(), scopes=frozenset(scopes))
        refused = await h.authorize(**app.request(scope="accounts:read openid"))
        assert answer(refused)["error"] == "access_denied"
    await h.authorize(**app.request(scope="openid"))  # that they signed in is theirs to tell
    assert set(h.pages.view.scopes) == {"openid"}
