"""Signing out there ends what rests on it here, and signing out here can lead on to signing out there."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest

from identity.house import SESSION
from identity.op import CLIENT, OP, OTHER_KEY, OpenIdProvider, through
from tokens.minting import ABSENT
from tokenward.base.outbound import OutboundError
from tokenward.base.problems import PROVIDER_REFUSED
from tokenward.store.people_records import UpstreamLink
from tokenward.store.port import StoreUnavailable

LOGOUT = "/sign-in/from/corp/logout"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def corp(visit):
    def run(story, **settings):
        provider = OpenIdProvider(
            claims={"sub": "corp-1", "preferred_username": "ada", "sid": "s-1"},
        )

        async def told(house):
            provider.clock = house.clock
            await story(house, provider)

        visit(told, upstream=[provider.connection(**settings)])

    return run


async def signed_in(house, provider, sid):
    provider.claims["sid"] = sid
    browser = house.browser()
    await through(browser, provider)
    assert await house.person(browser)
    return browser


async def tell(house, token):
    return await house.browser("203.0.113.9").post(LOGOUT, data={"logout_token": token})


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ({"sid": "s-1"}, [False, True]),
        ({"sid": "s-1", "sub": ABSENT}, [False, True]),
        ({}, [False, False]),
        ({"sid": "s-3"}, [True, True]),
        ({"sub": "corp-2"}, [True, True]),
        ({"sub": "corp-2", "sid": "s-1"}, [True, True]),
    ],
)
def test_a_logout_there_ends_the_sessions_that_it_names(corp, named, left):
    async def story(house, provider):
        browsers = [await signed_in(house, provider, sid) for sid in ("s-1", "s-2")]
        local = house.browser()
        await house.sign_in(local)
        answer = await tell(house, provider.logout_token(**named))
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["cache-control"] == "no-store"
        assert [bool(await house.person(each)) for each in browsers] == left
        assert await house.person(local)

    corp(story)


REFUSED = {
    "another issuer": {"iss": "https://evil.example"},
    "another client": {"aud": "another-client"},
    "neither subject nor session": {"sub": ABSENT},
    "a nonce": {"nonce": "n"},
    "no event": {"events": ABSENT},
    "another event": {"events": {"urn:x": {}}},
    "an event that is no object": {"events": {EVENT: True}},
    "no id": {"jti": ABSENT},
    "expired": {"iat": 1_799_999_000, "exp": 1_799_999_900},
    "from the future": {"iat": 1_800_000_100},
    "a lifetime of a day": {"exp": 1_800_086_400},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_logout_token_of_the_provider_ends_nothing(corp, name):
    async def story(house, provider):
        browser = await signed_in(house, provider, "s-1")
        answer = await tell(house, provider.logout_token(**REFUSED[name]))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert await house.person(browser)

    corp(story)


def test_nor_does_anything_that_another_signed_or_that_is_of_another_kind(corp):
    async def story(house, provider):
        browser = await signed_in(house, provider, "s-1")
        id_token = provider.id_token("n")
        provider.key = OTHER_KEY
        for token in (id_token, provider.logout_token(), "", "x", "a.b.c"):
            assert (await tell(house, token)).status_code == 400
        for header in ({"alg": "none"}, {"alg": "HS256"}):
            provider.header = header
            assert (await tell(house, provider.logout_token())).status_code == 400
        assert await house.person(browser)
        assert (await house.browser().get(LOGOUT)).status_code == 405
        assert (await house.browser().post(LOGOUT, json={})).status_code == 415

    corp(story)


def test_a_logout_token_counts_once(corp):
    async def story(house, provider):
        await signed_in(house, provider, "s-1")
        token = provider.logout_token()
        answers = await asyncio.gather(*(tell(house, token) for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400]
        house.clock.advance(1)  # providers tell time by the second
        browser = await signed_in(house, provider, "s-1")
        house.clock.advance(140)  # past its end, and within what clocks may differ
        assert (await tell(house, token)).status_code == 400
        assert await house.person(browser)

    corp(story)


def test_a_flood_of_logout_tokens_is_slowed_down(corp):
    async def story(house, _provider):
        statuses = {(await tell(house, "x")).status_code for _ in range(101)}
        assert statuses == {400, 429}

    corp(story)


def test_where_the_store_does_not_answer_nobody_says_that_it_is_done(corp, monkeypatch):
    async def story(house, provider):
        async def fails(*_arguments, **_settings):
            raise StoreUnavailable("gone")

        monkeypatch.setattr(house.store, "end_upstream_sessions", fails)
        assert (await tell(house, provider.logout_token())).status_code == 503

    corp(story)


async def sign_out(house, browser):
    page = await browser.get("/account")
    form = page.text.split('action="/sign-out"')[1]
    return await browser.post("/sign-out", data={"form": form.split('value="')[1].split('"')[0]})


def test_signing_out_here_leads_on_to_signing_out_there(corp):
    async def story(house, provider):
        browser = await signed_in(house, provider, "s-1")
        answer = await sign_out(house, browser)
        url = urlsplit(answer.headers["location"])
        assert f"{url.scheme}://{url.netloc}{url.path}" == f"{OP}/bye"
        back = {"client_id": [CLIENT], "post_logout_redirect_uri": ["https://id.example/"]}
        assert parse_qs(url.query) == back
        assert SESSION not in browser.cookies
        local = house.browser()
        await house.sign_in(local)
        assert (await sign_out(house, local)).headers["location"] == "/"

    corp(story, sign_out=True)


def test_signing_out_never_fails_for_the_providers_sake(corp):
    async def story(house, provider):
        browser = await signed_in(house, provider, "s-1")
        house.clock.advance(600)
        monitored = house.identity.sign_in._parts.upstreams.clients[0]
        monitored._discovery._known = None
        provider.down = {"/.well-known/openid-configuration": OutboundError("timeout", "")}
        answer = await sign_out(house, browser)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert SESSION not in browser.cookies

    corp(story, sign_out=True)


@pytest.mark.parametrize(
    ("settings", "metadata"), [({}, {}), ({"sign_out": True}, {"end_session_endpoint": ABSENT})]
)
def test_where_it_is_not_wanted_or_not_there_it_ends_here(corp, settings, metadata):
    async def story(house, provider):
        provider.metadata = metadata
        browser = await signed_in(house, provider, "s-1")
        assert (await sign_out(house, browser)).headers["location"] == "/"

    corp(story, **settings)


# While somebody is on the way


async def at_the_second_factor(house, provider, sid="s-1", browser=None):
    """A browser that has come back from the provider, and is asked for a code; with the person's app."""
    browser = browser or house.browser()
    provider.claims["sid"] = sid
    await through(browser, provider)
    user = await house.store.user((await house.person(browser)).user_id)
    app = await house.app(user)
    browser.cookies.clear()
    answer = await through(browser, provider)
    assert answer.headers["location"].startswith("/sign-in/code?")
    return browser, app


