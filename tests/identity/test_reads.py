"""A step of signing in asks the store for each thing once."""

from collections import Counter

import pytest

from identity.house import BACK
from identity.test_passkey_step import holder, use

COUNTED = ("session", "user")


@pytest.fixture
def counting(visit, monkeypatch):
    """Run a story that is told how often the store was asked since it last looked."""

    def run(story):
        async def counted(house):
            asked = Counter()
            for name in COUNTED:
                real = getattr(house.store, name)

                async def ask(*arguments, name=name, real=real):
                    asked[name] += 1
                    return await real(*arguments)

                monkeypatch.setattr(house.store, name, ask)

            def since():
                seen = dict(asked)
                asked.clear()
                return seen

            await story(house, since)

        visit(counted)

    return run


def test_a_code_after_the_password_reads_the_person_to_judge_it_and_to_take_it(counting):
    async def story(house, asked):
        app, browser = await house.app(), house.browser()
        await house.sign_in(browser)
        form = {"form": await house.field(browser, "/sign-in/code"), "code": app.code(), "continue": BACK}
        asked()
        assert (await browser.post("/sign-in/code", data=form)).headers["location"] == BACK
        assert asked() == {"user": 2}

    counting(story)


def test_so_does_a_code_in_a_session_and_reads_that_to_judge_it_and_to_renew_it(counting):
    async def story(house, asked):
        app, browser = await house.app(), house.browser()
        await house.sign_in_fully(browser, app)
        since = {"continue": BACK, "since": f"{house.clock.time() + 1:.1f}"}
        house.clock.advance(30)
        form = {"username": "alice", "password": house.password, "form": await house.field(browser), **since}
        answer = await browser.post("/sign-in", data=form)
        field = await house.field(browser, answer.headers["location"])
        asked()
        answer = await browser.post("/sign-in/code", data={"form": field, "code": app.code(), **since})
        assert answer.headers["location"] == BACK
        assert asked() == {"session": 2, "user": 2}

    counting(story)


def test_a_passkey_reads_session_and_person_once(counting):
    async def story(house, asked):
        key, browser = await holder(house), house.browser()
        location = (await house.sign_in(browser)).headers["location"]
        asked()
        assert (await use(browser, location, key)).headers["location"] == BACK
        # Two to show the page, two to take the answer: who has signed in so far, and whose the passkey is.
        assert asked() == {"user": 3}

    counting(story)
