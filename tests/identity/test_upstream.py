"""Signing in through an OpenID provider: what its answer proves, and that nothing else proves it."""

from dataclasses import replace
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from identity.house import BACK, SESSION
from identity.op import CLIENT, KEY, OP, OTHER_KEY, OpenIdProvider, leave, through
from tokens.minting import ABSENT
from tokenward.base.outbound import OutboundError
from tokenward.base.problems import EXPIRED_FORM, PROVIDER_UNAVAILABLE
from tokenward.identity.upstream.metadata import KEPT, RETRY_AFTER, TTL
from tokenward.identity.upstream.under_way import LIFETIME
from tokenward.tokens.id_token import left_half_hash
from tokenward.tokens.jwks import JwksSource

AT = f"/sign-in?again=1&continue={quote(BACK)}"
ADA = {"sub": "corp-1", "preferred_username": "ada"}


@pytest.fixture
def corp(visit):
    """Run a story in a house with one provider; `settings` are the provider's."""

    def run(story, *, others=(), passwords=True, **settings):
        provider = OpenIdProvider(claims=dict(ADA))

        async def told(house):
            for each in (provider, *others):
                each.clock = house.clock
            await story(house, provider)

        connections = [provider.connection(**settings), *(each.connection() for each in others)]
        visit(told, upstream=connections, password_sign_in=passwords)

    return run


def test_somebody_gets_in_and_to_where_they_wanted(corp):
    async def story(house, provider):
        browser = house.browser()
        away = await leave(browser, start=AT)
        asked = urlsplit(away.headers["location"])
        assert f"{asked.scheme}://{asked.netloc}{asked.path}" == f"{OP}/authorize"
        assert "__Host-tokenward_upstream" in browser.cookies
        query = parse_qs(asked.query)
        assert query["response_type"] == ["code"]
        assert query["client_id"] == [CLIENT]
        assert query["redirect_uri"] == ["https://id.example/sign-in/from/corp"]
        assert query["scope"] == ["openid profile email"]
        assert query["code_challenge_method"] == ["S256"]
        assert not {"max_age", "prompt", "acr_values"} & query.keys()
        answer = await browser.get(provider.sign_in(away.headers["location"]))
        assert (answer.status_code, answer.headers["location"]) == (303, BACK)
        assert "__Host-tokenward_upstream" not in browser.cookies
        person = await house.person(browser)
        assert (person.username, person.upstream, person.scopes) == ("ada", "corp", None)
        assert person.authentication().amr == ("fed",)
        assert person.authentication().auth_time == house.clock.time()

    corp(story)


def test_the_second_time_it_is_the_same_person_whatever_they_are_called_now(corp):
    async def story(house, provider):
        first, second = house.browser(), house.browser()
        await through(first, provider)
        provider.claims["preferred_username"] = "lovelace"
        await through(second, provider)
        assert (await house.person(first)).user_id == (await house.person(second)).user_id
        assert len(await house.store.users()) == 2

    corp(story)


