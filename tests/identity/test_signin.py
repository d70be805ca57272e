import asyncio
import logging
import re
import secrets
from html import escape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.house import BACK, BEFORE, SESSION, WRONG, opened
from tokenward.base.secret import Secret
from tokenward.identity.continuing import MAX_CONTINUE, safe_continue
from tokenward.identity.csrf import FORM_LIFETIME
from tokenward.identity.passwords import MAX_LENGTH
from tokenward.identity.people import add_user, set_password
from tokenward.store.port import StoreUnavailable

ELSEWHERE = [
    "//evil.example",
    "//evil.example/authorize?a=1",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example/authorize?a=1",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/",
    "",
    "authorize?a=1",
    "/authorize",
    "/authorize/decision?a=1",
    "/authorize/../evil?a=1",
    "/authorizeevil?a",
    "/device/decision",
    "/device/../evil",
    "/deviceevil",
    "/authorize?a=1#fragment",
    "/authorize?a=\\evil",
    '/authorize?a="><script>',
    "/authorize?a= b",
    "/authorize?é",
    " /authorize?a=1",
    "/authorize?a=1\n",
    "/%61uthorize?a=1",
    "/authorize;x?a=1",
    "/sign-out?",
    "/authorize?" + "a" * MAX_CONTINUE,
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nothing_but_the_authorization_endpoint_is_continued_to(visit, target):
    assert safe_continue(target) == "/"

    async def story(house):
        assert house.identity.sign_in.sign_in_url(target) == "/sign-in?continue=%2F"
        answer = await house.sign_in(house.browser(), continue_to=target)
        if answer.status_code == 303:
            assert answer.headers["location"] == "/"
        else:  # a line break in a form is refused altogether
            assert answer.status_code == 400
            assert "location" not in answer.headers

    visit(story)


@pytest.mark.parametrize(
    "target",
    [
        "/device",
        "/device?user_code=WDJB-MJHT",
        BACK,
        "/authorize?",
        "/authorize?a=%0d%0aSet-Cookie:x=1",
        "/authorize?r=https://a/?b[]=c",
    ],
)
def test_the_request_that_asked_for_sign_in_is_continued_unchanged(visit, target):
    async def story(house):
        browser = house.browser()
        url = house.identity.sign_in.sign_in_url(target)
        assert parse_qs(urlsplit(url).query) == {"continue": [target]}
        page = await browser.get(url)
        hidden = re.search(r'name="continue" value="([^"]+)"', page.text)[1].replace("&amp;", "&")
        assert hidden == target
        answer = await house.sign_in(browser, continue_to=target)
        assert (answer.status_code, answer.headers["location"]) == (303, target)
        assert answer.headers["cache-control"] == "no-store"

    visit(story)


@settings(deadline=None)
@given(st.text() | st.text().map("/authorize?{}".format))
def test_a_continuation_stays_on_this_origin(text):
    parts = urlsplit(safe_continue(text))
    assert (parts.scheme, parts.netloc, parts.fragment) == ("", "", "")
    assert parts.path in {"/", "/authorize", "/device"}
    assert safe_continue(text).isascii()
    assert safe_continue(text).isprintable()


def test_line_breaks_in_the_query_are_refused_with_a_page(visit):
    async def story(house):
        answer = await house.browser().get("/sign-in?continue=/authorize%3Fa%3D1%0d%0aLocation:%20//evil")
        assert answer.status_code == 400
        assert "malformed_request" in answer.text

    visit(story)


def test_a_right_password_signs_in_and_a_wrong_one_does_not(visit):
    async def story(house):
        browser = house.browser()
        answer = await house.sign_in(browser, password=WRONG)
        assert answer.status_code == 403
        assert "The user name or the password is wrong." in answer.text
        assert 'value="alice"' in answer.text
        assert 'aria-describedby="problem"' in answer.text
        assert SESSION not in browser.cookies
        assert (await house.sign_in(browser)).status_code == 303
        assert (await house.person(browser)).username == "alice"

    visit(story)


@pytest.mark.parametrize("typed", ["alice", " alice ", "\uff41lice"])
def test_a_name_is_found_as_keyboards_send_it(visit, typed):
    async def story(house):
        assert (await house.sign_in(house.browser(), typed)).status_code == 303

    visit(story)


@pytest.mark.parametrize("name", ["ALICE", "alice\u200b", "alice" + "x" * 60, "bob", "' OR 1=1 --"])
def test_another_name_is_another_person(visit, name):
    async def story(house):
        assert (await house.sign_in(house.browser(), name)).status_code == 403

    visit(story)


def test_a_name_that_is_too_long_is_not_cut_to_one_that_exists(visit):
    async def story(house):
        await add_user(
            house.store, "x" * 64, Secret(house.password), passwords=house.passwords, clock=house.clock
        )
        assert (await house.sign_in(house.browser(), "x" * 65)).status_code == 403
        assert (await house.sign_in(house.browser(), "x" * 64)).status_code == 303

    visit(story)


@pytest.mark.parametrize("name", ["alice", "nobody", "no\u200bname"])
def test_an_unknown_name_costs_the_same_computation_and_says_the_same(visit, monkeypatch, name):
    ran = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher,
        "verify",
        lambda self, stored, given: ran.append(stored) or verify(self, stored, given),
    )

    async def story(house):
        answer = await house.sign_in(house.browser(), name, password=WRONG)
        assert answer.status_code == 403
        assert "The user name or the password is wrong." in answer.text
        assert len(ran) == 1

    visit(story)


