import pytest

from identity.house import SESSION
from tokenward.base.cookies import cookie, wants_secure
from tokenward.base.secret import Secret
from tokenward.identity.people import add_user
from tokenward.identity.sessions import ABSOLUTE, IDLE, TOUCH_EVERY, SessionLimits
from tokenward.store.people_records import Proof
from tokenward.store.port import AlreadyExists, StoreUnavailable
from tokenward.tokens import opaque
from tokenward.tokens.acr import Authentication


def session_of(browser):
    return browser.cookies[SESSION]


def test_a_session_ends_after_half_an_hour_without_use(visit):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        for _ in range(3):
            house.clock.advance(IDLE - 1)
            assert await house.person(browser)
        house.clock.advance(IDLE)
        assert await house.person(browser) is None

    visit(story)


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(visit):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        for _ in range(ABSOLUTE // (IDLE - 60)):
            house.clock.advance(IDLE - 60)
            assert await house.person(browser)
        house.clock.advance(ABSOLUTE % (IDLE - 60))
        assert await house.person(browser) is None

    visit(story)


def test_limits_can_be_others(visit):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        for _ in range(2):
            house.clock.advance(599)
            assert await house.person(browser)
        house.clock.advance(2)
        assert await house.person(browser) is None  # 1200 seconds in all
        await house.sign_in(browser)
        house.clock.advance(600)
        assert await house.person(browser) is None

    visit(story, limits=SessionLimits(idle=600, absolute=1200))


def test_use_is_written_down_at_most_once_a_minute(visit, monkeypatch):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        touched = []
        touch = house.store.touch_session

        async def watched(session_id, at):
            touched.append(at)
            await touch(session_id, at)

        monkeypatch.setattr(house.store, "touch_session", watched)
        for _ in range(10):
            house.clock.advance(TOUCH_EVERY / 5)
            await house.person(browser)
        assert len(touched) == 2

    visit(story)


def test_what_is_known_of_the_person(visit):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        person = await house.person(browser)
        assert (person.user_id, person.username) == (house.alice.user_id, "alice")
        assert person.authentication() == Authentication(("pwd",), house.clock.time())
        assert person.session_id == opaque.parse(session_of(browser)).token_id

    visit(story)


def test_only_the_whole_token_is_a_session(visit):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        real = opaque.parse(session_of(browser))
        forged = real.secret.reveal()[:-49] + opaque.new("se").secret.reveal()[-49:-6]
        forged += opaque._checksum(forged)
        assert opaque.parse(forged).token_id == real.token_id
        for text in (forged, real.token_id, "", "x", "a=b", "\xff", opaque.new("se").secret.reveal()):
            assert await house.person_behind(f"{SESSION}={text}") is None
        assert await house.person_behind(f"{SESSION}={real.secret.reveal()}")

    visit(story)


def test_an_access_token_is_no_session(visit, monkeypatch):
    async def story(house):
        new = opaque.new
        monkeypatch.setattr(opaque, "new", lambda _kind, **options: new("at", **options))
        token = await house.identity.sign_in._parts.sessions.start(
            house.alice, [Proof(("pwd",), house.clock.time())], {"headers": []}
        )
        assert opaque.parse(token.reveal()).kind == "at"
        assert await house.person_behind(f"{SESSION}={token.reveal()}") is None

    visit(story)


def test_a_planted_second_cookie_makes_both_worthless(visit):
    async def story(house):
        browser, attacker = house.browser(), house.browser()
        await house.sign_in(browser)
        await house.sign_in(attacker)
        mine, planted = session_of(browser), session_of(attacker)
        assert await house.person_behind(f"other=1; {SESSION}={mine}")
        for second in (planted, mine, ""):
            assert await house.person_behind(f"{SESSION}={mine}; {SESSION}={second}") is None
            assert await house.person_behind(f"{SESSION}={second};{SESSION} ={mine}") is None
        two_headers = [(b"cookie", f"{SESSION}={text}".encode()) for text in (mine, planted)]
        assert await house.identity.sign_in.current({"headers": two_headers}) is None

    visit(story)


def test_the_database_file_never_holds_the_token(visit, tmp_path):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        secret = session_of(browser).encode()
        files = [path.read_bytes() for path in tmp_path.glob("identity.db*")]
        assert any(opaque.parse(secret.decode()).token_id.encode() in content for content in files)
        for content in files:
            assert secret not in content
            assert secret[-49:-6] not in content
            assert house.password.encode() not in content

    visit(story)


def test_a_taken_locator_is_tried_again_and_not_for_ever(visit, monkeypatch):
    async def story(house):
        add, failures = house.store.add_session, []

        async def clashing(session, *, version):
            if len(failures) < house.clashes:
                failures.append(session)
                raise AlreadyExists
            return await add(session, version=version)

        monkeypatch.setattr(house.store, "add_session", clashing)
        house.clashes = 2
        browser = house.browser()
        assert (await house.sign_in(browser)).status_code == 303
        house.clashes = 1000
        assert (await house.sign_in(house.browser())).status_code == 503

    visit(story)


def test_ending_every_session_of_a_person_ends_this_one(visit):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        await house.store.end_sessions(house.alice.user_id)
        assert await house.person(browser) is None

    visit(story)


def test_a_store_that_does_not_answer_is_no_answer(visit, monkeypatch):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)

        async def down(_session_id):
            raise StoreUnavailable

        monkeypatch.setattr(house.store, "session", down)
        with pytest.raises(StoreUnavailable):
            await house.person(browser)
        answer = await browser.get("/")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")

    visit(story)


def test_sessions_of_two_people_are_told_apart(visit):
    async def story(house):
        password = Secret("another fine password")
        await add_user(house.store, "bob", password, passwords=house.passwords, clock=house.clock)
        one, two = house.browser(), house.browser()
        await house.sign_in(one)
        await house.sign_in(two, "bob", password.reveal())
        assert (await house.person(one)).username == "alice"
        assert (await house.person(two)).username == "bob"

    visit(story)


def test_the_cookie_is_as_narrow_as_browsers_allow():
    _, value = cookie("tokenward_session", secure=True).set("v")
    assert value == b"__Host-tokenward_session=v; Path=/; HttpOnly; SameSite=Lax; Secure"
    _, value = cookie("tokenward_session", secure=False).clear()
    assert value == b"tokenward_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:8080", "http://127.9.9.9"]
)
def test_plain_http_is_for_this_machine(url):
    assert not wants_secure(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://",
        "ftp://127.0.0.1",
        "",
    ],
)
def test_plain_http_elsewhere_does_not_start(url):
    with pytest.raises(ValueError, match="https"):
        wants_secure(url)


def test_https_always_means_secure_cookies():
    assert wants_secure("https://127.0.0.1")
