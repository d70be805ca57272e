"""From a password to a session by way of a code: what is asked for, refused, and left behind."""

import asyncio
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from identity.house import BACK, BEFORE, SESSION, WRONG, App, shown
from tokenward.base.problems import CLOCK_OFF, CODE_USED, EXPIRED_FORM, TOO_MANY_REQUESTS, WRONG_CODE
from tokenward.base.secret import Secret
from tokenward.identity import pending, sessions
from tokenward.identity.factors import totp
from tokenward.identity.people import add_user, set_password

PENDING = "__Host-tokenward_pending"


def asked(answer):
    """The page that an answer leads to, and the aim that it takes along."""
    assert answer.status_code == 303
    parts = urlsplit(answer.headers["location"])
    return parts.path, {name: value for name, (value,) in parse_qs(parts.query).items()}


async def left_nothing(house, browser):
    assert SESSION not in browser.cookies
    assert await house.sessions() == []


def test_a_password_and_a_code_make_a_session_and_a_password_alone_none(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        assert asked(await house.sign_in(browser)) == ("/sign-in/code", {"continue": BACK})
        await left_nothing(house, browser)
        answer = await house.code(browser, app.code())
        assert asked(answer) == ("/authorize", {"client_id": "app", "state": "s"})
        person = await house.person(browser)
        assert [proof.amr for proof in person.proofs] == [("pwd",), ("otp",)]
        assert PENDING not in browser.cookies

    visit(story)


@pytest.mark.parametrize("level", ["", "single-factor"])
def test_nobody_gets_past_the_code_by_asking_for_less(visit, level):
    async def story(house):
        await house.app()
        browser = house.browser()
        form = {"username": "alice", "password": house.password, "level": level, "continue": BACK}
        form["form"] = await house.field(browser)
        assert asked(await browser.post("/sign-in", data=form))[0] == "/sign-in/code"
        await left_nothing(house, browser)

    visit(story)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        (lambda _: "000000", WRONG_CODE),
        (lambda _: "12345", WRONG_CODE),
        (lambda _: "1234567", WRONG_CODE),
        (lambda _: "ABCDE-FGHJK-MNPQR-STVWX", WRONG_CODE),
        (lambda _: "\N{ARABIC-INDIC DIGIT ONE}" * 6, WRONG_CODE),
        (lambda app: app.code(-5), CLOCK_OFF),
        (lambda app: app.code(5), WRONG_CODE),  # it will be good: who guesses is not told to wait
        (lambda app: app.code(-1), CODE_USED),  # it showed that the app has the secret
        (lambda _: "", None),
    ],
)
def test_another_code_than_that_of_now_is_refused_with_its_own_words(visit, typed, problem):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in(browser)
        answer = await house.code(browser, typed(app))
        assert answer.status_code == (problem.status if problem else 400)
        assert problem is None or problem.text in answer.text
        assert 'role="alert"' in answer.text
        assert 'action="/sign-in/code"' in answer.text  # the same step once more
        await left_nothing(house, browser)
        assert (await house.code(browser, app.code())).headers["location"] == BACK

    visit(story)


def test_a_code_is_good_once_also_for_many_at_the_same_moment(visit):
    async def story(house):
        app = await house.app()
        browsers = [house.browser() for _ in range(4)]
        for browser in browsers:
            await house.sign_in(browser)
        answers = await asyncio.gather(*(house.code(browser, app.code()) for browser in browsers))
        assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403]
        assert sum(CODE_USED.text in answer.text for answer in answers) == 3
        assert len(await house.sessions()) == 1

    visit(story)


def test_a_recovery_code_is_good_once(visit):
    async def story(house):
        await house.app()
        code, *_ = await house.parts.factors.new_recovery_codes(house.alice.user_id)
        first, second = house.browser(), house.browser()
        for browser in (first, second):
            await house.sign_in(browser)
        answer = await house.code(first, code.reveal().lower().replace("-", " "))
        assert answer.headers["location"] == BACK
        answer = await house.code(second, code.reveal())
        assert (answer.status_code, WRONG_CODE.text in answer.text) == (403, True)
        assert SESSION not in second.cookies

    visit(story)


