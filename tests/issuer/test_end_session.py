"""Signing out at an application's request: who is asked, who is believed, and where people are sent."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from issuer.house import URL, House, Person, lived
from tokenward.store.records import RelyingParty

BYE = "https://app.example/bye"
PARTY = RelyingParty(post_logout_redirect_uris=(BYE, "https://app.example/bye?a=1"))
BEN = Person("user-2", "ben", "session-2")


async def signed_in(h: House, openid=PARTY, **policy):
    """An app, and the ID token of a sign-in to it in the browser's session."""
    app = await h.client("web", "openid", openid=openid, **policy)
    return app, (await app.redeem(await app.code(prompt="consent"))).json()["id_token"]


async def asked(h: House, **parameters: str):
    return await h.http.get("/end-session?" + urlencode(parameters))


async def is_live(h: House) -> bool:
    return await h.issuer.store.session("session-1") is not None


async def decide(h: House, decision: str, headers=None, **changes: str):
    form = {"request": h.pages.view.sealed_request, "decision": decision, **changes}
    return await h.http.post("/end-session/decision", data=form, headers=headers)


@lived
async def test_without_a_hint_the_person_is_asked_and_then_sent_back(h: House):
    app, _ = await signed_in(h)
    page = await asked(h, client_id=app.id, post_logout_redirect_uri=BYE, state="s 1")
    assert (page.status_code, page.text) == (200, "sign out?")
    assert (h.pages.view.username, h.pages.view.client_name) == ("ada", "An app")
    assert await is_live(h)
    done = await decide(h, "allow")
    assert (done.status_code, done.headers["location"]) == (303, f"{BYE}?state=s+1")
    assert "Max-Age=0" in done.headers["set-cookie"]
    assert not await is_live(h)


@lived
async def test_whoever_says_no_stays(h: House):
    app, _ = await signed_in(h)
    await asked(h, client_id=app.id, post_logout_redirect_uri=BYE)
    assert (await decide(h, "deny")).headers["location"] == "/account"
    assert (await decide(h, "perhaps")).status_code == 400
    assert await is_live(h)


@lived
async def test_the_application_of_this_session_is_believed_at_once(h: House):
    _, hint = await signed_in(h)
    done = await asked(h, id_token_hint=hint, post_logout_redirect_uri=BYE, state="s-1")
    assert (done.status_code, done.headers["location"]) == (303, f"{BYE}?state=s-1")
    assert not await is_live(h)


@lived
async def test_an_address_with_a_query_gets_the_state_behind_it(h: House):
    _, hint = await signed_in(h)
    done = await asked(
        h, id_token_hint=hint, post_logout_redirect_uri="https://app.example/bye?a=1", state="&b"
    )
    assert done.headers["location"] == "https://app.example/bye?a=1&state=%26b"


@lived
async def test_a_hint_of_another_session_or_person_ends_nothing_unasked(h: House):
    _, old = await signed_in(h)
    h.browser.person = Person(session_id="session-9")
    _app, _ = await signed_in(h)
    assert (await asked(h, id_token_hint=old)).text == "sign out?", "an earlier session of Ada"
    h.browser.person = BEN
    assert (await asked(h, id_token_hint=old)).text == "sign out?", "Ada's, and Ben is signed in"
    assert await is_live(h)
    assert await h.issuer.store.session("session-9") is not None


@lived
async def test_the_hint_of_another_client_is_refused(h: House):
    _, hint = await signed_in(h)
    other, _ = await signed_in(h)
    refused = await asked(h, id_token_hint=hint, client_id=other.id, post_logout_redirect_uri=BYE)
    assert (refused.status_code, refused.text) == (400, "malformed_request")
    assert await is_live(h)


@lived
async def test_a_hint_that_cannot_be_believed_means_being_asked(h: House):
    app, hint = await signed_in(h)
    for said in ("x.y.z", hint[:-4] + "AAAA"):
        page = await asked(h, id_token_hint=said, client_id=app.id, post_logout_redirect_uri=BYE)
        assert page.text == "sign out?"
    assert await is_live(h)


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/",
        f"{BYE}/",
        f"{BYE}?x=1",
        "https://app.example/BYE",
        "https://app.example/cb",
        "//app.example/bye",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(uri, tmp_path):
    @lived
    async def refused(h: House):
        app, hint = await signed_in(h)
        for parameters in ({"client_id": app.id}, {"id_token_hint": hint}, {}):
            answer = await asked(h, post_logout_redirect_uri=uri, **parameters)
            assert (answer.status_code, answer.text) == (400, "unregistered_redirect")
        assert await is_live(h), "nothing was ended"
        h.browser.person = None
        assert (await asked(h, post_logout_redirect_uri=uri, id_token_hint=hint)).status_code == 400

    refused(tmp_path)


