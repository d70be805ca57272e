"""Which person of ours somebody is whom a provider vouches for."""

import asyncio
import logging
from urllib.parse import quote

import pytest

from identity.house import BACK, SESSION
from identity.op import OpenIdProvider, leave, through
from tokens.minting import ABSENT
from tokenward.identity.claims import change_claims
from tokenward.identity.people import add_user
from tokenward.identity.proofs import added, authentication
from tokenward.identity.upstream.accounts import vouches_for
from tokenward.identity.upstream.provider import Groups
from tokenward.store.people_records import Passkey, Proof, UpstreamLink

ALICE = {"sub": "corp-1", "preferred_username": "al", "email": "alice@corp.example", "email_verified": True}
BY_EMAIL = {"link": "email", "email_domains": frozenset({"corp.example"}), "create": False}


@pytest.fixture
def corp(visit):
    """Run a story in a house with one provider; `settings` are the provider's."""

    def run(story, **settings):
        provider = OpenIdProvider(claims=dict(ALICE))

        async def told(house):
            provider.clock = house.clock
            await story(house, provider)

        visit(told, upstream=[provider.connection(**settings)])

    return run


async def known(house, username="alice", email="alice@corp.example", *, verified=True):
    claims = {"email": email, "email_verified": verified}
    await change_claims(house.store, username, claims, clock=house.clock)


def test_who_has_the_address_is_recognised_once_and_by_the_link_from_then_on(corp):
    async def story(house, provider):
        await known(house)
        browser = house.browser()
        assert (await through(browser, provider)).status_code == 303
        assert (await house.person(browser)).user_id == house.alice.user_id
        (link,) = await house.store.upstream_links(house.alice.user_id)
        assert (link.upstream, link.subject) == ("corp", "corp-1")
        await known(house, email="new@corp.example")
        provider.claims["email"] = "other@elsewhere.example"
        browser = house.browser()
        await through(browser, provider)
        assert (await house.person(browser)).user_id == house.alice.user_id

    corp(story, **BY_EMAIL)


def test_the_person_is_told_of_the_link(corp, caplog):
    caplog.set_level(logging.INFO)

    async def story(house, provider):
        await known(house)
        await through(house.browser(), provider)
        assert f"told: user_id={house.alice.user_id} upstream_linked" in caplog.text
        caplog.clear()
        await through(house.browser(), provider)
        assert "upstream_linked" not in caplog.text

    corp(story, **BY_EMAIL)


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": ABSENT},
        {"email_verified": "true"},
        {"email": "alice@CORP.example"},  # another address, as far as anybody here knows
        {"email": "alice@corp.example "},
        {"email": ["alice@corp.example"]},
        {"email": ABSENT},
        {"email": "bob@corp.example"},
    ],
)
def test_another_address_or_one_that_nobody_verified_is_nobodys(corp, claims):
    async def story(house, provider):
        await known(house)
        provider.claims = {name: it for name, it in {**ALICE, **claims}.items() if it is not ABSENT}
        await refused(house, provider)

    corp(story, **BY_EMAIL)


async def refused(house, provider, code="no_account"):
    browser = house.browser()
    answer = await through(browser, provider)
    assert (code in answer.text, SESSION in browser.cookies) == (True, False), answer.text
    assert await house.store.upstream_user("corp", "corp-1") is None


def test_a_provider_vouches_for_its_own_domains_only(corp):
    async def story(house, provider):
        for email in ("alice@example.com", "alice@sub.corp.example", "alice@corp.example@example.com"):
            await known(house, email=email)
            provider.claims["email"] = email
            await refused(house, provider)

    corp(story, **BY_EMAIL)


def test_a_letter_that_becomes_another_in_lower_case_makes_no_domain_of_it():
    provider = OpenIdProvider().connection(email_domains=frozenset({"kcorp.example"})).provider
    assert vouches_for(provider, {"email": "a@KCORP.example", "email_verified": True})
    assert not vouches_for(provider, {"email": "a@\N{KELVIN SIGN}corp.example", "email_verified": True})


def test_an_address_that_is_not_verified_here_is_not_matched(corp):
    async def story(house, provider):
        await known(house, verified=False)
        await refused(house, provider)

    corp(story, **BY_EMAIL)


def test_an_address_of_two_people_is_nobodys(corp):
    async def story(house, provider):
        await add_user(house.store, "bob", None, passwords=house.passwords, clock=house.clock)
        await known(house)
        await known(house, "bob")
        await refused(house, provider)

    corp(story, **BY_EMAIL)


@pytest.mark.parametrize("factor", ["app", "passkey"])
def test_who_has_a_second_factor_is_not_recognised_by_an_address(corp, factor):
    async def story(house, provider):
        await known(house)
        if factor == "app":
            await with_app(house)
        else:
            passkey = Passkey(
                "c", house.alice.user_id, b"key", 0, "", (), "0" * 8, False, False, house.clock.time()
            )
            assert await house.store.add_passkey(passkey)
        await refused(house, provider)

    corp(story, **BY_EMAIL)