@pytest.mark.parametrize("missing", ["username", "password"])
def test_an_empty_field_is_not_looked_up(visit, missing):
    async def story(house):
        browser = house.browser()
        form = {"username": "alice", "password": house.password, "form": await house.field(browser)}
        answer = await browser.post("/sign-in", data=form | {missing: ""})
        assert answer.status_code == 400

    visit(story)


def test_every_sign_in_gives_a_new_session_and_ends_the_one_that_was_there(visit):
    async def story(house):
        attacker, victim = house.browser(), house.browser()
        await house.sign_in(attacker)
        planted = attacker.cookies[SESSION]
        victim.cookies.set(SESSION, planted, domain="id.example")
        await house.sign_in(victim)
        assert victim.cookies[SESSION] != planted
        assert await house.person(victim)
        assert await house.person_behind(f"{SESSION}={planted}") is None

    visit(story)


def test_a_planted_text_is_never_taken_over_as_the_session(visit):
    async def story(house):
        browser = house.browser()
        browser.cookies.set(SESSION, "known-to-the-attacker", domain="id.example")
        answer = await house.sign_in(browser)
        assert "known-to-the-attacker" not in answer.headers["set-cookie"]
        assert await house.person_behind(f"{SESSION}=known-to-the-attacker") is None

    visit(story)


async def refused_as_forged(house, browser, form, headers=None):
    answer = await browser.post("/sign-in", data=form, headers=headers)
    assert answer.status_code == 400
    assert "expired or belongs to another session" in answer.text
    assert SESSION not in answer.headers.get("set-cookie", "")


def test_a_form_without_our_field_is_refused(visit):
    async def story(house):
        browser = house.browser()
        field = await house.field(browser)
        right = {"username": "alice", "password": house.password}
        for forged in ("", "x", "é", field[:-1], field[::-1], "A" * len(field), field + "A"):
            await refused_as_forged(house, browser, right | {"form": forged})
        assert (await browser.post("/sign-in", data=right | {"form": field})).status_code == 303

    visit(story)


def test_a_field_made_for_the_attackers_browser_is_refused_in_the_victims(visit):
    async def story(house):
        attacker, victim = house.browser(), house.browser()
        theirs = await house.field(attacker)
        form = {"username": "alice", "password": house.password, "form": theirs}
        await refused_as_forged(house, victim, form)  # no cookie at all
        await house.field(victim)
        await refused_as_forged(house, victim, form)  # a cookie of their own
        victim.cookies.delete(BEFORE)
        two = f"{BEFORE}={attacker.cookies[BEFORE]}; {BEFORE}={'0' * 22}"
        await refused_as_forged(house, victim, form, {"cookie": two})

    visit(story)


