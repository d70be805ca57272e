"""Links for the first sign-in and for a forgotten password: once, for one person, no way past a factor."""

import asyncio
import logging
import re
from html import unescape
from urllib.parse import urlsplit

import pytest

from identity.house import BACK, BEFORE, SESSION, shown
from identity.test_account import FOREIGN, with_address
from identity.test_passkey_step import person_called
from tokenward.base.problems import EXPIRED_FORM, LINK_REFUSED, TOO_MANY_REQUESTS
from tokenward.identity.links import LIFETIMES
from tokenward.identity.people import add_user
from tokenward.store.port import StoreUnavailable
from tokenward.tokens import opaque

NEW = "a harbour full of lanterns"


async def link_of(house, user=None, purpose="reset"):
    """Path and query of a link for the person."""
    address = (await house.parts.links.new((user or house.alice).user_id, purpose)).reveal()
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def fields(page):
    form = page.text.partition('action="/sign-in/link"')[2].partition("</form>")[0]
    return {
        name: unescape(value) for name, value in re.findall(r'hidden" name="(\w+)" value="([^"]*)"', form)
    }


async def open_link(browser, link, password=NEW, again=None, **changed):
    page = await browser.get(link)
    assert page.status_code == 200
    sent = fields(page) | {"password": password, "again": password if again is None else again} | changed
    return await browser.post("/sign-in/link", data=sent)


def is_refused(answer):
    assert (answer.status_code, LINK_REFUSED.text in answer.text) == (403, True)
    assert "set-cookie" not in answer.headers


def test_an_invited_person_chooses_a_password_and_is_signed_in(visit):
    async def story(house):
        carol = await add_user(house.store, "carol", None, passwords=house.passwords, clock=house.clock)
        link = await link_of(house, carol, "invite")
        house.clock.advance(LIFETIMES["invite"] - 1)
        browser = house.browser()
        assert "carol" in (await browser.get(link)).text
        answer = await open_link(browser, link)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        assert (await house.person(browser)).username == "carol"
        assert (await house.sign_in(house.browser(), "carol", NEW)).headers["location"] == BACK

    visit(story)


def test_to_look_at_a_link_uses_nothing_up(visit):
    async def story(house):
        link = await link_of(house)
        for scanner in (house.browser(), house.browser()):
            assert (await scanner.get(link)).status_code == 200
            assert (await scanner.head(link)).status_code == 200
        assert (await house.sign_in(house.browser())).status_code == 303
        assert (await open_link(house.browser(), link)).status_code == 303

    visit(story)


def test_a_link_is_good_once_also_for_many_at_the_same_moment(visit):
    async def story(house):
        link = await link_of(house)
        browsers = [house.browser() for _ in range(5)]
        answers = await asyncio.gather(
            *(open_link(browser, link, f"{NEW} {n}") for n, browser in enumerate(browsers))
        )
        assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403, 403]
        (winner,) = (n for n, answer in enumerate(answers) if answer.status_code == 303)
        assert len(await house.sessions()) == 1
        for n in range(5):
            right = (await house.sign_in(house.browser(), password=f"{NEW} {n}")).status_code == 303
            assert right is (n == winner)
        is_refused(await house.browser().get(link))

    visit(story)