# What a hostile or broken provider says, and who else may have said it.
LIES = {
    "another issuer": {"lies": {"iss": "https://evil.example"}},
    "no issuer": {"lies": {"iss": ABSENT}},
    "another audience": {"lies": {"aud": "another-client"}},
    "several audiences without azp": {"lies": {"aud": [CLIENT, "another-client"]}},
    "another authorized party": {"lies": {"azp": "another-client"}},
    "another nonce": {"lies": {"nonce": "n"}},
    "no nonce": {"lies": {"nonce": ABSENT}},
    "expired": {"lies": {"iat": 1_799_990_000, "exp": 1_799_999_900}},
    "from the future": {"lies": {"iat": 1_800_000_100}},
    "a sign-in of the future": {"lies": {"auth_time": 1_800_000_100}},
    "a lifetime of a week": {"lies": {"exp": 1_800_600_000}},
    "no subject": {"lies": {"sub": ABSENT}},
    "a subject that is no text": {"lies": {"sub": ["corp-1"]}},
    "a subject without end": {"lies": {"sub": "s" * 256}},
    "a hash of another access token": {"lies": {"at_hash": "A" * 22}},
    "an access token for an ID token": {"lies": {"scope": "openid"}},
    "a logout token for an ID token": {"lies": {"events": {}}},
    "unsigned": {"header": {"alg": "none"}},
    "signed with the public key as a secret": {"header": {"alg": "HS256"}},
    "another algorithm": {"header": {"alg": "RS256"}},
    "another kind of token": {"header": {"typ": "at+jwt"}},
    "a key from the header": {"key": OTHER_KEY, "header": {"jwk": OTHER_KEY.public_jwk()}},
    "a key that is not its own": {"key": OTHER_KEY, "header": {"kid": KEY.kid}},
    "an unknown key": {"key": OTHER_KEY},
    "no ID token": {"tokens": {"id_token": ABSENT}},
    "an ID token that is none": {"tokens": {"id_token": "a.b.c"}},
    "another kind of access token": {"tokens": {"token_type": "mac"}},
    "no access token": {"tokens": {"access_token": ABSENT}},
    "userinfo of somebody else": {"claims": {"sub": "corp-1"}, "userinfo": {"sub": "corp-2"}},
    "an answer from elsewhere": {"answer": {"iss": "https://evil.example"}},
    "an answer that does not say from where": {"answer": {"iss": ABSENT}},
    "an answer to another request": {"answer": {"state": "s"}},
    "an answer without a state": {"answer": {"state": ABSENT}},
    "an answer without a code": {"answer": {"code": ABSENT}},
    "a code that it does not know": {"answer": {"code": "another"}},
    "no": {"answer": {"code": ABSENT, "error": "access_denied"}},
    "an error and a code": {"answer": {"error": "access_denied"}},
}


@pytest.mark.parametrize("name", LIES)
def test_what_is_not_the_answer_to_this_sign_in_signs_nobody_in(corp, name):
    async def story(house, provider):
        for attribute, lie in LIES[name].items():
            setattr(provider, attribute, lie)
        browser = house.browser()
        answer = await through(browser, provider)
        assert (answer.status_code, SESSION in browser.cookies) == (403, False)
        assert "provider_refused" in answer.text
        assert len(await house.store.users()) == 1

    corp(story)


def test_what_belongs_to_the_access_token_says_so_and_is_taken(corp):
    async def story(house, provider):
        provider.lies = {"at_hash": left_half_hash("a-token", "ES256"), "azp": CLIENT}
        assert (await through(house.browser(), provider)).status_code == 303

    corp(story)


def test_keys_that_cannot_be_had_are_an_outage_and_no_refusal(visit):
    provider = OpenIdProvider(claims=dict(ADA))

    def gone(_url):
        raise OSError

    keys = JwksSource(f"{OP}/keys", fetch=gone)
    connection = replace(provider.connection(), keys=keys)

    async def story(house):
        provider.clock = house.clock
        browser = house.browser()
        answer = await through(browser, provider)
        assert (answer.status_code, SESSION in browser.cookies) == (503, False)
        told = await browser.post("/sign-in/from/corp/logout", data={"logout_token": provider.logout_token()})
        assert (told.status_code, told.json()["error"]) == (503, "temporarily_unavailable")

    visit(story, upstream=[connection])


@pytest.mark.parametrize("said", [ABSENT, False])
def test_a_server_that_never_names_itself_need_not_and_is_refused_for_a_wrong_name(corp, said):
    async def story(house, provider):
        provider.metadata = {"authorization_response_iss_parameter_supported": said}
        provider.answer = {"iss": "https://evil.example"}
        assert (await through(house.browser(), provider)).status_code == 403
        provider.answer = {"iss": ABSENT}
        assert (await through(house.browser(), provider)).status_code == 303

    corp(story)


