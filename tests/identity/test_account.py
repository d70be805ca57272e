"""A person's own pages: who gets in, what can be ended and changed there, and who hears of it."""

import json
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from identity.authenticator import ES256, Authenticator, new_key
from identity.house import BACK, BANK, SESSION, WRONG, App, shown
from identity.test_passkey_step import holder, person_called, use
from store.values import api_key, code_of, grant
from tokenward.base.problems import EXPIRED_FORM, PASSKEY_REFUSED, WRONG_CODE, Refusal
from tokenward.identity.account.authenticator import OFFER_LIFETIME
from tokenward.identity.account.door import FRESH
from tokenward.identity.account.passkeys import MAX_NAME, MAX_PASSKEYS, PasskeysPage
from tokenward.identity.factors import totp
from tokenward.store.people_records import FactorSummary
from tokenward.tokens import base64url

PAGES = [
    "/account",
    "/account/password",
    "/account/passkeys",
    "/account/authenticator",
    "/account/recovery-codes",
    "/account/second-factor",
]
FRESH_PAGES = PAGES[1:5]
ENDINGS = ["/account/sessions/end", "/account/sessions/end-others", "/account/applications/withdraw"]
CHANGES = [
    "/account/password/change",
    "/account/passkeys/add",
    "/account/passkeys/rename",
    "/account/passkeys/remove",
    "/account/authenticator/add",
    "/account/authenticator/remove",
    "/account/recovery-codes/make",
]
FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


def hidden(page, action):
    """The hidden fields of the form that goes there."""
    form = page.text.partition(f'action="{action}"')[2].partition("</form>")[0]
    return {
        name: unescape(value) for name, value in re.findall(r'hidden" name="(\w+)" value="([^"]*)"', form)
    }


async def facts(house, user=None):
    """All that the pages could change of a person."""
    user_id = (user or house.alice).user_id
    return (
        await house.store.user(user_id),
        await house.store.passkeys(user_id),
        await house.store.totp(user_id),
        await house.store.recovery_codes_left(user_id),
        {session.session_id for session in await house.store.sessions_of(user_id)},
        await house.store.consents_of(user_id),
    )


async def signed_in(house):
    browser = house.browser()
    await house.sign_in(browser)
    return browser


def asks_again(answer, back):
    assert answer.status_code == 303
    parts = urlsplit(answer.headers["location"])
    assert parts.path == "/sign-in"
    aim = parse_qs(parts.query)
    assert urlsplit(aim["continue"][0]).path == back
    return aim


@pytest.mark.parametrize("page", PAGES)
def test_without_a_session_each_page_leads_to_sign_in_and_back(visit, page):
    async def story(house):
        browser = house.browser()
        answer = await browser.get(page)
        aim = asks_again(answer, page)
        sign_in = await browser.get(answer.headers["location"])
        form = hidden(sign_in, "/sign-in")
        assert form["continue"] == aim["continue"][0]
        answer = await browser.post("/sign-in", data=form | {"username": "alice", "password": house.password})
        assert (answer.status_code, answer.headers["location"]) == (303, page)
        assert (await browser.get(page)).status_code == (303 if page == "/account/recovery-codes" else 200)

    visit(story)


@pytest.mark.parametrize("path", ENDINGS + CHANGES)
def test_without_a_session_nothing_is_changed(visit, path):
    async def story(house):
        alice = await signed_in(house)
        field = await house.field(alice, "/account/password")
        answer = await house.browser().post(path, data={"form": field})
        asks_again(answer, "/account" if path in ENDINGS else path.rpartition("/")[0])

    visit(story)


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", ENDINGS + CHANGES)
def test_another_sites_form_changes_nothing_even_with_everything_right(visit, path, headers):
    async def story(house):
        await holder(house)
        browser, other = house.browser(), house.browser()
        key = await holder(house)
        for each in (browser, other):
            await house.sign_in(each)
            location = (await house.sign_in(each)).headers["location"]
            assert (await use(each, location, key)).headers["location"] == BACK
        theirs = (await house.person(other)).session_id
        await house.store.add_consent(house.alice.user_id, "app", "aud", ["read"], house.clock.time())
        before = await facts(house)
        field = await house.field(browser, "/account/password")
        form = {"form": field, "session": theirs, "client": "app", "passkey": key.id, "name": "x"}
        form |= {"password": WRONG, "again": WRONG}
        answer = await browser.post(path, data=form, headers=headers)
        assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        assert await facts(house) == before

    visit(story)


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", [*ENDINGS, *CHANGES, "/sign-in/code", "/sign-in/passkey", "/sign-out"])
def test_another_sites_form_comes_without_cookies_and_is_refused_all_the_same(visit, path, headers):
    async def story(house):
        answer = await house.browser().post(path, data={"form": "x"}, headers=headers)
        assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        assert SESSION not in answer.headers.get("set-cookie", "")

    visit(story)