def test_a_sign_out_field_does_not_sign_in(visit):
    async def story(house):
        browser = house.browser()
        await house.field(browser)
        field = house.identity.sign_in._parts.forms._guard.field("sign-out", browser.cookies[BEFORE])
        await refused_as_forged(
            house, browser, {"username": "alice", "password": house.password, "form": field}
        )

    visit(story)


def test_a_form_grows_old(visit):
    async def story(house):
        browser = house.browser()
        form = {"username": "alice", "password": house.password, "form": await house.field(browser)}
        house.clock.advance(FORM_LIFETIME + 1)
        await refused_as_forged(house, browser, form)
        assert (await house.sign_in(browser)).status_code == 303  # the page that said so works

    visit(story)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://id.example"},
        {"origin": "https://id.example:8443"},
        {"origin": "https://sub.id.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://id.example", "sec-fetch-site": "cross-site"},
    ],
)
def test_what_the_browser_calls_foreign_is_refused_even_with_everything_right(visit, headers):
    async def story(house):
        browser = house.browser()
        form = {"username": "alice", "password": house.password, "form": await house.field(browser)}
        await refused_as_forged(house, browser, form, headers)

    visit(story)


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "https://id.example", "sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}],
)
def test_our_own_page_is_not(visit, headers):
    async def story(house):
        assert (await house.sign_in(house.browser(), headers=headers)).status_code == 303

    visit(story)


def test_two_tabs_share_a_browsers_binding(visit):
    async def story(house):
        browser = house.browser()
        first, second = await house.field(browser), await house.field(browser)
        for field in (first, second):
            form = {"username": "alice", "password": WRONG, "form": field}
            assert (await browser.post("/sign-in", data=form)).status_code == 403

    visit(story)


def test_the_longest_password_and_the_longest_request_fit_into_the_form(visit):
    async def story(house):
        password = "".join(chr(ord("\N{KEY}") + n % 50) for n in range(MAX_LENGTH))
        await set_password(house.store, "alice", Secret(password), passwords=house.passwords)
        target = BACK.ljust(MAX_CONTINUE, "/")
        answer = await house.sign_in(house.browser(), password=password, continue_to=target)
        assert (answer.status_code, answer.headers["location"]) == (303, target)

    visit(story)


def test_signing_out_ends_the_session_at_the_server(visit):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        secret = browser.cookies[SESSION]
        answer = await browser.post("/sign-out", data={"form": await house.field(browser, "/account")})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert SESSION not in browser.cookies
        assert await house.person_behind(f"{SESSION}={secret}") is None
        assert "You are not signed in" in (await browser.get("/")).text

    visit(story)


def test_nobody_else_can_sign_a_person_out(visit):
    async def story(house):
        browser, attacker = house.browser(), house.browser()
        await house.sign_in(browser)
        await house.sign_in(attacker)
        for field in ("", await house.field(attacker, "/account")):
            assert (await browser.post("/sign-out", data={"form": field})).status_code == 400
        field = await house.field(browser, "/account")
        foreign = {"origin": "https://evil.example"}
        assert (await browser.post("/sign-out", data={"form": field}, headers=foreign)).status_code == 400
        assert await house.person(browser)

    visit(story)