@pytest.mark.parametrize(
    "what", ["used", "over", "replaced", "forged", "cut", "disabled", "changed", "reset"]
)
def test_a_link_that_is_void_is_refused_and_changes_nothing(visit, what):
    async def story(house):
        link, browser = await link_of(house), house.browser()
        form = fields(await browser.get(link)) | {"password": NEW, "again": NEW}
        user_id, now = house.alice.user_id, house.clock.time()
        if what == "used":
            await open_link(house.browser(), link, "another of their own choice")
        elif what == "over":
            house.clock.advance(LIFETIMES["reset"])
        elif what == "replaced":
            await link_of(house)
        elif what == "forged":
            theirs = (await link_of(house, await person_called(house, "bob"))).partition("=")[2]
            form["token"] = form["token"][:18] + theirs[18:]
        elif what == "cut":
            form["token"] = form["token"][:-1]
        elif what == "disabled":
            await house.store.disable_user(user_id, now)
        elif what == "changed":
            await house.store.change_password(user_id, house.alice.password_hash, at=now)
        else:
            await house.store.reset_factors(user_id)
        before = await house.store.user(user_id)
        sessions = await house.sessions()
        is_refused(await browser.post("/sign-in/link", data=form))
        is_refused(await browser.get(f"/sign-in/link?token={form['token']}"))
        assert await house.store.user(user_id) == before
        assert await house.sessions() == sessions
        assert SESSION not in browser.cookies

    visit(story)


@pytest.mark.parametrize(
    "query", ["", "?token=", "?token=x", "?token=tkw_sl_", "?token=%C3%A9", "?token=" + "a" * 5000]
)
def test_what_is_no_link_is_refused(visit, query):
    async def story(house):
        is_refused(await house.browser().get(f"/sign-in/link{query}"))
        answer = await house.browser().get("/sign-in/link?token=a&token=b")
        assert answer.status_code == 400

    visit(story)


def test_who_knows_which_link_there_is_still_lacks_its_secret(visit):
    async def story(house):
        token = (await link_of(house)).partition("=")[2]
        begin = len("tkw_sl_") + 11  # as far as the locator, which is public
        body = token[:begin] + opaque.new("sl").secret.reveal()[begin:-6]
        forged = body + opaque._checksum(body)
        assert opaque.parse(forged, kind="sl").token_id == opaque.parse(token, kind="sl").token_id
        is_refused(await house.browser().get(f"/sign-in/link?token={forged}"))
        assert (await open_link(house.browser(), f"/sign-in/link?token={token}")).status_code == 303

    visit(story)


def test_a_link_that_is_used_between_look_and_change_changes_nothing(visit, monkeypatch):
    async def story(house):
        link, browser, other = await link_of(house), house.browser(), house.browser()
        hashed = house.passwords.hash

        async def slowly(*given, **named):
            monkeypatch.setattr(house.passwords, "hash", hashed)
            assert (await open_link(other, link, "another of their own choice")).status_code == 303
            return await hashed(*given, **named)

        monkeypatch.setattr(house.passwords, "hash", slowly)
        is_refused(await open_link(browser, link))
        assert (await house.sign_in(house.browser(), password=NEW)).status_code == 403
        assert await house.person(other)
        assert SESSION not in browser.cookies

    visit(story)


def test_a_session_token_or_one_of_another_kind_is_no_link(visit):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        is_refused(await browser.get(f"/sign-in/link?token={browser.cookies[SESSION]}"))

    visit(story)