@pytest.mark.parametrize("path", ENDINGS + CHANGES)
def test_a_form_without_the_field_of_this_session_changes_nothing(visit, path):
    async def story(house):
        await house.store.add_consent(house.alice.user_id, "app", "aud", ["read"], house.clock.time())
        key = await holder(house)
        await person_called(house, "bob")
        bob, other, browser = house.browser(), house.browser(), house.browser()
        await house.sign_in(bob, "bob")
        for each in (other, browser):
            location = (await house.sign_in(each)).headers["location"]
            await use(each, location, key)
        before = await facts(house)
        form = {"session": (await house.person(other)).session_id, "client": "app", "passkey": key.id}
        form |= {"name": "x", "password": WRONG, "again": WRONG}
        sign_out = hidden(await browser.get("/account"), "/sign-out")["form"]
        for field in (
            "",
            "x",
            "é",
            sign_out,
            await house.field(other, "/account/password"),
            await house.field(bob, "/account/password"),
        ):
            answer = await browser.post(path, data=form | {"form": field})
            assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        assert await facts(house) == before

    visit(story)


@pytest.mark.parametrize("path", ENDINGS + CHANGES)
@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"form=a&form=b", "application/x-www-form-urlencoded", 400),
        (b"form=%ff", "application/x-www-form-urlencoded", 400),
        (b"form=x%00", "application/x-www-form-urlencoded", 400),
        (b"form=" + b"x" * 100_000, "application/x-www-form-urlencoded", 413),
        (b"a=1&" * 60, "application/x-www-form-urlencoded", 413),
    ],
)
def test_bad_bodies_are_refused_with_a_page(visit, path, content, media_type, status):
    async def story(house):
        browser = await signed_in(house)
        before = await facts(house)
        answer = await browser.post(path, content=content, headers={"content-type": media_type})
        # Recovery codes have no page for who has no second factor: they are led to where they get one.
        assert answer.status_code == (303 if path == "/account/recovery-codes/make" else status)
        assert answer.headers.get("content-type") in {"text/html; charset=utf-8", None}
        assert answer.headers["cache-control"] == "no-store"
        assert await facts(house) == before

    visit(story)


@pytest.mark.parametrize("page", FRESH_PAGES)
@pytest.mark.parametrize("older", ["both", "code", "password"])
def test_to_change_factors_all_of_them_must_be_fresh(visit, page, older):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in_fully(browser, app)
        for _ in range(3):
            house.clock.advance(20 * 60)
            await browser.get("/account")
        since = house.clock.time()
        if older == "code":  # the password is fresh
            form = {"username": "alice", "password": house.password, "since": repr(since - 7200)}
            form["form"] = await house.field(browser)
            assert (await browser.post("/sign-in", data=form)).headers["location"] == "/"
        elif older == "password":  # the code is: a step-up by password and code, some minutes later
            aim = f"?since={since!r}"
            form = {"username": "alice", "password": house.password, "since": repr(since)}
            form["form"] = await house.field(browser, f"/sign-in{aim}")
            await browser.post("/sign-in", data=form)
            house.clock.advance(FRESH - 60)
            answer = await house.code(browser, app.code(), path=f"/sign-in/code{aim}", since=repr(since))
            assert answer.headers["location"] == BACK
            house.clock.advance(61)
        house.clock.advance(240 if older == "code" else 0)
        before = await facts(house)
        asks_again(await browser.get(page), page)
        form = {"form": house.parts.forms.of_session("account", await house.person(browser))}
        for path in (path for path in CHANGES if path.startswith(page)):
            answer = await browser.post(path, data=form | {"password": WRONG, "again": WRONG})
            asks_again(answer, page)
        assert await facts(house) == before

    visit(story)