@pytest.mark.parametrize("header", [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")])
def test_another_sites_form_cannot_take_the_cookie_away(visit, header):
    async def story(house):
        # As browsers send it: without the SameSite=Lax cookie. They would obey a Set-Cookie in the answer.
        answer = await house.browser().post("/sign-out", data={"form": "x"}, headers=dict([header]))
        assert answer.status_code == 400
        assert "set-cookie" not in answer.headers

    visit(story)


def test_a_password_changed_during_a_sign_in_leaves_no_session_to_who_knew_the_old_one(visit, monkeypatch):
    async def story(house):
        verify = house.passwords.verify

        async def slowly(password_hash, password):
            right = await verify(password_hash, password)
            await set_password(house.store, "alice", Secret(WRONG), passwords=house.passwords)
            return right

        monkeypatch.setattr(house.passwords, "verify", slowly)
        browser = house.browser()
        answer = await house.sign_in(browser)
        assert answer.status_code == 403
        assert SESSION not in browser.cookies
        assert await house.store.sessions_of(house.alice.user_id) == []

    visit(story)


def test_signing_out_twice_is_harmless(visit):
    async def story(house):
        assert (await house.browser().post("/sign-out", data={"form": "x"})).status_code == 303

    visit(story)


def test_guessing_is_slowed_where_it_comes_from_and_the_person_still_gets_in(visit):
    async def story(house):
        attacker, alice = house.browser("203.0.113.9"), house.browser("198.51.100.7")
        for _ in range(5):
            assert (await house.sign_in(attacker, password=WRONG)).status_code == 403
        answer = await house.sign_in(attacker, password=WRONG)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
        assert (await house.sign_in(attacker)).status_code == 429  # the right one, too: no oracle
        assert (await house.sign_in(alice)).status_code == 303
        house.clock.advance(30)
        assert (await house.sign_in(attacker)).status_code == 303

    visit(story)


def test_guessing_many_names_from_one_address_is_slowed(visit):
    async def story(house):
        attacker = house.browser("203.0.113.9")
        statuses = [(await house.sign_in(attacker, f"user{n}", WRONG)).status_code for n in range(21)]
        assert statuses == [403] * 20 + [429]

    visit(story)


def test_attempts_at_the_same_moment_count_each(visit, monkeypatch):
    async def story(house):
        attacker = house.browser("203.0.113.9")
        answers = await asyncio.gather(*(house.sign_in(attacker, password=WRONG) for _ in range(12)))
        assert sorted(answer.status_code for answer in answers) == [403] * 5 + [429] * 7

    visit(story)


def test_a_name_under_attack_from_everywhere_is_slow_but_never_closed(visit, monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    async def story(house):
        for n in range(20):
            assert (await house.sign_in(house.browser(f"203.0.113.{n}"), password=WRONG)).status_code == 403
        monkeypatch.setattr("tokenward.identity.signin.asyncio.sleep", sleep)
        assert (await house.sign_in(house.browser())).status_code == 303
        assert slept == [2.0]

    visit(story)


def test_right_passwords_never_run_into_the_throttle(visit):
    async def story(house):
        for _ in range(30):
            assert (await house.sign_in(house.browser())).status_code == 303

    visit(story)


def test_no_password_name_token_or_field_reaches_the_log(visit, caplog):
    typed, wrong = secrets.token_urlsafe(12), secrets.token_urlsafe(12)

    async def story(house):
        caplog.set_level(logging.DEBUG)
        browser = house.browser()
        field = await house.field(browser)
        await house.sign_in(browser, typed, wrong)
        await house.sign_in(browser, "alice", wrong)
        before = browser.cookies[BEFORE]
        await house.sign_in(browser)
        await browser.post("/sign-in", data={"form": field, "username": typed, "password": wrong})
        ours = [record for record in caplog.records if record.name.startswith("tokenward")]
        logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in ours)
        assert house.alice.user_id in logged
        assert "bad_credentials" in logged
        for secret in (typed, wrong, house.password, field, before, browser.cookies[SESSION]):
            assert secret not in logged

    visit(story)


def test_an_outage_counts_as_no_guess(visit, monkeypatch):
    async def story(house):
        browser = house.browser()

        async def down(*_):
            raise StoreUnavailable

        with monkeypatch.context() as outage:
            outage.setattr(house.store, "user_by_name", down)
            for _ in range(25):
                assert (await house.sign_in(browser)).status_code == 503
        assert (await house.sign_in(browser)).status_code == 303

    visit(story)


def test_a_store_that_is_down_is_a_503_and_no_session(visit, monkeypatch):
    async def story(house):
        browser = house.browser()

        async def down(*_, **__):
            raise StoreUnavailable

        for method in ("user_by_name", "add_session"):
            with monkeypatch.context() as patch:
                patch.setattr(house.store, method, down)
                answer = await house.sign_in(browser)
            assert answer.status_code == 503
            assert "set-cookie" not in answer.headers
            assert "unavailable" in answer.text

    visit(story)


@pytest.mark.parametrize(
    ("path", "method", "allow"),
    [
        ("/sign-in", "PUT", {"GET", "HEAD", "POST"}),
        ("/sign-out", "GET", {"POST"}),
        ("/", "POST", {"GET", "HEAD"}),
    ],
)
def test_other_methods_are_refused(visit, path, method, allow):
    async def story(house):
        answer = await house.browser().request(method, path)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == allow

    visit(story)


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"username=a", None, 415),
        (b"username=a&username=b", "application/x-www-form-urlencoded", 400),
        (b"username=%ff", "application/x-www-form-urlencoded", 400),
        (b"username=%0", "application/x-www-form-urlencoded", 400),
        (b"password=" + b"x" * 1_000_000, "application/x-www-form-urlencoded", 413),
        (b"password=" + b"x" * 16_000, "application/x-www-form-urlencoded", 400),
        (b"a=1&" * 60, "application/x-www-form-urlencoded", 413),
    ],
)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
def test_bad_bodies_are_refused_with_a_page(visit, path, content, media_type, status):
    async def story(house):
        headers = {"content-type": media_type} if media_type else {}
        answer = await house.browser().post(path, content=content, headers=headers)
        assert answer.status_code == (status if path == "/sign-in" else 303)  # nobody is signed in
        assert answer.headers["cache-control"] == "no-store"

    visit(story)