def test_a_link_is_no_way_past_a_second_factor(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        answer = await open_link(browser, await link_of(house))
        assert urlsplit(answer.headers["location"]).path == "/sign-in/code"
        assert SESSION not in browser.cookies
        assert await house.sessions() == []
        assert (await house.code(browser, app.code())).headers["location"] == BACK

    visit(story)


def test_a_link_works_in_the_browser_that_had_got_as_far_as_the_code(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in(browser)  # with the old password
        answer = await open_link(browser, await link_of(house))
        assert urlsplit(answer.headers["location"]).path == "/sign-in/code"
        assert (await house.code(browser, app.code())).headers["location"] == BACK

    visit(story)


def test_a_link_ends_all_that_was_there_also_another_persons_session_in_this_browser(visit):
    async def story(house):
        await person_called(house, "bob")
        alice, browser = house.browser(), house.browser()
        await house.sign_in(alice)
        await house.sign_in(browser, "bob")
        bobs = browser.cookies[SESSION]
        await open_link(browser, await link_of(house))
        assert (await house.person(browser)).username == "alice"
        assert await house.person(alice) is None
        assert await house.person_behind(f"{SESSION}={bobs}") is None

    visit(story)


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        (NEW, NEW + " ", "differ"),
        (NEW, "", "differ"),
        ("", "", "12"),
        ("short", "short", "12"),
        ("x" * 1025, "x" * 1025, "1024"),
        ("alicealicealice", "alicealicealice", ""),
    ],
)
def test_a_password_that_will_not_do_leaves_the_link_good(visit, password, again, words):
    async def story(house):
        link, browser = await link_of(house), house.browser()
        answer = await open_link(browser, link, password, again)
        assert answer.status_code == 422
        assert words in shown(answer, r'id="problem" role="alert">([^<]+)<')
        assert password not in answer.text or len(password) < 6
        assert await house.sessions() == []
        answer = await browser.post("/sign-in/link", data=fields(answer) | {"password": NEW, "again": NEW})
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")

    visit(story)


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", ["/sign-in/link", "/sign-in/forgotten"])
def test_another_sites_form_is_refused_even_with_everything_right(visit, path, headers):
    async def story(house):
        link, browser = await link_of(house), house.browser()
        form = fields(await browser.get(link)) | {"password": NEW, "again": NEW}
        if path == "/sign-in/forgotten":
            form = {"form": await house.field(browser, path), "username": "alice"}
            await with_address(house)
        answer = await browser.post(path, data=form, headers=headers)
        assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        assert await house.mailbox.settled() == []
        assert (await open_link(browser, link)).status_code == 303

    visit(story, mail=True)


@pytest.mark.parametrize("field", ["", "x", "é"])
def test_a_form_without_our_field_uses_no_link_up(visit, field):
    async def story(house):
        link = await link_of(house)
        for foreign in (field, fields(await house.browser().get(link))["form"]):
            browser = house.browser()
            answer = await open_link(browser, link, form=foreign)
            assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
            assert SESSION not in browser.cookies
        assert (await open_link(house.browser(), link)).status_code == 303

    visit(story)


# Forgotten


async def forgotten(house, browser, username):
    form = {"form": await house.field(browser, "/sign-in/forgotten"), "username": username}
    return await browser.post("/sign-in/forgotten", data=form)


def link_in(letter):
    return re.search(r"https://id\.example(/sign-in/link\?token=\S+)", letter[2])[1]


def test_a_forgotten_password_leads_by_mail_to_another(visit):
    async def story(house):
        await with_address(house)
        browser = house.browser()
        assert 'href="/sign-in/forgotten"' in (await browser.get("/sign-in")).text
        assert (await forgotten(house, browser, " ALICE ".lower())).status_code == 200
        (letter,) = await house.mailbox.settled()
        assert letter[0] == "alice@example.com"
        answer = await open_link(browser, link_in(letter))
        assert answer.headers["location"] == "/account"
        await house.mailbox.settled()
        said = [text for _, _, text in house.mailbox.letters[1:]]
        assert any("A password was chosen by a link" in text for text in said)

    visit(story, mail=True)


@pytest.mark.parametrize(
    "name", ["alice", "noaddress", "unverified", "gone", "nobody", "no\u200bname", "x" * 5000]
)
def test_the_answer_is_the_same_for_everybody(visit, name):
    async def story(house):
        await with_address(house)
        await person_called(house, "noaddress")
        for called, claims in (
            ("unverified", {"email": "a@example.com", "email_verified": False}),
            ("gone", {"email": "b@example.com", "email_verified": True}),
        ):
            user = await person_called(house, called)
            await house.store.change_user_claims(user.user_id, claims, house.clock.time())
        await house.store.disable_user(user.user_id, house.clock.time())
        asked = []
        real = house.store.user_by_name

        async def counted(name):
            asked.append(name)
            return await real(name)

        house.store.user_by_name = counted
        browser = house.browser()
        page = await forgotten(house, browser, name)
        assert asked == []  # whatever depends on the name happens after the answer
        reference = await forgotten(house, browser, "somebody")
        assert (page.status_code, page.content) == (200, reference.content)
        assert len(await house.mailbox.settled()) == (1 if name == "alice" else 0)

    visit(story, mail=True)