def test_what_is_fresh_needs_no_new_proof(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in_fully(browser, app)
        house.clock.advance(FRESH - totp.STEP)
        for page in FRESH_PAGES:
            assert (await browser.get(page)).status_code == 200

    visit(story)


def test_what_is_about_to_be_too_old_is_asked_for_at_once(visit):
    async def story(house):
        browser = await signed_in(house)
        house.clock.advance(FRESH + 1)
        answer = await browser.get("/account/password")
        assert float(asks_again(answer, "/account/password")["since"][0]) == house.clock.time() - FRESH / 2

    visit(story)


# Sessions, applications, keys


def test_one_or_all_others_of_ones_sessions_can_be_ended(visit):
    async def story(house):
        first, second, third = [await signed_in(house) for _ in range(3)]
        wanted = (await house.person(second)).session_id
        form = hidden(await first.get("/account"), "/account/sessions/end")
        answer = await first.post("/account/sessions/end", data=form | {"session": wanted})
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        assert await house.person(second) is None
        assert await house.person(third)
        form = hidden(await first.get("/account"), "/account/sessions/end-others")
        assert (await first.post("/account/sessions/end-others", data=form)).status_code == 303
        assert await house.person(third) is None
        assert await house.person(first)

    visit(story)


def test_nobody_ends_another_persons_session(visit):
    async def story(house):
        await person_called(house, "bob")
        bob, alice, other = house.browser(), await signed_in(house), await signed_in(house)
        await house.sign_in(bob, "bob")
        form = hidden(await alice.get("/account"), "/account/sessions/end")
        for wanted in ((await house.person(bob)).session_id, "unknown", "", "é"):
            answer = await alice.post("/account/sessions/end", data=form | {"session": wanted})
            assert answer.status_code == 303
        form = hidden(await alice.get("/account"), "/account/sessions/end-others")
        await alice.post("/account/sessions/end-others", data=form)
        assert (await house.person(bob)).username == "bob"
        assert await house.person(other) is None

    visit(story)


def test_the_page_lists_sessions_that_live_and_no_secret(visit):
    async def story(house):
        browser = house.browser()
        firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        await house.sign_in(browser, headers={"user-agent": firefox})
        old = await signed_in(house)
        house.clock.advance(20 * 60)
        await browser.get("/account")
        house.clock.advance(15 * 60)
        page = await browser.get("/account")
        assert page.text.count("Firefox on Linux") == 1
        assert page.text.count("198.51.100.7") == 1  # the other one is over
        assert browser.cookies[SESSION] not in page.text
        assert old.cookies[SESSION] not in page.text

    visit(story)


def test_what_was_allowed_exactly_is_told_as_long_as_it_can_be_used(visit):
    details = [
        {"type": "payment", "amount": "<9>"},
        {"type": "gone", "x": "y"},
        {"type": "payment", "to": "x"},
    ]

    async def story(house):
        mine = {"user_id": house.alice.user_id, "audience": BANK, "scope": ()}
        kept = grant(**mine, expires_at=house.clock.time() + 3600, authorization_details=json.dumps(details))
        await house.store.add_grant(kept, code_of(kept, expires_at=house.clock.time() + 3600))
        browser = await signed_in(house)
        page = (await browser.get("/account")).text
        assert "At <bdi>Bank &amp; Co</bdi> it can:" in page
        assert page.count('<strong class="given"><bdi>&lt;9&gt;</bdi></strong>') == 1
        # Of what is configured no longer, or otherwise, only the name is told.
        assert page.count('<strong class="given"><bdi>gone</bdi></strong>') == 1
        assert page.count('<strong class="given"><bdi>payment</bdi></strong>') == 1
        await house.store.revoke_grant(kept.grant_id, house.clock.time())
        assert "&lt;9&gt;" not in (await browser.get("/account")).text

    visit(story)


def test_withdrawing_is_ones_own(visit):
    async def story(house):
        bob = await person_called(house, "bob")
        now = house.clock.time()
        for user in (house.alice, bob):
            await house.store.add_consent(user.user_id, "app", "aud", ["read"], now)
        browser = await signed_in(house)
        page = await browser.get("/account")
        assert "<bdi>app</bdi>" in page.text
        form = hidden(page, "/account/applications/withdraw")
        assert form["client"] == "app"
        for client in ("", "another", "é"):
            sent = form | {"client": client}
            assert (await browser.post("/account/applications/withdraw", data=sent)).status_code == 303
        assert await house.store.consents_of(house.alice.user_id)
        await browser.post("/account/applications/withdraw", data=form)
        assert await house.store.consents_of(house.alice.user_id) == []
        assert len(await house.store.consents_of(bob.user_id)) == 1

    visit(story)


# Factors


async def by_page(house, browser):
    """An app, set up on the page."""
    page = await browser.get("/account/authenticator")
    app = App(shown(page, r"<code>([A-Z2-7]{32})</code>"), house.clock)
    form = hidden(page, "/account/authenticator/add")
    answer = await browser.post("/account/authenticator/add", data=form | {"code": app.code()})
    house.clock.advance(totp.STEP)
    return app, form, answer


def test_an_app_is_kept_once_it_has_shown_a_code(visit):
    async def story(house):
        browser = await signed_in(house)
        page = await browser.get("/account/authenticator")
        app = App(shown(page, r"<code>([A-Z2-7]{32})</code>"), house.clock)
        form = hidden(page, "/account/authenticator/add")
        for code in ("", "000000", app.code(-5)):
            answer = await browser.post("/account/authenticator/add", data=form | {"code": code})
            assert answer.status_code in {400, 403}
            assert 'role="alert"' in answer.text
            assert app.secret in answer.text  # the same one: it may be in the app already
            assert await house.store.totp(house.alice.user_id) is None
        old = browser.cookies[SESSION]
        answer = await browser.post("/account/authenticator/add", data=form | {"code": app.code()})
        assert answer.headers["location"].startswith("/account/recovery-codes")
        assert await house.person_behind(f"{SESSION}={old}") is None
        assert (await house.person(browser)).authentication(level="two-factor")
        kept = await house.store.totp(house.alice.user_id)
        assert app.secret.encode() not in kept.sealed_secret
        house.clock.advance(totp.STEP)
        again = house.browser()
        await house.sign_in(again)
        assert (await house.code(again, app.code())).headers["location"] == BACK

    visit(story)


def test_an_offered_secret_is_of_one_session_and_grows_old(visit):
    async def story(house):
        mine, other = await signed_in(house), await signed_in(house)
        page = await other.get("/account/authenticator")
        theirs = App(shown(page, r"<code>([A-Z2-7]{32})</code>"), house.clock)
        offer = hidden(page, "/account/authenticator/add")["offer"]
        form = hidden(await mine.get("/account/authenticator"), "/account/authenticator/add")
        for forged in (offer, "", "x", form["form"], "é"):
            sent = form | {"offer": forged, "code": theirs.code()}
            answer = await mine.post("/account/authenticator/add", data=sent)
            assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        house.clock.advance(OFFER_LIFETIME)
        await house.sign_in(mine)
        assert await house.store.totp(house.alice.user_id) is None

    visit(story)


def test_an_offer_of_a_quarter_of_an_hour_ago_is_refused(visit, monkeypatch):
    monkeypatch.setattr("tokenward.identity.account.door.FRESH", 2 * OFFER_LIFETIME)

    async def story(house):
        browser = await signed_in(house)
        page = await browser.get("/account/authenticator")
        app = App(shown(page, r"<code>([A-Z2-7]{32})</code>"), house.clock)
        form = hidden(page, "/account/authenticator/add")
        house.clock.advance(OFFER_LIFETIME)
        answer = await browser.post("/account/authenticator/add", data=form | {"code": app.code()})
        assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)

    visit(story)