def test_any_form_gets_a_clear_answer(tmp_path):
    names = st.sampled_from(["username", "password", "form", "continue"]) | st.text(max_size=8)
    bodies = st.binary(max_size=200) | st.lists(st.tuples(names, st.text(max_size=30)), max_size=6).map(
        encoded
    )

    with asyncio.Runner() as runner:
        manager = opened(tmp_path)
        house = runner.run(manager.__aenter__())
        browser = house.browser()

        @settings(max_examples=150, deadline=None)
        @given(bodies, st.sampled_from(["/sign-in", "/sign-out"]), st.binary(max_size=30))
        def any_body(body, path, cookie):
            headers = [
                (b"content-type", b"application/x-www-form-urlencoded"),
                (b"cookie", f"{SESSION}=".encode() + cookie),
            ]
            answer = runner.run(browser.post(path, content=body, headers=headers))
            assert answer.status_code in {303, 400, 413}

        try:
            any_body()
        finally:
            runner.run(manager.__aexit__(None, None, None))


def encoded(pairs):
    return urlencode(pairs).encode()


def test_a_hint_fills_the_name_in_and_tells_nobody_who_there_is(visit):
    async def story(house):
        browser = house.browser()
        pages = []
        for name in ("alice", "nobody-is-called-so"):
            page = await browser.get(house.identity.sign_in.sign_in_url(BACK, hint=name))
            assert f'value="{name}"' in page.text
            random = re.compile(r"[A-Za-z0-9_-]{40,}")  # sealed fields and challenges
            pages.append((page.status_code, random.sub("", page.text.replace(name, ""))))
            assert (await browser.get("/account")).status_code == 303, "it proves nothing"
        assert pages[0] == pages[1]

    visit(story)


@pytest.mark.parametrize("hint", ["x" * 65, "a\u202eb", "a\nb", '"><script>', ""], ids=ascii)
def test_a_hint_that_no_name_can_be_is_left_out_or_escaped(visit, hint):
    async def story(house):
        page = await house.browser().get(house.identity.sign_in.sign_in_url(BACK, hint=hint))
        assert page.status_code == 200
        assert "<script>" not in page.text
        assert "\u202e" not in page.text
        assert "x" * 65 not in page.text

    visit(story)


def test_whoever_is_to_choose_may_go_on_as_they_are_or_as_somebody_else(visit):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        page = await browser.get(house.identity.sign_in.sign_in_url(BACK, choose=True))
        assert "Go on as" in page.text
        assert f'href="{escape(BACK)}"' in page.text
        assert 'name="password"' in page.text
        anew = house.identity.sign_in.sign_in_url(BACK, choose=True, since=house.clock.time() + 1)
        assert "Go on as" not in (await browser.get(anew)).text, "not where that would not do"

    visit(story)
