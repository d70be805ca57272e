"""Every form of the issuer's own pages, sent badly: a page says what is wrong, and nothing is half done.

`tests/identity/test_every_form.py` is the same for the forms of people.
"""

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode

import pytest

from issuer.devices import asking, tv
from issuer.house import BANK, House, lived
from tokenward.identity.pages import Pages
from tokenward.issuer.session_forms import LIFETIME

UNREADABLE = "what was asked for can only be read in the field `request`: a page that says so"
FIRST_PAGE = "only a code that is typed leads to what a device asks for: the page that asks for it"


@dataclass
class Filled:
    """A form as its page has it and a person fills it in; and the form that comes again."""

    path: str
    fields: dict
    again: str


def hidden(page, path):
    return unescape(re.search(rf'action="{path}".*?name="request" value="([^"]+)"', page.text, re.DOTALL)[1])


async def the_consent(h):
    app = await h.client("web", "accounts:read")
    page = await h.authorize(**app.request())
    path = "/authorize/decision"
    return Filled(path, {"request": hidden(page, path), "decision": "allow"}, path)


async def the_code(h):
    device = await asking(await tv(h))
    page = await h.http.get("/device")
    return Filled("/device", {"request": hidden(page, "/device"), "user_code": device.user_code}, "/device")


async def the_device(h):
    code = await the_code(h)
    page = await h.http.post(code.path, data=code.fields)
    path = "/device/decision"
    return Filled(path, {"request": hidden(page, path), "decision": "allow"}, "/device")  # FIRST_PAGE


async def the_sign_out(h):
    page = await h.http.get("/end-session")
    path = "/end-session/decision"
    return Filled(path, {"request": hidden(page, path), "decision": "allow"}, path)


FORMS = {
    "consent.html": the_consent,
    "device.html": the_code,
    "device_consent.html": the_device,
    "sign_out.html": the_sign_out,
}

FAULTS = {
    "missing": lambda name, fields: {**fields, name: None},
    "empty": lambda name, fields: {**fields, name: ""},
    "forged": lambda name, fields: {**fields, name: "A" * 80},
    "with a control character": lambda name, fields: {**fields, name: "\0"},
    "oversized": lambda name, fields: {**fields, name: "x" * 300_000},
    "repeated": lambda name, fields: [*fields.items(), (name, fields[name])],
    "repeated, another first": lambda name, fields: [(name, "x"), *fields.items()],
}
GONE = {("consent.html", "request", fault): UNREADABLE for fault in FAULTS if fault != "repeated"}


async def state(h):
    person = h.browser.person
    consented = await h.issuer.store.consented_scope(person.user_id, "app", BANK)
    live = await h.issuer.store.session(person.session_id)
    return consented, await h.issuer.store.grants_of(person.user_id, h.clock.time()), live is not None


async def sent(h, filled, fields):
    known = fields.items() if isinstance(fields, dict) else fields
    content = urlencode([(name, value) for name, value in known if value is not None])
    media_type = {"content-type": "application/x-www-form-urlencoded"}
    return await h.http.post(filled.path, content=content, headers=media_type)


def furnished(h):
    object.__setattr__(h.issuer, "pages", Pages("Example"))


def comes_again(answer, filled):
    assert 400 <= answer.status_code < 500, answer.text
    assert 'class="problem"' in answer.text
    assert hidden(answer, filled.again) != filled.fields["request"]


@pytest.mark.parametrize("form", FORMS)
def test_sent_as_it_is_it_does_what_it_is_for(tmp_path, form):
    @lived
    async def story(h: House):
        furnished(h)
        filled = await FORMS[form](h)
        answer = await sent(h, filled, filled.fields)
        assert answer.status_code in {200, 303}
        assert 'class="problem"' not in answer.text

    story(tmp_path)


@lived
async def test_sent_twice_the_consent_comes_again_and_says_so(h: House):
    furnished(h)
    filled = await the_consent(h)
    await sent(h, filled, filled.fields)
    before = await state(h)
    again = await sent(h, filled, filled.fields)
    assert again.status_code == 409
    assert "You have answered this already" in again.text
    comes_again(again, filled)
    assert await state(h) == before


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("form", FORMS)
def test_with_a_fault_in_any_field_it_does_nothing_and_comes_again(tmp_path, form, fault):
    @lived
    async def story(h: House):
        furnished(h)
        filled = await FORMS[form](h)
        before = await state(h)
        for name in filled.fields:
            answer = await sent(h, filled, FAULTS[fault](name, filled.fields))
            if (form, name, fault) in GONE:
                assert 400 <= answer.status_code < 500
                assert 'class="problem"' in answer.text
                assert "<form" not in answer.text
            else:
                comes_again(answer, filled)
            assert await state(h) == before

    story(tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_too_old_it_does_nothing_and_comes_again(tmp_path, form):
    @lived
    async def story(h: House):
        furnished(h)
        filled = await FORMS[form](h)
        before = await state(h)
        h.clock.advance(LIFETIME)
        comes_again(await sent(h, filled, filled.fields), filled)
        assert await state(h) == before

    story(tmp_path)