def test_an_app_in_the_place_of_another_ends_that_one(visit):
    async def story(house):
        old, browser = await house.app(), house.browser()
        await house.sign_in_fully(browser, old)
        new, _, answer = await by_page(house, browser)
        assert answer.status_code == 303
        again = house.browser()
        await house.sign_in(again)
        assert WRONG_CODE.text in (await house.code(again, old.code())).text
        assert (await house.code(again, new.code())).headers["location"] == BACK

    visit(story)


def test_recovery_codes_are_shown_once_replaced_together_and_go_with_the_last_factor(visit):
    async def story(house):
        browser = await signed_in(house)
        answer = await browser.get("/account/recovery-codes")  # there is nothing to recover
        assert urlsplit(answer.headers["location"]).path == "/account/second-factor"
        form = {"form": house.parts.forms.of_session("account", await house.person(browser))}
        answer = await browser.post("/account/recovery-codes/make", data=form)
        assert urlsplit(answer.headers["location"]).path == "/account/second-factor"
        assert await house.store.recovery_codes_left(house.alice.user_id) == 0

        await by_page(house, browser)
        shown_codes = []
        for _ in range(2):
            form = hidden(await browser.get("/account/recovery-codes"), "/account/recovery-codes/make")
            page = await browser.post("/account/recovery-codes/make", data=form)
            shown_codes.append(re.findall(r"<code>((?:[0-9A-Z]{5}-){3}[0-9A-Z]{5})</code>", page.text))
            assert len(shown_codes[-1]) == 10
        assert not set(shown_codes[0]) & set(shown_codes[1])
        assert shown_codes[1][0] not in (await browser.get("/account/recovery-codes")).text
        again = house.browser()
        await house.sign_in(again)
        assert (await house.code(again, shown_codes[0][0])).status_code == 403
        assert (await house.code(again, shown_codes[1][0])).headers["location"] == BACK

        form = hidden(await browser.get("/account/authenticator"), "/account/authenticator/remove")
        await browser.post("/account/authenticator/remove", data=form)
        assert await house.store.has_factors(house.alice.user_id) == FactorSummary(password=True)

    visit(story)


