"""Passkeys on the way to a session: alone, after a password, and for what only a passkey is good enough."""

import json
import secrets
from urllib.parse import quote, urlsplit

import pytest

from identity.authenticator import ES256, Authenticator, cbor, cose, new_key
from identity.house import BACK, BEFORE, SESSION, shown
from tokenward.base.problems import EXPIRED_FORM, PASSKEY_REFUSED
from tokenward.base.secret import Secret
from tokenward.identity.csrf import FORM_LIFETIME
from tokenward.identity.people import add_user
from tokenward.store.people_records import Passkey
from tokenward.tokens import base64url

PASSKEY = ("swk", "user", "mfa")
AGAIN = f"/sign-in?continue={quote(BACK, safe='')}&again=1"


async def holder(house, user=None, sign_count=0, **kept):
    """An authenticator with a passkey that is kept for the person."""
    user = user or house.alice
    key = Authenticator(new_key(ES256), user.user_id.encode())
    passkey = Passkey(
        credential_id=key.id,
        user_id=user.user_id,
        public_key=cbor(cose(key.key)),
        sign_count=sign_count,
        name="laptop",
        transports=("internal",),
        aaguid="00000000-0000-0000-0000-000000000000",
        backup_eligible=True,
        backed_up=True,
        created_at=house.clock.time(),
    )
    assert await house.store.add_passkey(passkey)
    return key


async def person_called(house, name):
    return await add_user(
        house.store, name, Secret(house.password), passwords=house.passwords, clock=house.clock
    )


class Offer:
    """The form for a passkey on a page."""

    def __init__(self, page):
        assert page.status_code in {200, 400, 403}
        form = page.text.partition('class="passkey"')[2]
        self.options = json.loads(shown_in(form, r'data-get="([^"]+)"'))
        self.field = shown_in(form, r'name="form" value="([^"]+)"')
        self.challenge = base64url.decode(self.options["challenge"])
        self.allowed = [each["id"] for each in self.options["allowCredentials"]]


def shown_in(text, pattern):
    class Page:
        pass

    page = Page()
    page.text = text
    return shown(page, pattern)


async def use(browser, path, key, /, **said):
    """Answer the page with the key, well or badly; `fields` replace those of the form."""
    fields = said.pop("fields", {})
    offer = Offer(await browser.get(path))
    form = {"form": offer.field, "credential": key.use(offer.challenge, **said), "continue": BACK}
    return await browser.post("/sign-in/passkey", data=form | fields)


async def refused(house, browser, answer, problem=PASSKEY_REFUSED):
    assert (answer.status_code, problem.text in answer.text) == (problem.status, True)
    assert 'role="alert"' in answer.text
    assert SESSION not in browser.cookies
    assert await house.sessions() == []


def test_a_passkey_alone_signs_in_and_is_two_factors(visit):
    async def story(house):
        key, browser = await holder(house), house.browser()
        offer = Offer(await browser.get(AGAIN))
        assert offer.allowed == []
        assert (await use(browser, AGAIN, key)).headers["location"] == BACK
        person = await house.person(browser)
        assert [proof.amr for proof in person.proofs] == [PASSKEY]
        assert person.authentication(level="phishing-resistant")

    visit(story)


def test_after_a_password_a_passkey_of_that_person_is_asked_for_which_need_not_say_whose_it_is(visit):
    async def story(house):
        key, browser = await holder(house), house.browser()
        location = (await house.sign_in(browser)).headers["location"]
        assert urlsplit(location).path == "/sign-in/code"
        assert Offer(await browser.get(location)).allowed == [key.id]
        # A security key that keeps nothing of the person leaves it out (WebAuthn Level 3 §7.2 step 6).
        answer = await use(browser, location, key, response={"userHandle": None})
        assert answer.headers["location"] == BACK
        assert [proof.amr for proof in (await house.person(browser)).proofs] == [("pwd",), PASSKEY]

    visit(story)


def test_where_nobody_was_named_a_passkey_has_to_say_whose_it_is(visit):
    async def story(house):
        key, browser = await holder(house), house.browser()
        await refused(house, browser, await use(browser, AGAIN, key, response={"userHandle": None}))

    visit(story)


def test_another_persons_passkey_is_no_second_step(visit):
    async def story(house):
        await holder(house)
        theirs = await holder(house, await person_called(house, "bob"))
        browser = house.browser()
        location = (await house.sign_in(browser)).headers["location"]
        answer = await use(browser, location, theirs)
        await refused(house, browser, answer)
        assert SESSION not in browser.cookies

    visit(story)