def test_an_answer_counts_once(corp):
    async def story(house, provider):
        browser = house.browser()
        away = await leave(browser)
        kept = {cookie.name: cookie.value for cookie in browser.cookies.jar}
        back = provider.sign_in(away.headers["location"])
        code = dict(provider.codes)
        assert (await browser.get(back)).status_code == 303
        provider.codes = code  # a provider that lets codes be used twice
        thief = house.browser()
        for cookie, value in kept.items():
            thief.cookies.set(cookie, value, domain="id.example")
        answer = await thief.get(back)
        assert (answer.status_code, SESSION in thief.cookies) == (403, False)

    corp(story)


def test_an_answer_belongs_to_the_browser_that_asked(corp):
    async def story(house, provider):
        attacker, victim = house.browser(), house.browser()
        back = provider.sign_in((await leave(attacker)).headers["location"])
        assert (await victim.get(back)).status_code == 403  # a browser that was sent nowhere
        await leave(victim)
        assert (await victim.get(back)).status_code == 403  # or with another request
        assert SESSION not in victim.cookies
        assert (await attacker.get(back)).status_code == 303

    corp(story)


def test_nonsense_that_a_page_sends_a_browser_with_spoils_no_sign_in(corp):
    async def story(house, provider):
        browser = house.browser()
        away = await leave(browser)
        for query in ("", "?state=x&code=y", "?state=x&state=y", "?code=%zz", "?" + "a=1&" * 60):
            answer = await browser.get(f"/sign-in/from/corp{query}")
            assert answer.status_code == 403
        assert (await browser.get(provider.sign_in(away.headers["location"]))).status_code == 303

    corp(story)


def test_an_answer_that_was_waited_for_too_long_is_none(corp):
    async def story(house, provider):
        browser = house.browser()
        away = await leave(browser)
        house.clock.advance(LIFETIME)
        assert (await browser.get(provider.sign_in(away.headers["location"]))).status_code == 403

    corp(story)


def test_one_providers_answer_is_not_taken_for_anothers(corp):
    other = OpenIdProvider(name="other", issuer="https://other.example", claims=dict(ADA))

    async def story(house, provider):
        browser = house.browser()
        away = await leave(browser)
        back = provider.sign_in(away.headers["location"])
        mixed = back.replace("/from/corp?", "/from/other?")
        assert (await browser.get(mixed)).status_code == 403
        # The other one passes the code on that it got, as in RFC 9700 §4.4.1.
        away = await leave(browser, "other")
        theirs = other.sign_in(away.headers["location"])
        state = parse_qs(urlsplit(theirs).query)["state"][0]
        code = parse_qs(urlsplit(back).query)["code"][0]
        for issuer in (OP, other.issuer):
            stolen = f"/sign-in/from/other?code={code}&state={state}&iss={quote(issuer, safe='')}"
            assert (await browser.get(stolen)).status_code == 403
        assert SESSION not in browser.cookies

    corp(story, others=[other])


def test_a_code_is_not_shown_to_a_provider_that_was_not_asked(corp):
    other = OpenIdProvider(name="other", issuer="https://other.example", claims=dict(ADA))
    other.metadata = {"authorization_response_iss_parameter_supported": ABSENT}

    async def story(house, provider):
        provider.answer = {"iss": ABSENT}
        browser = house.browser()
        away = await leave(browser)
        back = provider.sign_in(away.headers["location"]).replace("/from/corp?", "/from/other?")
        assert (await browser.get(back)).status_code == 403
        assert other.fetched == []

    corp(story, others=[other])


def test_one_name_at_two_providers_is_two_people_and_the_second_is_told(corp):
    other = OpenIdProvider(name="other", issuer="https://other.example", claims=dict(ADA))

    async def story(house, provider):
        await through(house.browser(), provider)
        refused = await through(house.browser(), other)
        assert refused.status_code == 409
        assert "name_taken" in refused.text

    corp(story, others=[other])