def test_who_knows_a_name_cannot_void_a_link_that_nobody_would_get_instead(visit):
    async def story(house):
        carol = await add_user(house.store, "carol", None, passwords=house.passwords, clock=house.clock)
        link = await link_of(house, carol, "invite")
        await forgotten(house, house.browser("203.0.113.9"), "carol")
        await house.mailbox.settled()
        assert (await open_link(house.browser(), link)).status_code == 303

    visit(story, mail=True)


def test_one_person_is_sent_a_few_links_and_one_address_may_ask_for_some(visit):
    async def story(house):
        await with_address(house)
        attacker = house.browser("203.0.113.9")
        answers = [await forgotten(house, attacker, "alice") for _ in range(10)]
        assert [answer.status_code for answer in answers] == [200] * 10
        for name in ("alice", "nobody"):
            answer = await forgotten(house, attacker, name)
            assert (answer.status_code, TOO_MANY_REQUESTS.text in answer.text) == (429, True)
            assert answer.headers["retry-after"] == "60"
        assert len(await house.mailbox.settled()) == 3
        assert (await forgotten(house, house.browser(), "alice")).status_code == 200
        assert len(await house.mailbox.settled()) == 3
        house.clock.advance(600)
        await forgotten(house, house.browser(), "alice")
        assert len(await house.mailbox.settled()) == 4

    visit(story, mail=True)


@pytest.mark.parametrize("field", ["", "x"])
def test_what_is_missing_is_said_with_the_page_again(visit, field):
    async def story(house):
        await with_address(house)
        browser = house.browser()
        assert (await forgotten(house, browser, "")).status_code == 400
        answer = await browser.post("/sign-in/forgotten", data={"form": field, "username": "alice"})
        assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        assert 'action="/sign-in/forgotten"' in answer.text
        assert await house.mailbox.settled() == []

    visit(story, mail=True)


def test_there_is_no_such_page_where_mail_goes_nowhere(visit):
    async def story(house):
        browser = house.browser()
        assert (await browser.get("/sign-in/forgotten")).status_code == 404
        assert "/sign-in/forgotten" not in (await browser.get("/sign-in")).text

    visit(story)


def test_an_outage_behind_the_answer_is_told_in_the_log_and_nowhere_else(visit, monkeypatch, caplog):
    async def story(house):
        await with_address(house)

        async def down(*_):
            raise StoreUnavailable

        monkeypatch.setattr(house.store, "user_by_name", down)
        assert (await forgotten(house, house.browser(), "alice")).status_code == 200
        assert await house.mailbox.settled() == []
        assert "no link was sent" in caplog.text

    visit(story, mail=True)


def test_no_link_password_or_code_reaches_the_log(visit, caplog):
    async def story(house):
        caplog.set_level(logging.DEBUG)
        app = await house.app()
        await with_address(house)
        browser = house.browser()
        await forgotten(house, browser, "alice")
        (letter,) = await house.mailbox.settled()
        link = link_in(letter)
        await open_link(browser, link)
        code = app.code()
        await house.code(browser, "000000")
        await house.code(browser, code)
        recovery, *_ = await house.parts.factors.new_recovery_codes(house.alice.user_id)
        other = house.browser()
        await house.sign_in(other, password=NEW)
        await house.code(other, recovery.reveal())
        is_refused(await browser.get(link))
        ours = [record for record in caplog.records if record.name.startswith("tokenward")]
        logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in ours)
        assert house.alice.user_id in logged
        cookies = [browser.cookies[SESSION], other.cookies[SESSION]]
        for secret in (link.partition("=")[2], NEW, code, app.secret, recovery.reveal(), *cookies):
            assert secret not in logged
        assert "alice@example.com" not in logged
        assert BEFORE not in logged

    visit(story, mail=True)