def test_a_form_that_names_a_person_is_good_for_nobody_else(visit):
    async def story(house):
        key = await holder(house)
        browser = house.browser()
        location = (await house.sign_in(browser)).headers["location"]
        offer = Offer(await browser.get(location))
        await browser.get("/sign-in?again=1")  # now nobody is named
        form = {"form": offer.field, "credential": key.use(offer.challenge), "continue": BACK}
        await refused(house, browser, await browser.post("/sign-in/passkey", data=form), EXPIRED_FORM)

    visit(story)


def test_a_second_step_whose_passkeys_are_gone_takes_none(visit, monkeypatch):
    async def story(house):
        await holder(house)
        browser = house.browser()
        location = (await house.sign_in(browser)).headers["location"]
        offer = Offer(await browser.get(location))
        theirs = await holder(house, await person_called(house, "bob"))

        async def gone(_user_id):
            return []

        monkeypatch.setattr(house.store, "passkeys", gone)
        form = {"form": offer.field, "credential": theirs.use(offer.challenge), "continue": BACK}
        await refused(house, browser, await browser.post("/sign-in/passkey", data=form), EXPIRED_FORM)

    visit(story)


def test_what_only_a_passkey_is_good_enough_for_asks_for_one_and_can_be_left(visit):
    async def story(house):
        key, browser = await holder(house), house.browser()
        app = await house.app()
        await house.sign_in_fully(browser, app)
        old = browser.cookies[SESSION]
        url = house.identity.sign_in.sign_in_url(BACK, level="phishing-resistant")
        location = (await browser.get(url)).headers["location"]
        assert urlsplit(location).path == "/sign-in/passkey"
        page = await browser.get(location)
        assert Offer(page).allowed == [key.id]
        assert f'href="{BACK.replace("&", "&amp;")}"' in page.text
        answer = await use(browser, location, key, fields={"level": "phishing-resistant"})
        assert answer.headers["location"] == BACK
        assert (await house.person(browser)).authentication(level="phishing-resistant")
        assert await house.person_behind(f"{SESSION}={old}") is None

    visit(story)


def test_the_page_for_a_passkey_is_nobodys_who_need_not_have_one(visit):
    async def story(house):
        await holder(house)
        browser = house.browser()
        answer = await browser.get(f"/sign-in/passkey?continue={quote(BACK, safe='')}")
        assert (answer.status_code, urlsplit(answer.headers["location"]).path) == (303, "/sign-in")

    visit(story)


def test_a_form_is_good_once(visit):
    async def story(house):
        key, browser = await holder(house), house.browser()
        offer = Offer(await browser.get(AGAIN))
        binding = browser.cookies[BEFORE]
        form = {"form": offer.field, "credential": key.use(offer.challenge), "continue": BACK}
        assert (await browser.post("/sign-in/passkey", data=form)).headers["location"] == BACK
        thief = house.browser()
        thief.cookies.set(BEFORE, binding, domain="id.example")
        answer = await thief.post("/sign-in/passkey", data=form)
        assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        assert SESSION not in thief.cookies

    visit(story)


@pytest.mark.parametrize("old", [False, True])
def test_a_form_is_of_one_browser_and_grows_old(visit, old):
    async def story(house):
        key, browser, other = await holder(house), house.browser(), house.browser()
        offer = Offer(await (browser if old else other).get(AGAIN))
        await browser.get(AGAIN)
        house.clock.advance(FORM_LIFETIME + 1 if old else 0)
        form = {"form": offer.field, "credential": key.use(offer.challenge), "continue": BACK}
        await refused(house, browser, await browser.post("/sign-in/passkey", data=form), EXPIRED_FORM)

    visit(story)


@pytest.mark.parametrize(
    "said",
    [
        {"client": {"challenge": base64url.encode(secrets.token_bytes(32))}},
        {"client": {"origin": "https://evil.example"}},
        {"client": {"type": "webauthn.create"}},
        {"client": {"crossOrigin": True}},
        {"rp_id": "evil.example"},
        {"flags": 0x01 | 0x18},  # nobody unlocked it
        {"key": new_key(ES256)},
        {"response": {"userHandle": base64url.encode(b"somebody else")}},
        {"whole": {"id": base64url.encode(secrets.token_bytes(32)), "rawId": None}},
        {"fields": {"credential": ""}},
        {"fields": {"credential": "{}"}},
        {"fields": {"credential": "[" * 5000}},
        {"fields": {"credential": "null"}},
    ],
)
def test_what_is_wrong_with_an_answer_is_refused_with_the_page_again(visit, said):
    async def story(house):
        key, browser = await holder(house), house.browser()
        answer = await use(browser, AGAIN, key, **said)
        await refused(house, browser, answer)
        # That page works.
        assert 'action="/sign-in/passkey"' in answer.text
        assert "This step needs a passkey" not in answer.text  # nothing asked for it
        offer = Offer(answer)
        form = {"form": offer.field, "credential": key.use(offer.challenge), "continue": BACK}
        assert (await browser.post("/sign-in/passkey", data=form)).headers["location"] == BACK

    visit(story)


