"""Where letters to people go: to the one mail server; in development, to the terminal; elsewhere nowhere."""

import asyncio
import contextlib
import io
import re

import httpx
import pytest

from app.test_compromised_key import configured
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.leak_notices import leak_tellers
from tokenward.app.notices import tellers
from tokenward.app.post import Printed, post
from tokenward.app.servers import issuer_app
from tokenward.identity.passwords import Passwords
from tokenward.identity.people import add_user
from tokenward.store.usage import UsageLog

LOCAL = "http://127.0.0.1:8080"
MAIL = "mail: {host: smtp.example.com, sender: tokenward@example.com}\n"


@pytest.fixture
def configuration(tmp_path):
    """The configuration of a fresh directory, with other lines before it and another URL of the issuer."""
    configured(tmp_path)
    path = tmp_path / "tokenward.yaml"
    text = path.read_text()

    def written(before="", issuer=LOCAL):
        path.write_text(before + text.replace(LOCAL, issuer))
        loaded = load(path)
        assert loaded.configuration is not None, loaded.findings
        return loaded.configuration

    return written


@contextlib.asynccontextmanager
async def issuer(configuration):
    """A browser at the issuer, whose letters are sent, and its store, with a person who has an address."""
    async with foundation(configuration) as ground:
        passwords = Passwords()
        ann = await add_user(ground.store, "ann", None, passwords=passwords, clock=ground.clock)
        passwords.close()
        claims = {"email": "ann@example.com", "email_verified": True}
        await ground.store.change_user_claims(ann.user_id, claims, ground.clock.time())
        app, _, outbox, _ = await issuer_app(ground, UsageLog(ground.store, ground.clock))
        sending = asyncio.create_task(outbox.run())
        transport = httpx.ASGITransport(app)
        try:
            async with httpx.AsyncClient(transport=transport, base_url=LOCAL) as browser:
                yield browser
        finally:
            sending.cancel()


async def printed(pattern, capfd):
    """What fits the pattern, as soon as it is in the terminal."""
    shown = ""
    for _ in range(1000):
        shown += capfd.readouterr().err
        if found := re.search(pattern, shown):
            return found[0]
        await asyncio.sleep(0.01)
    raise AssertionError("it was never printed")


def test_all_mail_goes_by_one_server(configuration):
    settings = configuration(MAIL)
    (owners,), (incidents,) = tellers(settings), leak_tellers(settings)
    servers = [post(settings), owners.server, incidents.server]
    assert [(it.host, it.sender) for it in servers] == [("smtp.example.com", "tokenward@example.com")] * 3


@pytest.mark.parametrize("url", ["https://id.example", "https://10.0.0.7"])
def test_nothing_is_printed_where_others_reach_the_issuer(configuration, url):
    assert post(configuration(issuer=url)) is None


def test_who_forgot_the_password_finds_the_link_in_the_terminal(configuration, capfd):
    async def story():
        async with issuer(configuration()) as browser:
            page = await browser.get("/sign-in/forgotten")
            field = re.search(r'name="form" value="([^"]+)"', page.text)[1]
            sent = await browser.post(
                "/sign-in/forgotten", data={"form": field, "username": "ann"}, headers={"origin": LOCAL}
            )
            assert sent.status_code == 200
            link = await printed(r"http://\S+/sign-in/link\?token=\S+", capfd)
            assert "Welcome, <bdi>ann</bdi>" in (await browser.get(link)).text

    asyncio.run(story())


def test_there_is_no_page_for_it_where_nothing_takes_mail(configuration):
    async def story():
        async with issuer(configuration(issuer="https://id.example")) as browser:
            assert (await browser.get("/sign-in/forgotten")).status_code == 404
            assert "forgotten" not in (await browser.get("/sign-in")).text

    asyncio.run(story())


def test_a_printed_letter_steers_no_terminal_and_forges_no_line_of_the_log():
    shown = io.StringIO()
    text = "A passkey called \x1b[2J\rtime=now level=info\u202e\nlevel=error"
    asyncio.run(Printed(shown).send(to="ann@example.com", subject="About you", text=text))
    lines = shown.getvalue().removesuffix("\n").split("\n")
    assert all(line.startswith("    ") and line.isprintable() for line in lines)
    assert "    To: ann@example.com" in lines
