"""Letters: to whom, what they can hold, and what becomes of those that nobody takes."""

import asyncio
import logging
from contextlib import asynccontextmanager, suppress

import pytest

from identity.house import Mailbox
from identity.test_account import with_address
from tokenward.base.mail import MailError, MailServer
from tokenward.base.secret import Secret
from tokenward.identity import outbox as outbox_module
from tokenward.identity.letters import Letters
from tokenward.identity.outbox import WAITING, Letter, Outbox
from tokenward.identity.texts import english


@asynccontextmanager
async def running(post, again=(0.0, 0.0)):
    outbox = Outbox(post, again=again)
    sending = asyncio.create_task(outbox.run())
    try:
        yield outbox
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending


def letter(to="ann@example.com", text="text"):
    return Letter(to, "subject", text)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"email": "alice@example.com"},
        {"email": "alice@example.com", "email_verified": False},
    ],
)
def test_only_a_verified_address_gets_anything(visit, claims):
    async def story(house):
        letters = house.parts.letters
        link = Secret("https://id.example/sign-in/link?token=x")
        await house.store.change_user_claims(house.alice.user_id, claims, house.clock.time())
        letters.tell(house.alice, "new_device", device="", address="")
        assert not await letters.reach(house.alice)
        assert not await letters.send_link(house.alice, "reset", link)
        assert await house.mailbox.settled() == []
        await with_address(house)
        assert await letters.reach(house.alice)
        assert await letters.send_link(house.alice, "reset", link)
        assert [to for to, _, _ in await house.mailbox.settled()] == ["alice@example.com"]

    visit(story, mail=True)


def test_nothing_reaches_anybody_where_mail_goes_nowhere(visit):
    async def story(house):
        await with_address(house)
        assert not house.parts.letters.work
        assert not await house.parts.letters.reach(house.alice)
        assert not await house.parts.letters.send_link(house.alice, "reset", Secret("https://id.example/x"))
        house.parts.letters.tell(house.alice, "new_device", device="", address="")
        assert await house.mailbox.settled() == []

    visit(story)


def test_a_letter_tells_what_and_from_where(visit):
    async def story(house):
        await with_address(house)
        agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
        await house.sign_in(house.browser("203.0.113.9"), headers={"user-agent": agent})
        ((_, _, text),) = await house.mailbox.settled()
        assert "\nAccount: alice at Example & Sons\nBrowser: Firefox on Windows\n" in text
        assert "\nAddress: 203.0.113.9\n" in text
        assert "https://id.example/account" in text

    visit(story, mail=True)


def test_a_device_that_is_known_is_no_news(visit):
    async def story(house):
        await with_address(house)
        browser = house.browser()
        for _ in range(2):
            await house.sign_in(browser)
            assert len(await house.mailbox.settled()) == 1

    visit(story, mail=True)


@pytest.mark.parametrize("address", ["a@example.com\nBcc: b@example.com", "a@example.com\rX: y"])
def test_an_address_cannot_add_a_header(address, caplog):
    async def main():
        # Nothing listens at port 1: what gets as far as a connection is a MailError.
        async with running(MailServer("127.0.0.1", 1, "us@example.com", tls=None)) as outbox:
            outbox.put(letter(address, "a secret link"))
            await Mailbox().settled()

    asyncio.run(main())
    assert "cannot stand in a mail" in caplog.text
    assert "Bcc" not in caplog.text
    assert "a secret link" not in caplog.text


def test_a_letter_that_is_not_taken_is_tried_again_and_lost_in_the_end(caplog):
    caplog.set_level(logging.WARNING)

    async def main():
        mailbox = Mailbox(refuses=[MailError("SMTP 451")] * 2)
        async with running(mailbox) as outbox:
            outbox.put(letter(text="a secret link"))
            assert len(await mailbox.settled()) == 1
            assert caplog.text.count("a letter waits: SMTP 451") == 2
            mailbox.refuses = [MailError("SMTP 550")] * 3
            outbox.put(letter())
            assert len(await mailbox.settled()) == 1
            assert mailbox.refuses == []
        assert caplog.text.count("a letter is lost: SMTP 550") == 1
        for secret in ("a secret link", "ann@example.com"):
            assert secret not in caplog.text

    asyncio.run(main())


def test_a_letter_that_nobody_takes_holds_up_no_other():
    async def main():
        mailbox = Mailbox(refuses=[MailError("SMTP 451")])
        async with running(mailbox, again=(3600.0,)) as outbox:
            outbox.put(letter("nobody@example.com"))
            outbox.put(letter("ann@example.com"))
            assert [to for to, _, _ in await mailbox.settled()] == ["ann@example.com"]

    asyncio.run(main())


def test_of_those_that_wait_to_be_tried_again_there_is_an_end(monkeypatch, caplog):
    monkeypatch.setattr(outbox_module, "WAITING", 3)

    async def main():
        mailbox = Mailbox(refuses=[MailError("SMTP 451")] * 5)
        async with running(mailbox, again=(3600.0,)) as outbox:
            for _ in range(5):
                outbox.put(letter())
                await asyncio.sleep(0)
            await mailbox.settled()
            assert caplog.text.count("a letter waits") == 3
            assert caplog.text.count("a letter is lost") == 2

    caplog.set_level(logging.WARNING)
    asyncio.run(main())


def test_where_too_many_wait_a_letter_is_lost_and_the_log_says_so(caplog):
    async def main():
        outbox = Outbox(Mailbox())
        for _ in range(WAITING + 2):
            outbox.put(letter(text="a secret link"))

    asyncio.run(main())
    assert caplog.text.count(f"a letter is lost: {WAITING} wait already") == 2
    assert "a secret link" not in caplog.text


def test_of_letters_that_are_being_written_there_is_an_end(caplog):
    class Slow:
        async def user_claims(self, _user_id):
            await asyncio.sleep(3600)

    async def main():
        letters = Letters(Slow(), Outbox(Mailbox()), english(), name="N", issuer_url="https://id.example")

        class User:
            user_id, username = "u", "ann"

        for _ in range(60):
            letters.tell(User, "new_device", device="", address="")
        for task in letters._writing:
            task.cancel()

    asyncio.run(main())
    assert caplog.text.count("a letter is lost: 50 are being written") == 10


def test_a_letter_shows_nothing_of_its_text():
    assert "secret" not in repr(letter(text="a secret link"))
