"""An issuer at which nobody has a password."""

import pytest

from identity.op import OpenIdProvider, through

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