def test_another_persons_codes_do_not_help(visit):
    async def story(house):
        bob = await add_user(
            house.store, "bob", Secret(house.password), passwords=house.passwords, clock=house.clock
        )
        theirs = await house.app(bob)
        await house.app()
        code, *_ = await house.parts.factors.new_recovery_codes(bob.user_id)
        browser = house.browser()
        await house.sign_in(browser)
        for typed in (theirs.code(), code.reveal()):
            assert (await house.code(browser, typed)).status_code == 403
        await left_nothing(house, browser)
        assert await house.store.recovery_codes_left(bob.user_id) == 10

    visit(story)


def test_without_a_first_step_there_is_no_second(visit):
    async def story(house):
        app = await house.app()
        stranger, alice = house.browser(), house.browser()
        assert asked(await stranger.get(f"/sign-in/code?continue={BACK}"))[0] == "/sign-in"
        await house.sign_in(alice)
        form = {"form": await house.field(alice, "/sign-in/code"), "code": app.code()}
        assert asked(await stranger.post("/sign-in/code", data=form))[0] == "/sign-in"
        assert await house.sessions() == []

    visit(story)


def test_abandoning_between_the_steps_leaves_nothing(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in(browser)
        assert asked(await browser.get("/account"))[0] == "/sign-in"
        page = await browser.get("/sign-in?again=1")
        assert page.status_code == 200
        assert PENDING not in browser.cookies
        assert asked(await browser.get("/sign-in/code"))[0] == "/sign-in"
        await left_nothing(house, browser)
        await house.sign_in_fully(browser, app)

    visit(story)


def test_what_was_shown_counts_for_ten_minutes(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in(browser)
        house.clock.advance(pending.LIFETIME - 1)
        assert await house.field(browser, "/sign-in/code")
        form = {"form": await house.field(browser, "/sign-in/code"), "code": app.code()}
        house.clock.advance(1)
        assert asked(await browser.post("/sign-in/code", data=form))[0] == "/sign-in"
        await left_nothing(house, browser)

    visit(story)


async def new_password(house, user_id):
    await set_password(house.store, "alice", Secret(WRONG), passwords=house.passwords)


async def disabled(house, user_id):
    await house.store.disable_user(user_id, house.clock.time())


async def disabled_and_enabled(house, user_id):
    await disabled(house, user_id)
    await house.store.enable_user(user_id, house.clock.time())


async def reset(house, user_id):
    await house.store.reset_factors(user_id)


async def another_factor(house, user_id):
    await house.parts.factors.new_recovery_codes(user_id)


@pytest.mark.parametrize("change", [new_password, disabled, disabled_and_enabled, reset, another_factor])
@pytest.mark.parametrize("seen", [False, True])
def test_what_was_shown_is_worth_nothing_once_the_way_in_was_changed(visit, change, seen):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in(browser)
        form = {"form": await house.field(browser, "/sign-in/code"), "code": app.code(), "continue": BACK}
        await change(house, house.alice.user_id)
        if seen:
            assert asked(await browser.get("/sign-in/code"))[0] == "/sign-in"
        answer = await browser.post("/sign-in/code", data=form)
        assert asked(answer)[0] == "/sign-in"
        await left_nothing(house, browser)

    visit(story)


@pytest.mark.parametrize("change", [new_password, disabled, reset])
def test_a_change_at_the_very_moment_of_the_code_leaves_no_session(visit, monkeypatch, change):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in(browser)
        use = house.store.use_totp_step

        async def slowly(user_id, step):
            used = await use(user_id, step)
            await change(house, user_id)
            return used

        monkeypatch.setattr(house.store, "use_totp_step", slowly)
        answer = await house.code(browser, app.code())
        assert answer.status_code in {303, 400, 403}
        assert answer.headers.get("location") != BACK
        await left_nothing(house, browser)

    visit(story)


def test_a_password_changed_in_the_middle_is_no_obstacle_to_the_new_one(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in(browser)
        await new_password(house, house.alice.user_id)
        # The cookie of the old sign-in is still there.
        assert asked(await house.sign_in(browser, password=WRONG))[0] == "/sign-in/code"
        assert (await house.code(browser, app.code())).headers["location"] == BACK

    visit(story)


def test_the_cookie_of_a_finished_sign_in_asks_for_the_code_again(visit):
    async def story(house):
        app, browser, thief = await house.app(), house.browser(), house.browser()
        await house.sign_in(browser)
        kept = browser.cookies[PENDING]
        assert (await house.code(browser, app.code())).headers["location"] == BACK
        used = app.code()
        thief.cookies.set(PENDING, kept, domain="id.example")
        assert asked(await thief.get("/sign-in"))[0] == "/sign-in/code"
        assert CODE_USED.text in (await house.code(thief, used)).text
        assert asked(await thief.get("/account"))[0] == "/sign-in"
        assert len(await house.sessions()) == 1

    visit(story)


@pytest.mark.parametrize("forged", ["x", "A" * 200, "e30", "=", ""])
def test_a_forged_or_foreign_cookie_shows_nothing(visit, forged):
    async def story(house):
        await house.app()
        browser = house.browser()
        browser.cookies.set(PENDING, forged, domain="id.example")
        assert asked(await browser.get("/sign-in/code"))[0] == "/sign-in"
        sealed = house.parts.forms._guard.field("code", "x")
        browser.cookies.set(PENDING, sealed, domain="id.example")
        assert asked(await browser.get("/sign-in/code"))[0] == "/sign-in"

    visit(story)


def test_two_persons_in_one_browser_are_not_mixed(visit):
    async def story(house):
        await add_user(
            house.store, "bob", Secret(house.password), passwords=house.passwords, clock=house.clock
        )
        app, browser = await house.app(), house.browser()
        await house.sign_in(browser)  # alice's password
        assert (await house.sign_in(browser, "bob")).headers["location"] == BACK
        person = await house.person(browser)
        assert (person.username, [proof.amr for proof in person.proofs]) == ("bob", [("pwd",)])
        assert await house.sessions() == []
        bobs = browser.cookies[SESSION]

        await house.sign_in(browser)  # alice again, in bob's session
        assert (await house.person(browser)).username == "bob"
        assert (await house.code(browser, app.code())).headers["location"] == BACK
        person = await house.person(browser)
        assert (person.username, [proof.amr for proof in person.proofs]) == ("alice", [("pwd",), ("otp",)])
        assert await house.person_behind(f"{SESSION}={bobs}") is None

    visit(story)


def test_a_step_up_asks_for_the_missing_factor_and_renews_the_session(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in_fully(browser, app)
        old, before = browser.cookies[SESSION], (await house.sessions())[0]
        house.clock.advance(15 * 60)
        await browser.get("/account")
        since = house.clock.time()
        url = house.identity.sign_in.sign_in_url(BACK, since=since)
        page = await browser.get(url)
        assert page.status_code == 200
        assert 'value="alice"' in page.text
        # One factor alone: nothing has changed for the session.
        form = {"form": await house.field(browser, url), "username": "alice", "password": house.password}
        answer = await browser.post("/sign-in", data=form | {"continue": BACK, "since": repr(since)})
        path, aim = asked(answer)
        assert (path, float(aim["since"])) == ("/sign-in/code", since)
        assert browser.cookies[SESSION] == old
        assert [proof.at < since for proof in (await house.person(browser)).proofs] == [True, True]

        answer = await house.code(
            browser, app.code(), path=f"/sign-in/code?since={since!r}", since=repr(since)
        )
        assert answer.headers["location"] == BACK
        person = await house.person(browser)
        assert [proof.at >= since for proof in person.proofs] == [True, True]
        assert await house.person_behind(f"{SESSION}={old}") is None
        (after,) = await house.sessions()
        assert after.expires_at == before.expires_at == before.created_at + sessions.ABSOLUTE

    visit(story)


def test_only_what_is_too_old_is_asked_for(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in(browser)
        house.clock.advance(120)
        await house.code(browser, app.code())
        since = house.clock.time() - 60
        house.clock.advance(totp.STEP)
        # The code is young enough, the password is not.
        assert (await browser.get(house.identity.sign_in.sign_in_url(BACK, since=since))).status_code == 200
        form = {"username": "alice", "password": house.password, "continue": BACK, "since": repr(since)}
        form["form"] = await house.field(browser, f"/sign-in?since={since!r}")
        assert (await browser.post("/sign-in", data=form)).headers["location"] == BACK

    visit(story)


def test_a_step_up_that_began_before_the_way_in_was_changed_begins_again(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in_fully(browser, app)
        since = {"continue": BACK, "since": f"{house.clock.time() + 1:.1f}"}
        house.clock.advance(30)
        form = {"username": "alice", "password": house.password, "form": await house.field(browser), **since}
        answer = await browser.post("/sign-in", data=form)
        assert asked(answer)[0] == "/sign-in/code"
        await house.store.remove_totp(house.alice.user_id)  # in another tab; the session goes on
        answer = await browser.get(answer.headers["location"])
        assert (await browser.get(answer.headers["location"])).status_code == 200  # and asks for the password
        form["form"] = await house.field(browser)
        assert (await browser.post("/sign-in", data=form)).headers["location"] == BACK
        assert (await house.person(browser)).username == "alice"

    visit(story)


def test_what_was_proved_does_not_count_if_the_way_in_is_changed_at_that_moment(visit, monkeypatch):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in_fully(browser, app)
        (before,) = await house.sessions()
        real = house.store.replace_session

        async def replaces_late(*given, **named):
            await house.store.remove_totp(house.alice.user_id)
            return await real(*given, **named)

        monkeypatch.setattr(house.store, "replace_session", replaces_late)
        since = {"continue": BACK, "since": f"{house.clock.time() + 1:.1f}"}
        house.clock.advance(30)
        form = {"username": "alice", "password": house.password, "form": await house.field(browser), **since}
        path = (await browser.post("/sign-in", data=form)).headers["location"]
        answer = await house.code(browser, app.code(), path, **since)
        assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        assert [(each.session_id, each.proofs) for each in await house.sessions()] == [
            (before.session_id, before.proofs)
        ]

    visit(story)


def test_an_abandoned_step_up_leads_into_no_circle(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in_fully(browser, app)
        house.clock.advance(30)
        since = house.clock.time()
        form = {"username": "alice", "password": house.password, "continue": BACK, "since": repr(since)}
        form["form"] = await house.field(browser, f"/sign-in?since={since!r}")
        assert asked(await browser.post("/sign-in", data=form))[0] == "/sign-in/code"
        house.clock.advance(60)
        # Both proofs of the session are fresh all the same.
        assert (await browser.get("/account/password")).status_code == 200
        answer = await browser.get("/sign-in?continue=/account/password")
        assert asked(answer)[0] == "/account/password"
        assert PENDING not in browser.cookies

    visit(story)


def test_who_has_no_second_factor_is_led_to_one_and_may_go_back_without(visit):
    async def story(house):
        browser = house.browser()
        form = {"username": "alice", "password": house.password, "continue": BACK, "level": "two-factor"}
        form["form"] = await house.field(browser)
        path, aim = asked(await browser.post("/sign-in", data=form))
        assert (path, aim) == ("/account/second-factor", {"continue": BACK, "level": "two-factor"})
        assert [proof.amr for proof in (await house.person(browser)).proofs] == [("pwd",)]
        page = await browser.get(
            f"/account/second-factor?continue={BACK.replace('&', '%26')}&level=two-factor"
        )
        assert f'href="{BACK.replace("&", "&amp;")}"' in page.text
        way = shown(page, r'href="(/account/authenticator[^"]+)"')
        page = await browser.get(way)
        app_secret = re.search(r"<code>([A-Z2-7]{32})</code>", page.text)[1]
        app = App(app_secret, house.clock)
        fields = dict(
            re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text.partition("add")[2])
        )
        form = {name: value.replace("&amp;", "&") for name, value in fields.items()} | {"code": app.code()}
        path, aim = asked(await browser.post("/account/authenticator/add", data=form))
        assert (path, aim["continue"]) == ("/account/recovery-codes", BACK)
        person = await house.person(browser)
        assert person.authentication(level="two-factor")
        page = await browser.get(f"/account/recovery-codes?continue={BACK.replace('&', '%26')}")
        assert f'href="{BACK.replace("&", "&amp;")}"' in page.text

    visit(story)


def test_the_way_to_a_new_factor_still_leads_on_after_another_sign_in(visit):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        house.clock.advance(10 * 60)
        query = f"continue={BACK.replace('&', '%26').replace('?', '%3F')}&level=two-factor"
        for page in ("authenticator", "passkeys", "recovery-codes"):
            path, aim = asked(await browser.get(f"/account/{page}?{query}"))
            assert path == "/sign-in"
            back = urlsplit(aim["continue"])
            assert back.path == f"/account/{page}"
            assert parse_qs(back.query) == {"continue": [BACK], "level": ["two-factor"]}

    visit(story)


def test_a_session_ends_when_the_step_up_of_another_tab_renewed_it(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in_fully(browser, app)
        stale = house.browser()
        stale.cookies.set(SESSION, browser.cookies[SESSION], domain="id.example")
        since = house.clock.time()
        form = {"username": "alice", "password": house.password, "continue": BACK, "since": repr(since)}
        form["form"] = await house.field(stale, f"/sign-in?since={since!r}")
        house.clock.advance(1)
        await stale.post("/sign-in", data=form)  # its pending sign-in renews this session
        await house.store.end_session((await house.person(browser)).session_id)
        assert asked(await stale.get(f"/sign-in/code?since={since!r}"))[0] == "/sign-in"
        assert await house.sessions() == []

    visit(story)


def test_wrong_codes_are_counted_and_the_owners_ways_stay_open(visit):
    async def story(house):
        app, owner = await house.app(), house.browser()
        await house.sign_in_fully(owner, app)  # a device that is known from now on
        codes = await house.parts.factors.new_recovery_codes(house.alice.user_id)
        owner.cookies.delete(SESSION)
        thief = house.browser("203.0.113.9")
        await house.sign_in(thief)
        for _ in range(5):
            assert (await house.code(thief, "000000")).status_code == 403
        answer = await house.code(thief, app.code())
        assert (answer.status_code, TOO_MANY_REQUESTS.text in answer.text) == (429, True)
        assert int(answer.headers["retry-after"]) > 0
        assert SESSION not in thief.cookies

        await house.sign_in(owner)
        assert (await house.code(owner, app.code())).headers["location"] == BACK
        elsewhere = house.browser("192.0.2.1")
        await house.sign_in(elsewhere)
        assert (await house.code(elsewhere, codes[0].reveal())).headers["location"] == BACK

    visit(story)


def test_wrong_codes_need_the_password_first(visit):
    async def story(house):
        app, attacker = await house.app(), house.browser("203.0.113.9")
        for _ in range(10):
            await attacker.post("/sign-in/code", data={"form": "x", "code": "000000"})
        browser = house.browser()
        await house.sign_in(browser)
        assert (await house.code(browser, app.code())).headers["location"] == BACK

    visit(story)


def test_signing_out_forgets_a_sign_in_that_was_under_way(visit):
    async def story(house):
        app, browser = await house.app(), house.browser()
        await house.sign_in_fully(browser, app)
        field = shown(await browser.get("/account"), r'action="/sign-out">\s*<input[^>]+ value="([^"]+)"')
        await house.sign_in(browser, continue_to="/account")
        since = house.clock.time()
        form = {"username": "alice", "password": house.password, "since": repr(since)}
        form["form"] = await house.field(browser)
        await browser.post("/sign-in", data=form)
        assert PENDING in browser.cookies
        field = shown(await browser.get("/account"), r'action="/sign-out">\s*<input[^>]+ value="([^"]+)"')
        assert (await browser.post("/sign-out", data={"form": field})).status_code == 303
        assert PENDING not in browser.cookies
        assert asked(await browser.get("/sign-in/code"))[0] == "/sign-in"

    visit(story)


@pytest.mark.parametrize("who", ["nobody", "alice", "invited", "gone"])
def test_every_refused_name_costs_one_computation(visit, monkeypatch, who):
    ran = []

    async def story(house):
        invited = await add_user(house.store, "invited", None, passwords=house.passwords)
        gone = await add_user(house.store, "gone", Secret(house.password), passwords=house.passwords)
        await house.store.disable_user(gone.user_id, house.clock.time())
        assert invited.password_hash == ""
        matches = house.passwords._matches
        monkeypatch.setattr(
            house.passwords, "_matches", lambda *given: ran.append(given[0]) or matches(*given)
        )
        password = house.password if who == "gone" else WRONG
        answer = await house.sign_in(house.browser(), who, password)
        assert answer.status_code == 403
        assert "The user name or the password is wrong." in answer.text
        assert len(ran) == 1
        assert ran[0].startswith("$argon2id$")

    visit(story)


def test_a_form_of_the_code_page_is_of_one_browser_and_grows_old(visit):
    async def story(house):
        app, browser, other = await house.app(), house.browser(), house.browser()
        await house.sign_in(browser)
        await house.sign_in(other)
        signs_in = house.parts.forms._guard.field("sign-in", browser.cookies[BEFORE])
        for field in ("", "x", await house.field(other, "/sign-in/code"), signs_in):
            answer = await browser.post("/sign-in/code", data={"form": field, "code": app.code()})
            assert (answer.status_code, EXPIRED_FORM.text in answer.text) == (400, True)
        await left_nothing(house, browser)
        assert (await house.code(browser, app.code())).headers["location"] == BACK  # nothing was used up

    visit(story)
