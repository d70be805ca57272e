"""Accounts at identity providers on a person's own pages: seen, linked and unlinked."""

import pytest

from identity.house import BACK, SESSION
from identity.op import OpenIdProvider, through
from identity.test_account import asks_again, hidden, signed_in
from identity.test_passkey_step import holder, person_called, use
from tokenward.base.problems import ACCOUNT_LINKED, EXPIRED_FORM
from tokenward.identity.account.door import FRESH
from tokenward.identity.upstream.provider import Groups
from tokenward.store.people_records import UpstreamLink

PAGE = "/account/providers"
ONLY_WAY = "only way in"


@pytest.fixture
def corp(visit):
    """Run a story in a house with one provider; `settings` are the provider's, `house` the house's."""

    def run(story, house=None, **settings):
        provider = OpenIdProvider(claims={"sub": "corp-1"})

        async def told(opened):
            provider.clock = opened.clock
            await story(opened, provider)

        visit(told, upstream=[provider.connection(**settings)], **(house or {}))

    return run


async def leave(browser, name="corp"):
    """Press the button that links; the answer leads to the provider."""
    form = hidden(await browser.get(PAGE), f"{PAGE}/link")
    assert form["provider"] == name
    return await browser.post(f"{PAGE}/link", data=form)


async def link(browser, provider):
    away = await leave(browser)
    return await browser.get(provider.sign_in(away.headers["location"]))


async def unlink(browser, **fields):
    form = hidden(await browser.get(PAGE), f"{PAGE}/unlink")
    return await browser.post(f"{PAGE}/unlink", data=form | fields)


async def links(house, user=None):
    return await house.store.upstream_links((user or house.alice).user_id)


def letters_say(house, words):
    return [text.strip().split("\n")[0] for _, _, text in house.mailbox.letters].count(words) == 1


async def with_address(house):
    claims = {"email": "alice@example.com", "email_verified": True}
    await house.store.change_user_claims(house.alice.user_id, claims, house.clock.time())


def test_an_account_is_linked_used_shown_and_unlinked_and_letters_tell_of_it(corp):
    async def story(house, provider):
        await with_address(house)
        browser = await signed_in(house)
        assert "None" in (await browser.get("/account")).text.partition('id="providers"')[2][:200]
        answer = await link(browser, provider)
        assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
        assert (await house.person(browser)).username == "alice"
        page = await browser.get("/account")
        assert "<bdi>Corp &amp; Co</bdi>" in page.text
        assert "Not used yet." in page.text
        assert f"{PAGE}/link" not in (await browser.get(PAGE)).text

        other = house.browser()
        await through(other, provider)
        assert (await house.person(other)).username == "alice"
        (used,) = await links(house)
        assert used.last_used_at == house.clock.time()
        assert "Not used yet." not in (await browser.get("/account")).text

        assert (await unlink(browser)).headers["location"] == PAGE
        assert await links(house) == []
        assert await house.person(other) is None
        assert (await house.person(browser)).username == "alice"
        await house.mailbox.settled()
        assert letters_say(
            house, "An account at Corp & Co was linked to yours, and can be used to sign in from now on."
        )
        assert letters_say(
            house, "The account at Corp & Co was unlinked, and can no longer be used to sign in."
        )

    corp(story, house={"mail": True}, create=False)


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/link", f"{PAGE}/unlink"])
def test_it_takes_a_fresh_proof(corp, path):
    async def story(house, provider):
        browser = await signed_in(house)
        await link(browser, provider)
        form = {"form": await house.field(browser, PAGE), "provider": "corp", "subject": "corp-1"}
        house.clock.advance(FRESH + 1)
        if path == PAGE:
            asks_again(await browser.get(path), PAGE)
        else:
            asks_again(await browser.post(path, data=form), PAGE)
        assert len(await links(house)) == 1

    corp(story)