@lived
async def test_an_address_of_another_client_is_refused(h: House):
    await signed_in(h)
    other = await h.client("web", "openid")
    refused = await asked(h, client_id=other.id, post_logout_redirect_uri=BYE)
    assert refused.text == "unregistered_redirect"
    assert (await asked(h, client_id="nobody")).text == "unknown_client"


@lived
async def test_another_site_cannot_send_the_form(h: House):
    app, _ = await signed_in(h)
    await asked(h, client_id=app.id)
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert (await decide(h, "allow", headers=headers)).status_code == 400
    assert (await decide(h, "allow", request="forged")).status_code == 400
    assert (await h.http.post("/end-session/decision", data={"decision": "allow"})).status_code == 400
    assert await is_live(h)


@lived
async def test_the_form_of_another_session_or_another_page_is_refused(h: House):
    app, _ = await signed_in(h)
    await h.authorize(**app.request(prompt="consent"))
    assert (await decide(h, "allow")).text == "sign out? expired_form", "a consent form"
    await asked(h, client_id=app.id)
    its = h.pages.view.sealed_request
    h.browser.person = BEN
    assert (await decide(h, "allow", request=its)).text == "sign out? expired_form"
    assert h.pages.view.client_name == "", "what it was about is between Ada and us"
    h.browser.person = Person()
    h.clock.advance(600)
    assert (await decide(h, "allow", request=its)).text == "sign out? expired_form"
    assert h.pages.view.client_name == "An app"
    assert await is_live(h)


@lived
async def test_who_is_signed_out_already_goes_back_by_a_hint_and_else_by_a_link(h: House):
    app, hint = await signed_in(h)
    h.browser.person = None
    back = await asked(h, id_token_hint=hint, post_logout_redirect_uri=BYE)
    assert back.headers["location"] == BYE
    page = await asked(h, client_id=app.id, post_logout_redirect_uri=BYE, state="s")
    assert (page.status_code, page.text) == (200, f"signed out An app {BYE}?state=s")
    assert (await asked(h)).text == "signed out  "
    form = {"decision": "allow", "request": "x"}
    assert (await h.http.post("/end-session/decision", data=form)).text == "expired_form"


@lived
async def test_a_post_is_turned_into_a_get_that_has_our_cookies(h: House):
    app, _ = await signed_in(h)
    sent = await h.http.post(
        "/end-session",
        data={"client_id": app.id, "state": "a b"},
        headers={"origin": "https://app.example"},
    )
    assert sent.status_code == 303
    parts = urlsplit(sent.headers["location"])
    assert (parts.netloc, parts.path) == ("", "/end-session")
    assert parse_qs(parts.query) == {"client_id": [app.id], "state": ["a b"]}
    assert await is_live(h)


@lived
async def test_who_has_to_sign_out_at_a_provider_too_is_led_there(h: House):
    _, hint = await signed_in(h)
    h.browser.onwards = "https://corp.example/end"
    done = await asked(h, id_token_hint=hint, post_logout_redirect_uri=BYE)
    assert done.headers["location"] == "https://corp.example/end"


@lived
async def test_what_cannot_be_read_ends_nothing(h: House):
    app, hint = await signed_in(h)
    assert (
        await asked(h, client_id=app.id, post_logout_redirect_uri=BYE, state="x" * 1025)
    ).status_code == 400
    assert (await h.http.get(f"/end-session?id_token_hint={hint}&id_token_hint={hint}")).status_code == 400
    assert (await asked(h, id_token_hint=hint, x="x" * 4096)).status_code == 413
    assert await is_live(h)
    assert (await h.http.get("/.well-known/openid-configuration")).json()[
        "end_session_endpoint"
    ] == f"{URL}/end-session"