def test_an_address_that_was_given_to_the_next_person_opens_no_account_of_the_last(corp):
    async def story(house, provider):
        await known(house)
        before = UpstreamLink("corp", "corp-0", house.alice.user_id, house.clock.time())
        await house.store.add_upstream_link(before)
        await refused(house, provider)

    corp(story, **BY_EMAIL)


def test_without_the_rule_an_address_counts_for_nothing(corp):
    async def story(house, provider):
        await known(house)
        await refused(house, provider)

    corp(story, create=False, email_domains=frozenset({"corp.example"}))


def test_who_is_disabled_stays_out_linked_or_not(corp):
    async def story(house, provider):
        await known(house)
        await through(house.browser(), provider)
        await house.store.disable_user(house.alice.user_id, house.clock.time())
        browser = house.browser()
        answer = await through(browser, provider)
        assert (answer.status_code, SESSION in browser.cookies) == (403, False)
        assert "no_account" in answer.text  # and nothing was copied

    corp(story, **BY_EMAIL)


def test_a_new_person_has_no_password_and_a_name_that_nobody_had(corp):
    async def story(house, provider):
        browser = house.browser()
        await through(browser, provider)
        user = await house.store.user_by_name("al")
        assert (user.password_hash, user.disabled_at) == ("", None)
        assert (await house.person(browser)).user_id == user.user_id

    corp(story)


def test_a_name_that_is_taken_is_said_and_nobody_is_merged(corp):
    async def story(house, provider):
        provider.claims["preferred_username"] = "alice"
        await refused(house, provider, "name_taken")
        assert len(await house.store.users()) == 1

    corp(story)


@pytest.mark.parametrize("name", [ABSENT, "", 7, " al", "al\u200b", "a" * 65, ["al"]])
def test_who_has_no_name_that_can_be_one_gets_no_account(corp, name):
    async def story(house, provider):
        provider.claims["preferred_username"] = name
        if name is ABSENT:
            del provider.claims["preferred_username"]
        await refused(house, provider)
        assert len(await house.store.users()) == 1

    corp(story)


def test_two_tabs_at_once_make_one_person(corp):
    async def story(house, provider):
        browsers = [house.browser() for _ in range(5)]
        backs = [provider.sign_in((await leave(each)).headers["location"]) for each in browsers]
        answers = await asyncio.gather(*(each.get(back) for each, back in zip(browsers, backs, strict=True)))
        assert [answer.status_code for answer in answers] == [303] * 5
        assert len({(await house.person(each)).user_id for each in browsers}) == 1

    corp(story)


def test_claims_are_copied_by_name_each_time_and_only_as_they_may_be(corp):
    async def story(house, provider):
        secret = f"ghp_{'a' * 36}"
        provider.claims |= {"name": "Al", "team": ["red"], "nickname": 7, "note": secret, "shoe_size": 44}
        await through(house.browser(), provider)
        user = await house.store.user_by_name("al")
        told = {"email": "alice@corp.example", "email_verified": True, "name": "Al", "team": ["red"]}
        assert await house.store.user_claims(user.user_id) == told
        provider.claims |= {"name": "Alice", "email": "alice@example.com"}
        await through(house.browser(), provider)
        told |= {"name": "Alice", "email": "alice@example.com", "email_verified": False}
        assert await house.store.user_claims(user.user_id) == told

    wanted = ("email", "name", "team", "nickname", "note")
    corp(story, claims=wanted, email_domains=frozenset({"corp.example"}))


def test_gateways_hear_of_claims_that_changed_and_of_no_others(corp):
    async def story(house, provider):
        provider.claims["name"] = "Al"
        await through(house.browser(), provider)
        before = await house.store.feed_head()
        await through(house.browser(), provider)
        assert await house.store.feed_head() == before
        provider.claims["name"] = "Alice"
        await through(house.browser(), provider)
        assert await house.store.feed_head() > before

    corp(story, claims=("name",))


def test_what_the_id_token_leaves_out_is_asked_for(corp):
    async def story(house, provider):
        provider.claims = {"sub": "corp-1"}
        provider.userinfo = {"preferred_username": "al", "name": "Al"}
        await through(house.browser(), provider)
        user = await house.store.user_by_name("al")
        assert await house.store.user_claims(user.user_id) == {"name": "Al"}
        provider.claims = {"sub": "corp-1", "preferred_username": "al", "name": "Alice"}
        await through(house.browser(), provider)
        assert provider.fetched.count("/userinfo") == 1
        assert await house.store.user_claims(user.user_id) == {"name": "Alice"}

    corp(story, claims=("name",))


def test_userinfo_never_overrides_what_is_signed(corp):
    async def story(house, provider):
        provider.userinfo = {"sub": "corp-1", "email": "bob@corp.example", "acr": "gold", "amr": ["mfa"]}
        browser = house.browser()
        await through(browser, provider)
        person = await house.person(browser)
        assert person.proofs[0].amr == ("fed",)
        told = await house.store.user_claims(person.user_id)
        assert told == {"email": "alice@corp.example", "email_verified": False}

    corp(story, claims=("email", "name"), believed=True, two_factors_acr=("gold",))


