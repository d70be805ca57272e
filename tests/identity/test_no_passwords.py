"""An issuer at which nobody has a password."""

import re

import pytest

from identity.house import shown
from identity.op import OpenIdProvider, through
from tokenward.identity.texts import english

TAKES_PASSWORDS = ("/sign-in/forgotten", "/sign-in/link?token=x", "/account/password")


def test_no_page_takes_a_password_and_none_is_ever_looked_at(visit):
    provider = OpenIdProvider(claims={"sub": "corp-1", "preferred_username": "ada"})

    async def story(house):
        provider.clock = house.clock
        browser = house.browser()
        page = await browser.get("/sign-in")
        assert page.status_code == 200
        assert 'type="password"' not in page.text
        assert 'name="username"' not in page.text
        assert "Sign in with <bdi>Corp &amp; Co</bdi>" in page.text
        form = {"username": "alice", "password": house.password, "form": await house.field(browser)}
        assert (await browser.post("/sign-in", data=form)).status_code == 405
        for path in TAKES_PASSWORDS:
            assert (await browser.get(path)).status_code == 404
        assert (await browser.post("/account/password/change", data=form)).status_code == 404
        assert (await through(browser, provider)).status_code == 303
        account = await browser.get("/account")
        assert account.status_code == 200
        assert "/account/password" not in account.text
        assert "Password" not in account.text

    visit(story, upstream=[provider.connection()], password_sign_in=False)


@pytest.mark.parametrize("path", TAKES_PASSWORDS[1:])
def test_with_passwords_there_are_such_pages(visit, path):
    async def story(house):
        assert (await house.browser().get(path)).status_code != 404

    visit(story)


SPEAK_OF_PASSWORDS = {
    *("sign_in.password", "sign_in.forgotten", "second_factor.why"),
    *("account.password", "account.change_password"),
    *("letters.invite", "letters.reset", "letters.remedy", "letters.password_changed", "letters.link_opened"),
}


def test_what_speaks_of_passwords_is_known_and_shown_where_there_are_some():
    texts = english()
    speak = {
        key
        for key, names in texts.placeholders.items()
        if "password" in texts.t(key, **dict.fromkeys(names, "")).lower()
    }
    on_pages_about_passwords = {
        key for key in speak if key.partition(".")[0] in {"link", "forgotten", "password"}
    }
    assert speak - on_pages_about_passwords == SPEAK_OF_PASSWORDS


def test_no_page_or_letter_speaks_of_passwords_where_there_are_none(visit):
    provider = OpenIdProvider(claims={"sub": "corp-1", "preferred_username": "ada"})

    async def story(house):
        provider.clock, browser = house.clock, house.browser()
        pages = [await browser.get("/"), await browser.get("/sign-in")]
        await through(browser, provider)
        person = await house.person(browser)
        claims = {"email": "ada@corp.example", "email_verified": True}
        await house.store.change_user_claims(person.user_id, claims, house.clock.time())
        ways = ("", "/passkeys", "/authenticator", "/recovery-codes", "/second-factor?level=two-factor")
        pages += [await browser.get(f"/account{path}") for path in ways]
        secret = shown(pages[-3], r"<code>([A-Z2-7]{32})</code>")
        user = await house.store.user(person.user_id)
        for event in ("new_device", "app_added", "upstream_linked"):
            house.parts.letters.tell(user, event, device="", address="", what="Corp")
        letters = await house.mailbox.settled()
        assert len(letters) == 3
        assert len(secret) == 32
        for said in (*(page.text for page in pages), *(text for _, _, text in letters)):
            assert not re.search("password", said, re.IGNORECASE), said

    visit(story, upstream=[provider.connection()], password_sign_in=False, mail=True)