async def make(browser, key, name="", **said):
    """Answer the page for new passkeys with this key."""
    page = await browser.get("/account/passkeys")
    options = json.loads(shown(page, r'data-create="([^"]+)"'))
    form = hidden(page, "/account/passkeys/add")
    sent = {"credential": key.create(base64url.decode(options["challenge"]), **said), "name": name}
    return form | sent, await browser.post("/account/passkeys/add", data=form | sent)


def a_key(house):
    return Authenticator(new_key(ES256), house.alice.user_id.encode())


def test_a_passkey_is_made_named_and_removed(visit):
    async def story(house):
        browser, key = await signed_in(house), a_key(house)
        old = browser.cookies[SESSION]
        _, answer = await make(browser, key, "  work\u202e \u200b laptop\x85 ")
        assert answer.headers["location"].startswith("/account/recovery-codes")
        assert await house.person_behind(f"{SESSION}={old}") is None
        assert (await house.person(browser)).authentication(level="phishing-resistant")
        (kept,) = await house.store.passkeys(house.alice.user_id)
        assert (kept.credential_id, kept.name) == (key.id, "work laptop")
        page = await browser.get("/account/passkeys")
        options = json.loads(shown(page, r'data-create="([^"]+)"'))
        assert [each["id"] for each in options["excludeCredentials"]] == [key.id]

        form = hidden(page, "/account/passkeys/rename")
        name = "\N{PILE OF POO}" * 100
        await browser.post("/account/passkeys/rename", data=form | {"name": name})
        assert (await house.store.passkey(key.id)).name == name[:MAX_NAME]
        for nothing in ("", "   ", "\u202e\u200b"):
            answer = await browser.post("/account/passkeys/rename", data=form | {"name": nothing})
            assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
        assert (await house.store.passkey(key.id)).name == name[:MAX_NAME]
        form = hidden(page, "/account/passkeys/remove")
        assert (await browser.post("/account/passkeys/remove", data=form)).status_code == 303
        assert await house.store.passkeys(house.alice.user_id) == []

    visit(story)


