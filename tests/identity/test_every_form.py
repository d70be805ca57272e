"""Every form that people can send, sent badly: a page says what is wrong, and nothing is half done."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

import tokenward.identity
from identity.house import SESSION, App, shown
from identity.op import OpenIdProvider
from identity.test_account import facts, hidden
from identity.test_passkey_step import Offer, holder
from issuer import test_every_form as of_the_issuer
from tokenward.identity.csrf import FORM_LIFETIME
from tokenward.identity.links import LIFETIMES
from tokenward.identity.sessions import SessionLimits
from tokenward.store.people_records import UpstreamLink
from tokenward.tokens import base64url

TEMPLATES = Path(tokenward.identity.__file__).parent / "templates"
NEW = "a harbour full of lanterns"


@dataclass
class Filled:
    """A form as its page has it and a person fills it in, and the browser that would send it."""

    browser: object
    path: str
    fields: dict
    needs: list = field(default_factory=list)
    """Of its fields, those without which it means nothing."""

    def comes_again(self, answer):
        """The page says what is wrong, and has the form once more, freshly made."""
        assert 400 <= answer.status_code < 500, answer.text
        assert 'class="problem"' in answer.text
        assert hidden(answer, self.path)["form"] != self.fields["form"]

    async def send(self, *more, **changed):
        known = {name: value for name, value in (self.fields | changed).items() if value is not None}
        return await self.browser.post(
            self.path,
            content=urlencode([*known.items(), *more]),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )


async def at(browser, page, path, needs=(), **typed):
    fields = hidden(await browser.get(page), path)
    return Filled(browser, path, {**fields, **typed}, [*needs])


async def the_sign_in(house):
    return await at(
        house.browser(),
        "/sign-in",
        "/sign-in",
        ["username", "password"],
        username="alice",
        password=house.password,
    )


async def the_code(house):
    app, browser = await house.app(), house.browser()
    await house.sign_in(browser)
    return await at(browser, "/sign-in/code", "/sign-in/code", ["code"], code=app.code())


async def the_passkey(house):
    key, browser = await holder(house), house.browser()
    location = (await house.sign_in(browser)).headers["location"]
    offer = Offer(await browser.get(location))
    fields = {"form": offer.field, "credential": key.use(offer.challenge)}
    return Filled(browser, "/sign-in/passkey", fields, ["credential"])


async def the_link(house):
    link = (await house.parts.links.new(house.alice.user_id, "invite")).reveal()
    path = urlsplit(link)._replace(scheme="", netloc="").geturl()
    return await at(
        house.browser(), path, "/sign-in/link", ["token", "password", "again"], password=NEW, again=NEW
    )


async def the_forgotten(house):
    return await at(
        house.browser(), "/sign-in/forgotten", "/sign-in/forgotten", ["username"], username="alice"
    )


async def the_provider(house):
    return await at(house.browser(), "/sign-in", "/sign-in/with/corp")


def of_the_account(page, path, needs=(), **typed):
    async def form(house):
        browser = house.browser()
        await house.sign_in(browser)
        return await at(browser, page, path, needs, **typed)

    return form


async def the_end_of_another_session(house):
    await house.sign_in(house.browser())
    return await of_the_account("/account", "/account/sessions/end")(house)


async def the_end_of_other_sessions(house):
    await house.sign_in(house.browser())
    return await of_the_account("/account", "/account/sessions/end-others")(house)


async def the_withdrawal(house):
    await house.store.add_consent(house.alice.user_id, "app", "aud", ["read"], house.clock.time())
    return await of_the_account("/account", "/account/applications/withdraw")(house)


async def the_new_passkey(house):
    browser = house.browser()
    await house.sign_in(browser)
    page = await browser.get("/account/passkeys")
    options = json.loads(shown(page, r'data-create="([^"]+)"'))
    key = await holder(house)
    await house.store.remove_passkey(house.alice.user_id, key.id)
    path = "/account/passkeys/add"
    credential = key.create(base64url.decode(options["challenge"]))
    return Filled(browser, path, {**hidden(page, path), "credential": credential}, ["credential"])


def of_ones_passkey(action, needs=(), **typed):
    async def form(house):
        key, browser = await holder(house), house.browser()
        location = (await house.sign_in(browser)).headers["location"]
        offer = Offer(await browser.get(location))
        sent = {"form": offer.field, "credential": key.use(offer.challenge), "continue": "/account"}
        assert (await browser.post("/sign-in/passkey", data=sent)).status_code == 303
        return await at(browser, "/account/passkeys", f"/account/passkeys/{action}", needs, **typed)

    return form


async def the_new_app(house):
    browser = house.browser()
    await house.sign_in(browser)
    page = await browser.get("/account/authenticator")
    app = App(shown(page, r"<code>([A-Z2-7]{32})</code>"), house.clock)
    path = "/account/authenticator/add"
    return Filled(browser, path, {**hidden(page, path), "code": app.code()}, ["code", "offer"])


def with_an_app(page, path):
    async def form(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in(browser)
        await house.code(browser, app.code())
        return await at(browser, page, path)

    return form


async def the_unlinking(house):
    await house.store.add_upstream_link(UpstreamLink("corp", "corp-1", house.alice.user_id, 1.0))
    return await of_the_account("/account/providers", "/account/providers/unlink")(house)


FORMS = {
    "/sign-in": the_sign_in,
    "/sign-in/code": the_code,
    "/sign-in/passkey": the_passkey,
    "/sign-in/link": the_link,
    "/sign-in/forgotten": the_forgotten,
    "/sign-in/with/{{ each.name }}": the_provider,
    "/sign-out": of_the_account("/account", "/sign-out"),
    "/account/sessions/end": the_end_of_another_session,
    "/account/sessions/end-others": the_end_of_other_sessions,
    "/account/applications/withdraw": the_withdrawal,
    "/account/password/change": of_the_account(
        "/account/password", "/account/password/change", ["password", "again"], password=NEW, again=NEW
    ),
    "/account/passkeys/add": the_new_passkey,
    "/account/passkeys/rename": of_ones_passkey("rename", ["name"], name="blue key"),
    "/account/passkeys/remove": of_ones_passkey("remove"),
    "/account/authenticator/add": the_new_app,
    "/account/authenticator/remove": with_an_app("/account/authenticator", "/account/authenticator/remove"),
    "/account/recovery-codes/make": with_an_app("/account/recovery-codes", "/account/recovery-codes/make"),
    "/account/providers/link": of_the_account("/account/providers", "/account/providers/link"),
    "/account/providers/unlink": the_unlinking,
}


UNSOUND = {
    ("/sign-in/link", "token"): "whoever has no token may not know whose page it is: a page that says so",
}
"""Forms that do not come again without a field that can be read, and why."""


@pytest.fixture
def sent(visit, monkeypatch):
    """Fill in a form and do something with it; what the house is like must be the same afterwards, or not."""
    # What is too old is to be refused for that and for nothing else.
    monkeypatch.setattr("tokenward.identity.account.door.FRESH", 2.0 * FORM_LIFETIME)
    monkeypatch.setattr("tokenward.identity.account.authenticator.OFFER_LIFETIME", 2.0 * FORM_LIFETIME)
    monkeypatch.setattr("tokenward.identity.pending.LIFETIME", 2.0 * FORM_LIFETIME)
    monkeypatch.setitem(LIFETIMES, "invite", 2.0 * FORM_LIFETIME)

    def run(form, act, *, changes):
        provider = OpenIdProvider()

        async def story(house):
            provider.clock = house.clock
            claims = {"email": "alice@example.com", "email_verified": True}
            await house.store.change_user_claims(house.alice.user_id, claims, 1.0)
            filled = await FORMS[form](house)

            async def state():
                letters = await house.mailbox.settled()
                user_id = house.alice.user_id
                more = await house.store.upstream_links(user_id), await house.store.user_claims(user_id)
                cookies = {name: value for name, value in filled.browser.cookies.items() if "session" in name}
                return await facts(house), more, cookies, len(letters)

            before = await state()
            answer = await act(house, filled)
            if changes:
                assert answer.status_code in {200, 303}, answer.text
                leaves = "location" in answer.headers and "//" in answer.headers["location"]
                assert leaves or await state() != before
            else:
                filled.comes_again(answer)
                assert await state() == before
                assert SESSION not in answer.cookies

        limits = SessionLimits(9.0 * FORM_LIFETIME, 9.0 * FORM_LIFETIME)
        visit(story, mail=True, limits=limits, upstream=[provider.connection()])

    return run


def test_every_form_of_every_template_is_here():
    actions = {
        action
        for template in TEMPLATES.glob("*.html")
        for action in re.findall(r'<form[^>]* action="([^"]+)"', template.read_text("utf-8"))
    }
    endings = re.findall(r'ending\("([^"]+)"', (TEMPLATES / "account.html").read_text("utf-8"))
    assert FORMS.keys() == (actions | set(endings)) - {"{{ action }}", "{{ view.action }}"}
    of_views = {
        each.name for each in TEMPLATES.glob("*.html") if "{{ view.action }}" in each.read_text("utf-8")
    }
    assert of_views == of_the_issuer.FORMS.keys()


@pytest.mark.parametrize("form", FORMS)
def test_sent_as_it_is_it_does_what_it_is_for(sent, form):
    async def act(_house, filled):
        return await filled.send()

    sent(form, act, changes=True)


FIELDS = {
    "missing": {"form": None},
    "empty": {"form": ""},
    "forged": {"form": "A" * 80},
    "no base64url": {"form": "*"},
    "oversized": {"form": "A" * 300_000},
}


@pytest.mark.parametrize("fault", FIELDS)
@pytest.mark.parametrize("form", FORMS)
def test_with_a_hidden_field_that_is_not_its_own_it_does_nothing(sent, form, fault):
    async def act(_house, filled):
        return await filled.send(**FIELDS[fault])

    sent(form, act, changes=False)


@pytest.mark.parametrize("form", FORMS)
def test_with_a_hidden_field_of_another_browser_it_does_nothing(sent, form):
    async def act(house, filled):
        other = await FORMS["/sign-in"](house)
        return await filled.send(form=other.fields["form"])

    sent(form, act, changes=False)


@pytest.mark.parametrize("form", FORMS)
def test_after_an_hour_it_does_nothing(sent, form):
    async def act(house, filled):
        house.clock.advance(FORM_LIFETIME + 1)
        return await filled.send()

    sent(form, act, changes=False)


@pytest.mark.parametrize("form", FORMS)
def test_with_any_field_twice_it_does_nothing(sent, form):
    async def act(_house, filled):
        answers = [await filled.send((name, value)) for name, value in filled.fields.items()]
        assert {answer.status_code for answer in answers} == {400}
        for answer in answers:
            filled.comes_again(answer)
        return answers[0]

    sent(form, act, changes=False)


@pytest.mark.parametrize("form", FORMS)
def test_without_a_field_or_with_far_too_much_in_it_it_does_nothing(sent, form):
    async def act(house, filled):
        answer = await filled.send(form=None)
        for name in filled.needs:
            for value in (None, "x" * 300_000, "\0"):
                answer = await filled.send(**{name: value})
                if (filled.path, name) in UNSOUND:
                    assert 400 <= answer.status_code < 500, (name, value, answer.status_code)
                    assert 'class="problem"' in answer.text
                    assert "<form" not in answer.text
                else:
                    filled.comes_again(answer)
        return await filled.send(form=None)

    sent(form, act, changes=False)


OF_THE_ACCOUNT = [form for form in FORMS if form.startswith("/account/")]


@pytest.mark.parametrize(
    "fault", [{}, {"form": "A" * 80}, {"form": "A" * 300_000}], ids=["none", "forged", "big"]
)
@pytest.mark.parametrize("form", [*OF_THE_ACCOUNT, "/sign-in/code"])
def test_without_the_session_or_sign_in_behind_it_the_sign_in_page_says_so(visit, form, fault):
    provider = OpenIdProvider()

    async def story(house):
        provider.clock = house.clock
        filled = await FORMS[form](house)
        filled.browser.cookies.delete(SESSION)
        filled.browser.cookies.delete("__Host-tokenward_pending")
        before = await facts(house)
        answer = await filled.send(**fault)
        page = await filled.browser.get(answer.headers["location"]) if answer.is_redirect else answer
        assert 'action="/sign-in"' in page.text
        assert 'class="problem"' in page.text
        assert await facts(house) == before

    visit(story, mail=True, upstream=[provider.connection()])