@pytest.mark.parametrize("action", ["link", "unlink"])
@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_another_sites_form_and_a_forged_one_change_nothing(corp, action, headers):
    async def story(house, provider):
        browser = await signed_in(house)
        await link(browser, provider)
        form = {"form": await house.field(browser, PAGE), "provider": "corp", "subject": "corp-1"}
        for sent, said in ((form, headers), (form | {"form": "x"}, {}), ({**form, "form": ""}, {})):
            answer = await browser.post(f"{PAGE}/{action}", data=sent, headers=said)
            assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        assert len(await links(house)) == 1

    corp(story)


def test_the_answer_of_the_provider_links_only_in_the_session_that_asked(corp):
    async def story(house, provider):
        mallory = await person_called(house, "mallory")
        theirs = house.browser()
        await house.sign_in(theirs, username="mallory")
        back = provider.sign_in((await leave(theirs)).headers["location"])
        victim = await signed_in(house)
        answer = await victim.get(back)  # without the cookie of who asked
        assert answer.status_code == 403
        for name, value in theirs.cookies.items():  # and with it
            if name.endswith("upstream"):
                victim.cookies.set(name, value)
        answer = await victim.get(back)
        assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        assert [await links(house), await links(house, mallory)] == [[], []]
        answer = await theirs.get(back)
        assert answer.status_code == 403  # it counted once

    corp(story)


def test_nor_after_that_session_has_ended(corp):
    async def story(house, provider):
        browser = await signed_in(house)
        back = provider.sign_in((await leave(browser)).headers["location"])
        browser.cookies.delete(SESSION)
        answer = await browser.get(back)
        assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        assert await links(house) == []

    corp(story)


def test_an_account_of_somebody_else_is_not_taken_over_nor_a_second_one_added(corp):
    async def story(house, provider):
        bob = await person_called(house, "bob")
        await house.store.add_upstream_link(UpstreamLink("corp", "corp-1", bob.user_id, 1.0))
        browser = await signed_in(house)
        answer = await link(browser, provider)
        assert (answer.status_code, ACCOUNT_LINKED.text in answer.text) == (409, True)
        assert [await links(house), len(await links(house, bob))] == [[], 1]

        first, second = await leave(browser), await leave(browser)
        provider.claims["sub"] = "corp-2"
        assert (await browser.get(provider.sign_in(second.headers["location"]))).status_code == 303
        assert (await browser.get(provider.sign_in(first.headers["location"]))).status_code == 403
        form = {"form": await house.field(browser, PAGE), "provider": "corp"}
        away = await browser.post(f"{PAGE}/link", data=form)
        provider.claims["sub"] = "corp-3"
        answer = await browser.get(provider.sign_in(away.headers["location"]))
        assert (answer.status_code, ACCOUNT_LINKED.text in answer.text) == (409, True)
        assert [each.subject for each in await links(house)] == ["corp-2"]

    corp(story)


def test_claims_come_along_with_the_link(corp):
    async def story(house, provider):
        provider.claims["department"] = "loans"
        await link(await signed_in(house), provider)
        assert await house.store.user_claims(house.alice.user_id) == {"department": "loans"}

    corp(story, claims=("department",))


def test_the_last_way_in_stays(corp):
    async def story(house, provider):
        browser = house.browser()
        provider.claims["preferred_username"] = "ada"
        await through(browser, provider)
        person = await house.person(browser)
        ada = await house.store.user(person.user_id)
        await house.app(ada)  # comes second only
        browser.cookies.clear()
        await house.store.remove_totp(ada.user_id)
        await through(browser, provider)
        answer = await unlink(browser)
        assert (answer.status_code, ONLY_WAY in answer.text, 'role="alert"' in answer.text) == (
            422,
            True,
            True,
        )
        assert len(await links(house, ada)) == 1

        key = await holder(house, ada)
        browser.cookies.clear()
        location = (await through(browser, provider)).headers["location"]
        assert (await use(browser, location, key)).status_code == 303
        assert (await unlink(browser)).status_code == 303
        assert await links(house, ada) == []
        # The session came through the provider and is gone; the passkey is the last way in now.
        assert await house.person(browser) is None
        assert (await use(browser, "/sign-in", key)).headers["location"] == BACK
        form = hidden(await browser.get("/account/passkeys"), "/account/passkeys/remove")
        answer = await browser.post("/account/passkeys/remove", data=form)
        assert (answer.status_code, ONLY_WAY in answer.text) == (422, True)
        assert len(await house.store.passkeys(ada.user_id)) == 1

    corp(story, house={"password_sign_in": False})