@pytest.mark.parametrize(
    ("named", "gets_in"),
    [
        ({"sid": "s-1"}, False),
        ({"sid": "s-1", "sub": ABSENT}, False),
        ({}, False),
        ({"sid": "s-2"}, True),
        ({"sub": "corp-2"}, True),
    ],
    ids=["session and person", "session", "person", "another session", "another person"],
)
def test_a_logout_there_during_the_second_factor_here_ends_that_sign_in(corp, named, gets_in):
    async def story(house, provider):
        browser, app = await at_the_second_factor(house, provider)
        assert (await tell(house, provider.logout_token(**named))).status_code == 200
        if gets_in:
            assert (await house.code(browser, app.code())).status_code == 303
        else:
            answer = await browser.get("/sign-in/code")
            assert answer.headers["location"].startswith("/sign-in?")
        assert bool(await house.person(browser)) is gets_in

    corp(story)


def test_so_does_one_at_the_very_moment_of_the_code(corp, monkeypatch):
    async def story(house, provider):
        browser, app = await at_the_second_factor(house, provider)
        real = house.store.add_session

        async def adds_late(session, *, version):
            assert (await tell(house, provider.logout_token())).status_code == 200  # and finds none to end
            return await real(session, version=version)

        monkeypatch.setattr(house.store, "add_session", adds_late)
        answer = await house.code(browser, app.code())
        assert (answer.status_code, PROVIDER_REFUSED.text in answer.text) == (403, True)
        assert SESSION not in browser.cookies
        assert await house.person(browser) is None
        monkeypatch.undo()
        house.clock.advance(2)
        assert (await through(browser, provider)).headers["location"].startswith("/sign-in/code?")
        house.clock.advance(30)
        assert (await house.code(browser, app.code())).status_code == 303  # what is vouched for anew counts

    corp(story)


def test_and_one_while_a_session_is_renewed_by_it(corp, monkeypatch):
    async def story(house, provider):
        browser = house.browser()
        await house.sign_in(browser)
        alice = house.alice.user_id
        await house.store.add_upstream_link(UpstreamLink("corp", "corp-1", alice, house.clock.time()))
        real = house.store.replace_session

        async def replaces_late(old_id, new, *, version):
            assert (await tell(house, provider.logout_token())).status_code == 200
            return await real(old_id, new, version=version)

        monkeypatch.setattr(house.store, "replace_session", replaces_late)
        answer = await through(browser, provider)
        assert (answer.status_code, PROVIDER_REFUSED.text in answer.text) == (403, True)
        assert await house.store.sessions_of(alice) == []

    corp(story)


def test_a_logout_that_could_not_be_done_can_be_told_again(corp, monkeypatch):
    async def story(house, provider):
        browser = await signed_in(house, provider, "s-1")
        token, real = provider.logout_token(), house.store._database.write
        calls = []

        async def fails_at_the_second(unit):
            calls.append(unit)
            if len(calls) == 2:
                raise StoreUnavailable("gone")
            return await real(unit)

        monkeypatch.setattr(house.store._database, "write", fails_at_the_second)
        assert (await tell(house, token)).status_code == 503
        monkeypatch.undo()
        assert await house.person(browser)
        assert (await tell(house, token)).status_code == 200
        assert await house.person(browser) is None

    corp(story)
