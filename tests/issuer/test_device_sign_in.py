"""A device that wants a better or fresher sign-in of whoever lets it in."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from issuer.devices import asking, decide, enter, tv
from issuer.house import House, Person, error, lived
from issuer.test_authorize import aim
from issuer.test_device_code import PENDING
from tokenward.tokens import base64url
from tokenward.tokens.acr import ACR

TWO = {"acr_values": f"unknown {ACR['two-factor']} phr"}


def told(tokens):
    """The claims of the ID token."""
    return json.loads(base64url.decode(tokens.json()["id_token"].split(".")[1]))


@lived
async def test_what_is_missing_is_asked_for_once_the_code_is_known(h: House):
    h.browser.person = Person(auth_time=h.clock.time() - 50)
    device = await asking(await tv(h), "openid accounts:read", **TWO, max_age="300")
    sent = await enter(h, device.user_code)
    assert (sent.status_code, aim(sent)["level"]) == (303, "two-factor")
    # As in the code flow: a password that is older than half of that would soon be too old.
    assert float(aim(sent)["since"]) == h.clock.time() - 150
    back = aim(sent)["continue"]
    assert urlsplit(back).path == "/device"
    assert parse_qs(urlsplit(back).query)["user_code"] == [device.user_code]
    h.clock.advance(20)
    h.browser.person = Person(amr=("pwd", "otp"), auth_time=h.clock.time() - 60)
    assert (await enter(h, device.user_code, at=back)).text == "device consent"
    assert (await decide(h, "allow")).text == "allowed"
    claims = told(await device.poll())
    assert (claims["acr"], claims["auth_time"]) == (ACR["two-factor"], int(h.clock.time() - 60))


@lived
async def test_who_has_done_enough_is_sent_nowhere(h: House):
    h.browser.person = Person(amr=("pwd", "otp"), auth_time=h.clock.time() - 300)
    device = await asking(await tv(h), **TWO, max_age="300")
    assert (await enter(h, device.user_code)).text == "device consent"
    h.browser.person = Person(auth_time=1.0)
    device = await asking(await tv(h), acr_values="urn:example:gold")
    assert (await enter(h, device.user_code)).text == "device consent", "a level that nobody knows"


@pytest.mark.parametrize(
    ("asked", "amr", "age", "problem"),
    [
        (TWO, ("pwd",), 0, "unmet_authentication_requirements"),
        ({"max_age": "60"}, ("pwd", "otp"), 61, "login_required"),
        ({"max_age": "0"}, ("pwd", "otp"), 1, "login_required"),
        ({**TWO, "max_age": "60"}, ("pwd", "otp"), 61, "login_required"),
    ],
    ids=["weak", "old", "older", "strong-but-old"],
)
def test_who_comes_back_without_it_is_told_and_may_try_again(tmp_path, asked, amr, age, problem):
    @lived
    async def story(h: House):
        h.browser.person = Person(amr=amr, auth_time=h.clock.time() - age)
        device = await asking(await tv(h), **asked)
        back = aim(await enter(h, device.user_code))["continue"]
        page = await enter(h, device.user_code, at=back)
        assert (page.status_code, page.text) == (400, f"device {problem}")
        form = {"request": h.pages.view.sealed_request, "user_code": device.user_code}
        assert (await h.http.post("/device", data=form)).status_code == 303, "another try"
        assert error(await device.poll()) == PENDING

    story(tmp_path)


@lived
async def test_the_mark_of_a_sign_in_cannot_be_made_or_moved_to_another_device(h: House):
    caller = await tv(h)
    first, second = await asking(caller, max_age="0"), await asking(caller, max_age="0")
    back = aim(await enter(h, first.user_code))["continue"]
    mark = parse_qs(urlsplit(back).query)["started"][0]
    h.browser.person = Person(auth_time=h.clock.time() + 1)
    h.clock.advance(2)
    assert (await enter(h, second.user_code, at=back)).status_code == 303
    for forged in ("x", mark[4:], "x" * 5000):
        moved = back.replace(mark, forged)
        assert (await enter(h, first.user_code, at=moved)).status_code == 303, forged[:9]


@lived
async def test_a_session_that_shows_less_by_now_lets_nothing_in(h: House):
    h.browser.person = Person(amr=("pwd", "otp"), auth_time=h.clock.time())
    device = await asking(await tv(h), **TWO)
    assert (await enter(h, device.user_code)).text == "device consent"
    h.browser.person = Person(amr=("pwd",), auth_time=h.clock.time())
    assert (await decide(h, "allow")).text == "device expired_form"
    assert error(await device.poll()) == PENDING