def test_another_pages_challenge_is_refused(visit):
    async def story(house):
        key, browser = await holder(house), house.browser()
        first, second = Offer(await browser.get(AGAIN)), Offer(await browser.get(AGAIN))
        form = {"form": first.field, "credential": key.use(second.challenge), "continue": BACK}
        await refused(house, browser, await browser.post("/sign-in/passkey", data=form))

    visit(story)


def test_a_passkey_that_nobody_has_here_is_refused(visit):
    async def story(house):
        browser = house.browser()
        stranger = Authenticator(new_key(ES256), house.alice.user_id.encode())
        await refused(house, browser, await use(browser, AGAIN, stranger))

    visit(story)


def test_a_disabled_persons_passkey_says_no_more_than_an_unknown_one(visit):
    async def story(house):
        key, browser = await holder(house), house.browser()
        await house.store.disable_user(house.alice.user_id, house.clock.time())
        await refused(house, browser, await use(browser, AGAIN, key))

    visit(story)


@pytest.mark.parametrize("moment", ["passkey", "first_use", "use_passkey"])
def test_a_person_who_is_disabled_meanwhile_gets_no_session(visit, monkeypatch, moment):
    async def story(house):
        key, browser = await holder(house), house.browser()
        real = getattr(house.store, moment)

        async def slowly(*given, **named):
            found = await real(*given, **named)
            await house.store.disable_user(house.alice.user_id, house.clock.time())
            return found

        monkeypatch.setattr(house.store, moment, slowly)
        answer = await use(browser, AGAIN, key)
        assert answer.status_code == 403
        assert SESSION not in browser.cookies
        assert await house.sessions() == []

    visit(story)


def test_a_passkey_that_was_removed_meanwhile_does_not_sign_in(visit, monkeypatch):
    async def story(house):
        key, browser = await holder(house), house.browser()
        first_use = house.store.first_use

        async def slowly(*given, **named):
            await house.store.remove_passkey(house.alice.user_id, key.id)
            return await first_use(*given, **named)

        monkeypatch.setattr(house.store, "first_use", slowly)
        await refused(house, browser, await use(browser, AGAIN, key))

    visit(story)


@pytest.mark.parametrize(
    ("kept", "said", "good"), [(5, 6, True), (5, 5, False), (5, 4, False), (5, 0, False)]
)
def test_a_count_that_does_not_grow_is_refused(visit, kept, said, good):
    async def story(house):
        key, browser = await holder(house, sign_count=kept), house.browser()
        answer = await use(browser, AGAIN, key, count=said)
        if good:
            assert answer.headers["location"] == BACK
            assert (await house.store.passkey(key.id)).sign_count == said
        else:
            await refused(house, browser, answer)
            assert (await house.store.passkey(key.id)).sign_count == kept

    visit(story)


def test_copies_that_are_used_at_the_same_moment_sign_in_once(visit, monkeypatch):
    async def story(house):
        key, browser, copy = await holder(house, sign_count=5), house.browser(), house.browser()
        first_use = house.store.first_use

        async def slowly(*given, **named):  # after the count was read, before it is written
            monkeypatch.setattr(house.store, "first_use", first_use)
            assert (await use(copy, AGAIN, key, count=6)).headers["location"] == BACK
            return await first_use(*given, **named)

        monkeypatch.setattr(house.store, "first_use", slowly)
        answer = await use(browser, AGAIN, key, count=6)
        assert (answer.status_code, PASSKEY_REFUSED.text in answer.text) == (403, True)
        assert len(await house.sessions()) == 1

    visit(story)


def test_a_passkey_of_another_person_signs_them_in_and_ends_the_session_that_was_there(visit):
    async def story(house):
        key, browser = await holder(house, await person_called(house, "bob")), house.browser()
        await house.sign_in(browser)
        assert (await house.person(browser)).username == "alice"
        assert (await use(browser, AGAIN, key)).headers["location"] == BACK
        person = await house.person(browser)
        assert (person.username, [proof.amr for proof in person.proofs]) == ("bob", [PASSKEY])
        assert await house.sessions() == []

    visit(story)


def test_there_is_no_such_page_where_browsers_have_no_passkeys(visit):
    async def story(house):
        browser = house.browser()
        assert (await browser.get("/sign-in/passkey")).status_code == 404
        assert (await browser.get("/account/passkeys")).status_code == 404
        page = await browser.get("/sign-in")
        assert 'class="passkey"' not in page.text

    visit(story, issuer="https://192.0.2.1")