METADATA = {
    "of another issuer": {"issuer": "https://evil.example"},
    "without an issuer": {"issuer": ABSENT},
    "without an authorization endpoint": {"authorization_endpoint": ABSENT},
    "without a token endpoint": {"token_endpoint": ABSENT},
    "with an endpoint in the clear": {"authorization_endpoint": "http://login.corp.example/authorize"},
    "with a token endpoint in the clear": {"token_endpoint": "http://login.corp.example/token"},
    "with a script for an endpoint": {"authorization_endpoint": "javascript:alert(1)"},
    "with a fragment": {"authorization_endpoint": f"{OP}/authorize#x"},
    "with a line break": {"authorization_endpoint": f"{OP}/authorize\r\nset-cookie:a=b"},
    "with a letter that no URL has": {"authorization_endpoint": f"{OP}/é"},
    "with a password": {"token_endpoint": "https://a:b@login.corp.example/token"},
    "with an endpoint that is no text": {"userinfo_endpoint": 7},
    "with an endpoint without end": {"authorization_endpoint": f"{OP}/{'a' * 2048}"},
    "with no host": {"authorization_endpoint": "https:///authorize"},
    "with an address that is none": {"authorization_endpoint": "https://[::1/authorize"},
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata_that_cannot_be_used_sends_nobody_anywhere(corp, name):
    async def story(house, provider):
        provider.metadata = METADATA[name]
        answer = await leave(house.browser())
        assert answer.status_code == 503
        assert PROVIDER_UNAVAILABLE.text in answer.text
        assert "location" not in answer.headers

    corp(story)


@pytest.mark.parametrize(
    "code", ["too_large", "redirect_refused", "timeout", "unreachable", "address_refused"]
)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/userinfo"])
def test_a_provider_that_does_not_answer_properly_signs_nobody_in(corp, path, code):
    async def story(house, provider):
        provider.down = {path: OutboundError(code, "…")}
        provider.claims = {"sub": "corp-1"}  # so that the userinfo is asked for
        browser = house.browser()
        answer = await leave(browser)
        if answer.status_code == 303:
            answer = await browser.get(provider.sign_in(answer.headers["location"]))
        assert (answer.status_code, SESSION in browser.cookies) == (503, False)

    corp(story)


def test_metadata_is_kept_and_renewed_and_outlives_a_short_absence(corp):
    async def story(house, provider):
        browser, metadata = house.browser(), "/.well-known/openid-configuration"
        for _ in range(3):
            await leave(browser)
        assert provider.fetched == [metadata]
        house.clock.advance(TTL + 1)
        provider.down = {metadata: OutboundError("timeout", "")}
        assert (await leave(browser)).status_code == 303
        assert (await leave(browser)).status_code == 303
        assert len(provider.fetched) == 2  # what failed is not tried again at once
        house.clock.advance(RETRY_AFTER)
        assert (await leave(browser)).status_code == 303
        assert len(provider.fetched) == 3
        house.clock.advance(KEPT)
        assert (await leave(browser)).status_code == 503
        provider.down = {}
        house.clock.advance(RETRY_AFTER)
        assert (await leave(browser)).status_code == 303

    corp(story)


def test_the_button_is_a_form_of_ours(corp):
    async def story(house, provider):
        answer = await house.browser().post("/sign-in/with/corp", data={"continue": BACK})
        assert answer.status_code == 400
        assert EXPIRED_FORM.text in answer.text
        assert provider.fetched == []
        browser = house.browser()
        field = await house.field(browser)  # that of the password
        answer = await browser.post("/sign-in/with/corp", data={"form": field})
        assert EXPIRED_FORM.text in answer.text
        assert (await browser.get("/sign-in/with/corp")).status_code == 405

    corp(story)


def test_a_flood_of_sign_ins_is_slowed_down_and_others_are_not(corp):
    async def story(house, provider):
        flood = house.browser("203.0.113.9")
        statuses = [(await leave(flood)).status_code for _ in range(101)]
        assert (statuses[:100], statuses[100]) == ([303] * 100, 429)
        assert (await leave(house.browser())).status_code == 303

    corp(story)


def test_what_does_not_fit_into_a_cookie_is_said_and_not_cut(corp):
    async def story(house, provider):
        fits = "/authorize?" + "a" * 2_000
        answer = await through(house.browser(), provider, f"/sign-in?continue={quote(fits)}")
        assert answer.headers["location"] == fits
        answer = await leave(house.browser(), start=f"/sign-in?continue=/authorize?{'a' * 3_500}")
        assert answer.status_code == 413

    corp(story)


def test_what_must_be_new_is_asked_for_anew_and_checked(corp):
    async def story(house, provider):
        since = house.clock.time() - 60.5
        url = house.identity.sign_in.sign_in_url(BACK, level="two-factor", since=since)
        for auth_time in (ABSENT, int(since) - 31):
            provider.lies = {"auth_time": auth_time}
            browser = house.browser()
            answer = await through(browser, provider, url)
            assert (answer.status_code, SESSION in browser.cookies) == (403, False)
        asked = provider.asked[-1]
        assert (asked["max_age"], asked["prompt"], asked["acr_values"]) == ("61", "login", "gold silver")
        # A clock that is a little behind, and goes by whole seconds, has seen it after all.
        provider.lies = {"auth_time": int(since) - 5}
        await through(browser, provider, url)
        assert (await house.person(browser)).authentication(since=since)

    corp(story, two_factors_acr=("gold", "silver"))


@pytest.mark.parametrize("level", [None, "single-factor", "two-factor", "phishing-resistant"])
def test_two_factors_are_asked_for_where_one_is_not_enough(corp, level):
    async def story(house, provider):
        await through(house.browser(), provider, house.identity.sign_in.sign_in_url(BACK, level=level))
        more = level in {"two-factor", "phishing-resistant"}
        assert provider.asked[-1].get("acr_values") == ("gold silver" if more else None)

    corp(story, two_factors_acr=("gold", "silver"))


def test_when_it_was_is_what_the_provider_says_and_never_later(corp):
    async def story(house, provider):
        now = house.clock.time()
        for said, told in ((now - 7200, now - 7200), (now + 20, now), (ABSENT, 0.0)):
            provider.lies = {"auth_time": said}
            browser = house.browser()
            await through(browser, provider)
            person = await house.person(browser)
            assert person.authentication().auth_time == told

    corp(story)


@pytest.mark.parametrize(
    ("settings", "claims", "amr"),
    [
        ({}, {"amr": ["pwd", "otp", "mfa"], "acr": "gold"}, ("fed",)),  # said, and not believed
        ({"two_factors_acr": ("gold",)}, {"acr": "gold"}, ("fed", "mfa")),
        ({"two_factors_acr": ("gold",)}, {"acr": "silver"}, ("fed",)),
        ({"two_factors_acr": ("gold",)}, {"acr": "phr"}, ("fed",)),
        ({"two_factors_acr": ("gold",)}, {}, ("fed",)),
        ({"two_factors_acr": ("gold",)}, {"amr": ["hwk", "mfa"], "acr": "gold"}, ("fed", "mfa")),
        ({"believed": True}, {"amr": ["pwd", "otp"]}, ("fed", "pwd", "otp", "mfa")),
        ({"believed": True}, {"amr": ["pwd", "secret-handshake"]}, ("fed",)),
        ({"believed": True}, {"amr": ["otp"]}, ("fed",)),  # with ours it would look like two of theirs
        ({"believed": True}, {"amr": ["mfa", "urn:x"]}, ("fed", "mfa")),
        ({"believed": True}, {"amr": ["fed", "otp"]}, ("fed",)),
        ({"believed": True}, {"acr": "urn:tokenward:acr:two-factor"}, ("fed",)),
        ({"believed": True}, {"amr": ["hwk", "user", "mfa"]}, ("fed", "hwk", "user", "mfa")),
    ],
)
def test_what_it_proves_is_what_the_operator_believes(corp, settings, claims, amr):
    async def story(house, provider):
        provider.claims |= claims
        browser = house.browser()
        await through(browser, provider)
        assert (await house.person(browser)).proofs[0].amr == amr

    corp(story, **settings)
