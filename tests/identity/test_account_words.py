"""The account page says what applications and API keys may do in the words of the consent page."""

import re
from html import unescape

import pytest

from identity.house import BANK, ISSUER, SETTINGS
from store.values import api_key, code_of, grant
from tokenward.issuer.settings import PROTOCOL_SCOPES

WORDS = "See your <accounts>"


def said(page, section):
    """The text of a section of the page, without its markup."""
    part = page.text.partition(f'<section aria-labelledby="{section}">')[2].partition("</section>")[0]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", part)))


async def account(house, browser):
    await house.sign_in(browser)
    return await browser.get("/account")


def test_what_applications_may_do_is_told_by_api_in_words(visit):
    async def story(house):
        now, alice = house.clock.time(), house.alice.user_id
        await house.store.add_consent(alice, "app", BANK, ["accounts:read", "email"], now)
        await house.store.add_consent(alice, "app", ISSUER, ["openid"], now)
        page = await account(house, house.browser())
        text = said(page, "applications")
        assert f"At Bank & Co it can: {WORDS} accounts:read {PROTOCOL_SCOPES['email']} email " in text
        assert f"At your account here it can: {PROTOCOL_SCOPES['openid']} openid " in text
        assert "<accounts>" not in page.text

    visit(story)


def test_a_scope_of_the_same_name_elsewhere_borrows_no_words(visit):
    async def story(house):
        now, gone = house.clock.time(), "https://gone.example"
        await house.store.add_consent(house.alice.user_id, "app", gone, ["accounts:read", "openid"], now)
        text = said(await account(house, house.browser()), "applications")
        assert f"At {gone} it can: accounts:read {PROTOCOL_SCOPES['openid']} openid " in text
        assert WORDS not in text

    visit(story)


def test_what_is_allowed_twice_is_told_once(visit):
    async def story(house):
        now, alice = house.clock.time(), house.alice.user_id
        await house.store.add_consent(alice, "app", BANK, ["accounts:read"], now)
        allowed = {"user_id": alice, "scope": ("accounts:read",), "audience": BANK}
        granted = grant(**allowed, created_at=now, expires_at=now + 60)
        assert await house.store.add_grant(granted, code_of(granted, expires_at=now + 60))
        text = said(await account(house, house.browser()), "applications")
        assert text.count(WORDS) == 1

    visit(story)


def test_so_is_what_api_keys_may_do(visit):
    async def story(house):
        key = {"owner": "alice", "audience": BANK, "expires_at": house.clock.time() + 86_400}
        await house.store.add_api_keys([api_key(scopes=("accounts:read", "old:scope"), **key)])
        text = said(await account(house, house.browser()), "keys")
        assert f"At Bank & Co it can: {WORDS} accounts:read old:scope " in text
        assert "a1B2" in text

    visit(story)


@pytest.mark.parametrize("audience", [BANK, ISSUER, "https://gone.example"])
def test_the_words_of_protocol_scopes_are_known_everywhere(audience):
    assert SETTINGS.in_words(audience).scopes.items() >= PROTOCOL_SCOPES.items()
