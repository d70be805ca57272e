import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.problems import CONFLICT, INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.base.secret import Secret
from tokenward.identity.people import add_user, set_password, typed_username, why_no_username

PASSWORD = Secret("correct horse battery")


@pytest.mark.parametrize(
    "name", ["a", "x" * 64, "alice@example.com", "Anna Maria", "José", "李雷", "o'brien", "<b>"]
)
def test_names_that_are_allowed(name):
    assert why_no_username(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 65,
        " alice",
        "alice ",
        "al\x00ice",
        "al\nice",
        "al\u200bice",  # zero width space
        "\u202eecila",  # right-to-left override
        "al\u2028ice",  # line separator
        "al\xa0ice",  # no-break space
        "\ufeffalice",
        "al\ud800ice",
        "\uff41lice",  # full-width a
        "jose\u0301",  # e + combining acute: NFC is another string
        "\ue000",  # private use
    ],
)
def test_names_that_deceive_or_break_something_are_refused(name):
    assert why_no_username(name)


@given(st.text())
def test_an_allowed_name_is_found_again_as_it_is_typed(name):
    if not why_no_username(name):
        assert typed_username(name) == name
        assert typed_username(f" {unicodedata.normalize('NFD', name)} ") == name


def test_a_person_is_added_once(visit):
    async def story(house):
        bob = await add_user(house.store, "bob", PASSWORD, passwords=house.passwords, clock=house.clock)
        assert await house.store.user_by_name("bob") == bob
        assert bob.created_at == house.clock.time()
        assert PASSWORD.reveal() not in repr(bob)
        with pytest.raises(Refusal) as caught:
            await add_user(house.store, "bob", PASSWORD, passwords=house.passwords, clock=house.clock)
        assert caught.value.problem is CONFLICT
        assert len(await house.store.users()) == 2

    visit(story)


@pytest.mark.parametrize(("name", "password"), [(" bob", PASSWORD), ("bob", Secret("short"))])
def test_a_bad_name_or_password_adds_nobody(visit, name, password):
    async def story(house):
        with pytest.raises(Refusal) as caught:
            await add_user(house.store, name, password, passwords=house.passwords, clock=house.clock)
        assert caught.value.problem is INVALID_INPUT
        assert [user.username for user in await house.store.users()] == ["alice"]

    visit(story)


def test_another_password_replaces_the_old_one_and_ends_every_session(visit):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        await set_password(house.store, "alice", PASSWORD, passwords=house.passwords)
        assert await house.person(browser) is None
        assert (await house.sign_in(browser)).status_code == 403
        assert (await house.sign_in(browser, password=PASSWORD.reveal())).status_code == 303

    visit(story)


@pytest.mark.parametrize(
    ("name", "password", "problem"),
    [("nobody", PASSWORD, NOT_FOUND), ("alice", Secret("short"), INVALID_INPUT)],
)
def test_a_refused_change_changes_nothing(visit, name, password, problem):
    async def story(house):
        browser = house.browser()
        await house.sign_in(browser)
        with pytest.raises(Refusal) as caught:
            await set_password(house.store, name, password, passwords=house.passwords)
        assert caught.value.problem is problem
        assert await house.person(browser)
        assert (await house.sign_in(browser)).status_code == 303

    visit(story)