def test_a_form_for_a_passkey_is_good_once_and_for_its_own_challenge(visit):
    async def story(house):
        browser, key = await signed_in(house), a_key(house)
        page = await browser.get("/account/passkeys")
        challenge = base64url.decode(json.loads(shown(page, r'data-create="([^"]+)"'))["challenge"])
        house.clock.advance(1)
        form = hidden(await browser.get("/account/passkeys"), "/account/passkeys/add")
        answer = await browser.post(
            "/account/passkeys/add", data=form | {"credential": key.create(challenge)}
        )
        assert (answer.status_code, PASSKEY_REFUSED.text in answer.text) == (403, True)
        assert 'class="passkey"' in answer.text

        form, answer = await make(browser, key)
        assert answer.status_code == 303
        await house.store.remove_passkey(house.alice.user_id, key.id)
        answer = await browser.post("/account/passkeys/add", data=form)  # of the session before
        assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        assert await house.store.passkeys(house.alice.user_id) == []

    visit(story)


def test_two_answers_to_one_form_make_one_passkey(visit):
    async def story(house):
        browser = await signed_in(house)
        page = await browser.get("/account/passkeys")
        challenge = base64url.decode(json.loads(shown(page, r'data-create="([^"]+)"'))["challenge"])
        form = hidden(page, "/account/passkeys/add")
        person = await house.person(browser)
        first = form | {"credential": a_key(house).create(challenge)}
        assert (await browser.post("/account/passkeys/add", data=first)).status_code == 303
        # As if both had come before the session was renewed.
        page = PasskeysPage(house.parts, None, house.parts.party)
        with pytest.raises(Refusal) as refusal:
            await page._made({"headers": []}, person, form | {"credential": a_key(house).create(challenge)})
        assert refusal.value.problem is EXPIRED_FORM
        assert len(await house.store.passkeys(house.alice.user_id)) == 1

    visit(story)


@pytest.mark.parametrize("credential", ["", "{}", "null", "[" * 5000, "x" * 20_000])
def test_what_is_no_passkey_is_refused_with_the_page_again(visit, credential):
    async def story(house):
        browser = await signed_in(house)
        form = hidden(await browser.get("/account/passkeys"), "/account/passkeys/add")
        answer = await browser.post("/account/passkeys/add", data=form | {"credential": credential})
        assert (answer.status_code, PASSKEY_REFUSED.text in answer.text) == (403, True)
        assert await house.store.passkeys(house.alice.user_id) == []

    visit(story)


def test_a_passkey_that_is_somebodys_is_not_taken_over(visit):
    async def story(house):
        theirs = await holder(house, await person_called(house, "bob"))
        browser = await signed_in(house)
        _, answer = await make(browser, theirs)
        assert (answer.status_code, PASSKEY_REFUSED.text in answer.text) == (403, True)
        assert await house.store.passkeys(house.alice.user_id) == []

    visit(story)


def test_nobody_names_or_removes_another_persons_passkey(visit):
    async def story(house):
        bob = await person_called(house, "bob")
        theirs = await holder(house, bob)
        browser = await signed_in(house)
        form = {"form": await house.field(browser, "/account/passkeys"), "name": "mine", "passkey": theirs.id}
        before = await facts(house, bob)
        for path in ("rename", "remove"):
            assert (await browser.post(f"/account/passkeys/{path}", data=form)).status_code == 303
        assert await facts(house, bob) == before

    visit(story)


def test_there_is_an_end_to_passkeys(visit):
    async def story(house):
        for _ in range(MAX_PASSKEYS - 1):
            key = await holder(house)
        browser = house.browser()
        location = (await house.sign_in(browser)).headers["location"]
        assert (await use(browser, location, key)).status_code == 303
        assert (await make(browser, a_key(house)))[1].status_code == 303
        answer = (await make(browser, a_key(house)))[1]
        assert (answer.status_code, f"at most {MAX_PASSKEYS} passkeys" in answer.text) == (422, True)
        assert len(await house.store.passkeys(house.alice.user_id)) == MAX_PASSKEYS

    visit(story)