def test_a_password_is_no_way_in_where_nobody_has_one(corp):
    async def story(house, provider):
        await house.store.add_upstream_link(UpstreamLink("corp", "corp-1", house.alice.user_id, 1.0))
        browser = house.browser()
        await through(browser, provider)
        assert (await house.person(browser)).username == "alice"
        answer = await unlink(browser)
        assert (answer.status_code, ONLY_WAY in answer.text) == (422, True)

    corp(story, house={"password_sign_in": False})


def test_nobody_unlinks_what_says_what_they_can_allow(corp):
    async def story(house, provider):
        browser = await signed_in(house)
        await link(browser, provider)
        answer = await unlink(browser)
        assert (answer.status_code, "what you can allow" in answer.text) == (422, True)
        assert len(await links(house)) == 1
        assert (await house.person(browser)).scopes == frozenset()

    corp(story, groups=Groups("groups", {"staff": frozenset({"accounts:read"})}))


def test_an_account_at_a_provider_that_is_no_more_is_shown_by_its_name_and_goes(corp):
    async def story(house, _provider):
        await house.store.add_upstream_link(UpstreamLink("old", "o-1", house.alice.user_id, 1.0))
        browser = await signed_in(house)
        assert "<bdi>old</bdi>" in (await browser.get("/account")).text
        assert (await unlink(browser)).status_code == 303
        assert await links(house) == []

    corp(story)


def test_and_is_no_way_in_that_would_be_left(corp):
    async def story(house, provider):
        for name in ("corp", "old"):
            await house.store.add_upstream_link(UpstreamLink(name, "corp-1", house.alice.user_id, 1.0))
        browser = house.browser()
        await through(browser, provider)
        answer = await unlink(browser, provider="corp")
        assert (answer.status_code, ONLY_WAY in answer.text) == (422, True)

    corp(story, house={"password_sign_in": False})


def test_nobody_unlinks_another_persons_account(corp):
    async def story(house, provider):
        bob = await person_called(house, "bob")
        await house.store.add_upstream_link(UpstreamLink("corp", "bobs", bob.user_id, 1.0))
        browser = await signed_in(house)
        await link(browser, provider)
        for fields in ({"subject": "bobs"}, {"provider": "no"}, {"subject": ""}, {"provider": "CORP"}):
            assert (await unlink(browser, **fields)).status_code == 303
        assert [len(await links(house)), len(await links(house, bob))] == [1, 1]

    corp(story)


def test_what_was_decided_of_an_earlier_state_is_not_done(corp, monkeypatch):
    async def story(house, provider):
        browser = await signed_in(house)
        await link(browser, provider)
        real = house.store.has_factors

        async def changed_meanwhile(user_id):
            held = await real(user_id)
            await house.store.change_password(user_id, "", at=1.0, keep_session=person.session_id)
            return held

        person = await house.person(browser)
        form = hidden(await browser.get(PAGE), f"{PAGE}/unlink")
        monkeypatch.setattr(house.parts.progress._store, "has_factors", real)
        calls = []

        async def second(user_id):
            calls.append(user_id)
            return await (changed_meanwhile if len(calls) == 2 else real)(user_id)

        monkeypatch.setattr(house.store, "has_factors", second)
        answer = await browser.post(f"{PAGE}/unlink", data=form)
        assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        assert len(await links(house)) == 1

    corp(story)


def test_without_a_provider_there_is_no_such_section(visit):
    async def story(house):
        browser = await signed_in(house)
        assert 'id="providers"' not in (await browser.get("/account")).text

    visit(story)
