"""`tokenward users`: what it prints on 80 columns, how it ends, and what is so afterwards."""

import asyncio
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from store.values import passkey, session
from tokenward.app.cli import application
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.identity.sessions import IDLE
from tokenward.store.people_records import UpstreamLink

LONG = "a.person.with.rather.a.long.name@department.of.a.company.example"


@pytest.fixture
def users(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    runner = CliRunner()

    def invoke(*arguments, code=0, stdin=None):
        result = runner.invoke(application, list(arguments), input=stdin)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    invoke("init")
    return lambda *arguments, **expected: invoke("users", *arguments, **expected)


@pytest.fixture
def ground(users, tmp_path):
    """Do something with the store that the commands use."""

    def do(work):
        async def main():
            async with foundation(load(tmp_path / "tokenward.yaml").configuration) as opened:
                return await work(opened)

        return asyncio.run(main())

    return do


@pytest.fixture
def alice(users, ground):
    users("add", "alice", stdin="correct horse battery\n")
    return ground(lambda opened: opened.store.user_by_name("alice"))


def link_in(said):
    return re.fullmatch(r"http\S+/sign-in/link\?token=(tkw_sl_\w+)", said.stdout.strip())[1]


def column(table, heading):
    """What stands under a heading, without spaces and line breaks."""
    first, *_ = lines = table.splitlines()
    begin = first.index(f"{heading} ")
    headings = [match.start() for match in re.finditer(r"(?<=  )\S|$", first)]
    end = next(at for at in headings if at > begin)
    return "".join("".join(line[begin:end].split()) for line in lines)


def test_a_list_of_people_is_whole_on_80_columns(users, ground, alice):
    users("add", LONG, stdin="correct horse battery\n")

    async def more(opened):
        await opened.store.add_passkey(passkey(user_id=alice.user_id))
        await opened.store.set_totp(alice.user_id, b"sealed", step=1, at=1.0)
        await opened.store.set_recovery_codes(alice.user_id, [b"1", b"2"], at=1.0)

    ground(more)
    users("invite", "bob")
    users("disable", "bob")
    listed = users("list").stdout
    assert "…" not in listed
    names, ids, ways = (column(listed, heading) for heading in ("name", "user_id", "signs in by"))
    assert names == f"namealice{LONG}bob"
    assert alice.user_id in ids
    assert ways.startswith("signsinbypassword,1passkeys,app,2recoverycodespasswordnothingyet")
    assert "disabled" in listed
    assert max(map(len, listed.splitlines())) <= 80


def test_an_invitation_is_a_link_on_standard_output_and_voids_the_one_before(users, ground):
    said = users("invite", "carol", "--claim", "email=carol@example.com", "--claim", "email_verified=true")
    first = link_in(said)
    assert first not in said.stderr
    second = link_in(users("invite", "carol"))

    async def look(opened):
        user = await opened.store.user_by_name("carol")
        links = [await opened.store.link(token[7:18]) for token in (first, second)]
        return user, links, await opened.store.user_claims(user.user_id)

    user, (before, link), claims = ground(look)
    assert before is None
    assert (link.user_id, link.purpose) == (user.user_id, "invite")
    assert link.expires_at - link.created_at == 7 * 86_400
    assert claims == {"email": "carol@example.com", "email_verified": True}


def test_who_has_a_password_gets_a_link_for_half_an_hour(users, ground, alice):
    token = link_in(users("invite", "alice"))
    link = ground(lambda opened: opened.store.link(token[7:18]))
    assert (link.purpose, link.expires_at - link.created_at) == ("reset", 30 * 60)


@pytest.mark.parametrize(
    "words",
    [
        ("invite", "al\u200bice"),
        ("invite", "dave", "--claim", "sub=root"),
        ("invite", "gone"),
        ("disable", "nobody"),
        ("enable", "nobody"),
        ("reset-factors", "nobody"),
        ("sessions", "nobody"),
        ("sessions", "nobody", "--end"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(users, ground, words):
    users("invite", "gone")
    users("disable", "gone")
    refused = users(*words, code=1)
    assert refused.stdout == ""
    assert refused.stderr.strip()
    assert ground(lambda opened: opened.store.user_by_name("dave")) is None


def test_disabling_ends_sessions_and_is_said_once(users, ground, alice):
    async def begin(opened):
        now = opened.clock.time()
        lasting = session(user_id=alice.user_id, created_at=now, last_seen_at=now, expires_at=now + 3600)
        user = await opened.store.user_by_name("alice")
        return await opened.store.add_session(lasting, version=user.version)

    assert ground(begin)
    assert "nothing acts for them" in users("disable", "alice").stderr
    assert ground(lambda opened: opened.store.sessions_of(alice.user_id)) == []
    assert not ground(begin)
    assert "so already" in users("disable", "alice", code=1).stderr
    users("enable", "alice")
    assert "so already" in users("enable", "alice", code=1).stderr
    assert ground(begin)


def test_resetting_removes_every_factor_but_the_password(users, ground, alice):
    async def more(opened):
        await opened.store.add_passkey(passkey(user_id=alice.user_id))
        await opened.store.set_totp(alice.user_id, b"sealed", step=1, at=1.0)
        await opened.store.set_recovery_codes(alice.user_id, [b"1"], at=1.0)

    ground(more)
    users("reset-factors", "alice")
    left = ground(lambda opened: opened.store.has_factors(alice.user_id))
    assert (left.password, left.passkeys, left.totp, left.recovery_codes) == (True, 0, False, 0)


def test_sessions_that_live_are_listed_and_all_are_ended(users, ground, alice):
    async def begin(opened):
        now = opened.clock.time()
        live = session(
            user_id=alice.user_id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + 3600,
            device="Samsung Internet on Android",
            address="2001:db8:1234:5678::",
        )
        idle = replace(live, session_id="idle0000000", last_seen_at=now - IDLE, device="Idle")
        over = replace(live, session_id="over0000000", expires_at=now, device="Over")
        for each in (live, idle, over):
            assert await opened.store.add_session(each, version=0)

    ground(begin)
    listed = users("sessions", "alice").stdout
    assert "…" not in listed
    assert max(map(len, listed.splitlines())) <= 80
    assert column(listed, "address") == "address2001:db8:1234:5678::"
    assert column(listed, "device") == "deviceSamsungInternetonAndroid"
    assert column(listed, "by") == "bypwdotp"
    assert "ended" in users("sessions", "alice", "--end").stderr
    assert ground(lambda opened: opened.store.sessions_of(alice.user_id)) == []


def test_accounts_at_providers_are_shown_and_unlinked_by_name(users, ground, alice, tmp_path):
    async def linked(opened):
        for number, upstream in enumerate(("corp", "club", "club")):
            account = UpstreamLink(upstream, f"sub-{number}", alice.user_id, 1_800_000_000.0)
            await opened.store.add_upstream_link(account)
        await opened.store.use_upstream_link("corp", "sub-0", 1_800_086_400.0)

    ground(linked)
    shown = users("show", "alice").stdout
    assert "account at corp: sub-0\n    linked 2027-01-15 08:00, last used 2027-01-16 08:00\n" in shown
    assert "account at club: sub-1\n    linked 2027-01-15 08:00, not used yet\n" in shown

    def left():
        links = ground(lambda opened: opened.store.upstream_links(alice.user_id))
        return sorted(link.subject for link in links)

    assert "several" in users("unlink", "alice", "club", code=1).stderr
    for words in (("nobody", "corp"), ("alice", "other"), ("alice", "corp", "--subject", "sub-1")):
        assert users("unlink", *words, code=1).stderr
    assert left() == ["sub-0", "sub-1", "sub-2"]
    users("unlink", "alice", "club", "--subject", "sub-2")
    assert left() == ["sub-0", "sub-1"]
    assert "alice signs in by: password" in users("unlink", "alice", "corp").stderr
    assert left() == ["sub-1"]