def test_another_password_ends_other_sessions_and_renews_ones_own(visit):
    async def story(house):
        browser, other = await signed_in(house), await signed_in(house)
        old, new = browser.cookies[SESSION], "a harbour full of lanterns"
        form = hidden(await browser.get("/account/password"), "/account/password/change")
        for password, again in ((new, new + "x"), ("short", "short"), ("", ""), ("alicealicealice", "")):
            answer = await browser.post(
                "/account/password/change", data=form | {"password": password, "again": again}
            )
            assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
            assert browser.cookies[SESSION] == old
        answer = await browser.post("/account/password/change", data=form | {"password": new, "again": new})
        assert answer.headers["location"] == "/account"
        assert await house.person(other) is None
        assert await house.person_behind(f"{SESSION}={old}") is None
        assert (await house.person(browser)).username == "alice"
        assert (await house.sign_in(house.browser())).status_code == 403
        assert (await house.sign_in(house.browser(), password=new)).status_code == 303

    visit(story)


# Letters


async def with_address(house):
    await house.store.change_user_claims(
        house.alice.user_id, {"email": "alice@example.com", "email_verified": True}, house.clock.time()
    )


def test_a_letter_tells_of_each_change(visit):
    async def story(house):
        await with_address(house)
        browser = await signed_in(house)
        said = ["Somebody signed in from a device"]
        await house.mailbox.settled()
        app, _, _ = await by_page(house, browser)
        said.append("An authenticator app can be used")
        await house.mailbox.settled()
        await make(browser, a_key(house), "blue key")
        said.append("A passkey called blue key can be used")
        await house.mailbox.settled()
        form = hidden(await browser.get("/account/recovery-codes"), "/account/recovery-codes/make")
        page = await browser.post("/account/recovery-codes/make", data=form)
        codes = re.findall(r"<code>((?:[0-9A-Z]{5}-){3}[0-9A-Z]{5})</code>", page.text)
        said.append("New recovery codes were made")
        await house.mailbox.settled()
        form = hidden(await browser.get("/account/password"), "/account/password/change")
        new = "a harbour full of lanterns"
        await browser.post("/account/password/change", data=form | {"password": new, "again": new})
        said.append("The password was changed")
        await house.mailbox.settled()
        browser.cookies.delete(SESSION)
        await house.sign_in(browser, password=new)
        await house.code(browser, codes[0])
        said.append("A recovery code was used")
        await house.mailbox.settled()
        for page, words in (
            ("passkeys", "The passkey called blue key can no longer"),
            ("authenticator", "The authenticator app can no longer"),
        ):
            form = hidden(await browser.get(f"/account/{page}"), f"/account/{page}/remove")
            await browser.post(f"/account/{page}/remove", data=form)
            await browser.post(f"/account/{page}/remove", data=form)  # nothing was done, nobody is told
            said.append(words)
            await house.mailbox.settled()
        assert len(house.mailbox.letters) == len(said)
        for (to, subject, text), words in zip(house.mailbox.letters, said, strict=True):
            assert (to, subject) == ("alice@example.com", "Your account at Example & Sons")
            assert text.strip().startswith(words)
            for secret in (app.secret, *codes, new, house.password, browser.cookies[SESSION]):
                assert secret not in text

    visit(story, mail=True)


def test_api_keys_are_listed_for_who_answers_for_them_and_nobody_else(visit):
    async def story(house):
        await house.store.change_user_claims(
            house.alice.user_id, {"email": "team@example.com"}, house.clock.time()
        )
        now = house.clock.time()
        owners = {"alice": "mine", "bob": "theirs", "team@example.com": "by address", "Alice": "another"}
        later = {"expires_at": now + 86_400}
        keys = [api_key(owner=owner, name=name, **later) for owner, name in owners.items()]
        gone = api_key(owner="alice", name="revoked", **later)
        await house.store.add_api_keys([*keys, gone, api_key(owner="alice", name="over", expires_at=now)])
        await house.store.revoke_api_key(gone.key_id, now)
        browser = await signed_in(house)
        page = (await browser.get("/account")).text
        assert [name for name in (*owners.values(), "revoked", "over") if f">{name}<" in page] == ["mine"]
        await with_address(house)
        await house.store.change_user_claims(house.alice.user_id, {"email": "team@example.com"}, now)
        page = (await browser.get("/account")).text
        assert [name for name in owners.values() if f">{name}<" in page] == ["mine", "by address"]

    visit(story)