async def with_app(house):
    """A code of an authenticator app is asked of alice from now on."""
    await house.store.set_totp(house.alice.user_id, b"sealed", step=1, at=house.clock.time())


def test_a_second_factor_here_is_asked_for_whatever_the_provider_saw(corp):
    async def story(house, provider):
        await house.store.add_upstream_link(
            UpstreamLink("corp", "corp-1", house.alice.user_id, house.clock.time())
        )
        await with_app(house)
        provider.claims["acr"] = "gold"
        for start in ("/sign-in?again=1", house.identity.sign_in.sign_in_url(BACK, level="two-factor")):
            browser = house.browser()
            answer = await through(browser, provider, start)
            assert answer.headers["location"].startswith("/sign-in/code?")
            assert SESSION not in browser.cookies

    corp(story, two_factors_acr=("gold",))


def test_signing_in_there_renews_a_session_that_began_here(corp):
    async def story(house, provider):
        await house.store.add_upstream_link(
            UpstreamLink("corp", "corp-1", house.alice.user_id, house.clock.time())
        )
        browser = house.browser()
        await house.sign_in(browser)
        house.clock.advance(60)
        since = house.clock.time() - 10
        start = house.identity.sign_in.sign_in_url("/account", since=since)
        await through(browser, provider, start)
        person = await house.person(browser)
        assert [proof.amr for proof in person.proofs] == [("pwd",), ("fed",)]
        assert person.upstream == "corp"
        (session,) = await house.store.sessions_of(house.alice.user_id)
        assert (session.upstream, session.upstream_subject) == ("corp", "corp-1")

    corp(story)


def test_what_was_done_there_long_ago_is_no_fresher_for_being_told_now(corp):
    async def story(house, provider):
        now = house.clock.time()
        await house.store.add_upstream_link(UpstreamLink("corp", "corp-1", house.alice.user_id, now))
        provider.lies = {"auth_time": int(now) - 7200}
        browser = house.browser()
        await house.sign_in(browser)
        await through(browser, provider)
        person = await house.person(browser)
        assert [proof.amr for proof in person.proofs] == [("fed",), ("pwd",)]
        two = added(added((Proof(("fed",), now - 7200),), Proof(("otp",), now)), Proof(("fed",), now - 7100))
        assert authentication(two).auth_time == now - 7100

    corp(story)


GROUPS = {"staff": frozenset({"accounts:read"}), "tellers": frozenset({"transfers:write", "accounts:read"})}
RULE = Groups("roles", GROUPS)


@pytest.mark.parametrize(
    ("said", "kept", "scopes"),
    [
        (["staff"], ["staff"], {"accounts:read"}),
        (["staff", "tellers"], ["staff", "tellers"], {"accounts:read", "transfers:write"}),
        (["others", "staff"], ["staff"], {"accounts:read"}),
        (["others"], None, set()),
        ([], None, set()),
        (None, None, set()),
        ("staff", None, set()),
        ({"staff": True}, None, set()),
        ([7, ["staff"], None], None, set()),
        (["Staff", "staff "], None, set()),
    ],
)
def test_groups_give_scopes_and_others_give_none(corp, said, kept, scopes):
    async def story(house, provider):
        if said is not None:
            provider.claims["roles"] = said
        browser = house.browser()
        await through(browser, provider)
        person = await house.person(browser)
        assert person.scopes == scopes
        assert (await house.store.user_claims(person.user_id)).get("roles") == kept

    corp(story, groups=RULE)


def test_groups_are_what_they_were_at_the_last_sign_in_there_whichever_way_one_came_in(corp):
    async def story(house, provider):
        provider.claims["roles"] = ["tellers"]
        await house.store.add_upstream_link(
            UpstreamLink("corp", "corp-1", house.alice.user_id, house.clock.time())
        )
        here, there = house.browser(), house.browser()
        await house.sign_in(here)
        assert (await house.person(here)).scopes == frozenset()  # before the first time there
        await through(there, provider)
        assert (await house.person(here)).scopes == GROUPS["tellers"]
        provider.claims["roles"] = []
        await through(there, provider)
        assert (await house.person(here)).scopes == frozenset()

    corp(story, groups=RULE)


def test_who_has_no_account_there_is_bound_by_no_groups(corp):
    async def story(house, _provider):
        browser = house.browser()
        await house.sign_in(browser)
        assert (await house.person(browser)).scopes is None

    corp(story, groups=RULE)


def test_a_name_that_is_a_mail_address_will_do(corp):
    async def story(house, provider):
        await through(house.browser(), provider, f"/sign-in?continue={quote(BACK)}")
        assert (await house.store.user_by_name("alice@corp.example")).password_hash == ""

    corp(story, username_claim="email")


def test_no_password_of_whoever_came_from_there_opens_anything(corp):
    async def story(house, provider):
        await through(house.browser(), provider)
        for password in ("", "x", house.password):
            answer = await house.sign_in(house.browser(), "al", password or " ")
            assert answer.status_code == 403

    corp(story)
