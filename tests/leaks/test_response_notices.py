"""Owners are told what leaked, once, and never with a secret."""

import asyncio
import hashlib
import hmac
import json
import logging
from http.server import BaseHTTPRequestHandler

import pytest

from app.test_config import GOOD, write  # noqa: F401 - the fixture
from base.test_mail import box, post_office  # noqa: F401 - fixtures
from leaks.responding import id_of, lived
from serving import serving
from tokenward.app.config import load
from tokenward.app.leak_notices import leak_tellers
from tokenward.base.mail import MailServer
from tokenward.base.outbound import OutboundClient
from tokenward.base.secret import Secret
from tokenward.leaks.response.notices import TO_DO, Notice
from tokenward.leaks.response.policy import ResponsePolicy, ResponseRule
from tokenward.leaks.response.tellers import CannotTell, Mail, Webhook
from tokenward.leaks.response.telling import ATTEMPTS, FIRST_AGAIN, LONGEST_AGAIN, STALE, tell_due
from tokenward.store.leak_records import Incident, Leaked

SHARED = Secret("a-secret-of-forty-characters-for-webhooks")
PLACE = {"source": "git", "path": "src/settings.py", "line": 12, "commit": "c0ffee12"}


class Post:
    """A way that takes down what it is told, or fails."""

    def __init__(self, name="post"):
        self.name = name
        self.notices = []
        self.fails = False

    def recipients(self, _notice):
        return (self.name,)

    async def tell(self, notice, recipient):
        assert recipient == self.name
        if self.fails:
            raise CannotTell("the webhook: unreachable")
        self.notices.append(notice)


def alert(test):
    return lived(test, ResponsePolicy((ResponseRule("confirm", kinds=("access_token",)),)))


@lived
async def test_of_each_incident_somebody_is_told_once(w):
    _, scanner = await w.reporter()
    caller, token = await w.service()
    for _ in range(2):
        await w.report(scanner, token, **PLACE)
    post = Post()
    assert await tell_due(w.store, [post], clock=w.clock) == 1
    assert await tell_due(w.store, [post], clock=w.clock) == 0
    (notice,) = post.notices
    told = json.dumps(notice.json()) + notice.text
    assert notice.subject == f"Leaked access token {id_of(token)} was revoked"
    assert caller.id in told
    assert "src/settings.py:12" in notice.text
    assert "refused everywhere" in notice.text
    assert token not in told
    assert token[18:] not in told


@lived
async def test_of_what_was_over_nobody_is_told(w):
    _, scanner = await w.reporter()
    caller, token = await w.service()
    await caller.post("/revoke", token=token)
    await w.report(scanner, token)
    assert await tell_due(w.store, [Post()], clock=w.clock) == 0


@alert
async def test_what_waits_is_told_and_again_when_it_ends(w):
    _, scanner = await w.reporter()
    _, token = await w.service()
    await w.report(scanner, token)
    post = Post()
    await tell_due(w.store, [post], clock=w.clock)
    (incident,) = await w.incidents()
    assert post.notices[0].subject.endswith("waits for you")
    assert f"tokenward leaks respond {incident.incident_id} --dry-run" in post.notices[0].text
    assert "still good" in post.notices[0].text
    ending = ResponsePolicy().ending(incident.leaked, "operator")
    await w.store.respond_to_incident(incident.incident_id, ending, at=w.clock.time())
    await tell_due(w.store, [post], clock=w.clock)
    assert [each.subject.endswith("was revoked") for each in post.notices] == [False, True]


@lived
async def test_what_does_not_get_there_is_tried_again_later_and_later_and_not_for_ever(w):
    _, token = await w.service()
    await w.send({"secrets": [token]})
    post = Post()
    post.fails = True
    waited = []
    for _ in range(ATTEMPTS):
        assert await tell_due(w.store, [post], clock=w.clock) == 0
        assert await w.store.incidents_to_tell(at=w.clock.time(), limit=9) == []
        start = w.clock.time()
        while not await w.store.incidents_to_tell(at=w.clock.time(), limit=9):
            if w.clock.time() - start > LONGEST_AGAIN:
                break
            w.clock.advance(FIRST_AGAIN / 2)
        waited.append(w.clock.time() - start)
    assert waited[:4] == [FIRST_AGAIN * factor for factor in (1, 2, 4, 8)]
    assert max(waited[:-1]) <= LONGEST_AGAIN
    post.fails = False
    w.clock.advance(10 * LONGEST_AGAIN)
    assert await tell_due(w.store, [post], clock=w.clock) == 0
    assert post.notices == []


@lived
async def test_after_a_failure_it_gets_there(w):
    _, token = await w.service()
    await w.send({"secrets": [token]})
    post = Post()
    post.fails = True
    await tell_due(w.store, [post], clock=w.clock)
    post.fails = False
    w.clock.advance(FIRST_AGAIN + 1)
    assert await tell_due(w.store, [post], clock=w.clock) == 1


@lived
async def test_who_was_not_reached_is_told_again_and_who_was_is_not(w):
    _, token = await w.service()
    await w.send({"secrets": [token]})
    broken, post = Post("broken"), Post()
    broken.fails = True
    assert await tell_due(w.store, [broken, post], clock=w.clock) == 1
    w.clock.advance(FIRST_AGAIN + 1)
    assert await tell_due(w.store, [broken, post], clock=w.clock) == 0
    broken.fails = False
    w.clock.advance(LONGEST_AGAIN)
    assert await tell_due(w.store, [broken, post], clock=w.clock) == 1
    w.clock.advance(LONGEST_AGAIN)
    assert await tell_due(w.store, [broken, post], clock=w.clock) == 0
    assert (len(broken.notices), len(post.notices)) == (1, 1)


@alert
async def test_who_knew_that_it_waits_is_told_that_it_ended_also_after_others_were_not_reached(w):
    _, token = await w.service()
    await w.send({"secrets": [token]})
    broken, post = Post("broken"), Post()
    broken.fails = True
    await tell_due(w.store, [broken, post], clock=w.clock)
    (incident,) = await w.incidents()
    ending = ResponsePolicy().ending(incident.leaked, "operator")
    await w.store.respond_to_incident(incident.incident_id, ending, at=w.clock.time())
    broken.fails = False
    assert await tell_due(w.store, [broken, post], clock=w.clock) == 2
    assert [each.subject.endswith("was revoked") for each in post.notices] == [False, True]


@lived
async def test_of_several_processes_one_tells(w):
    _, token = await w.service()
    await w.send({"secrets": [token]})
    posts = [Post() for _ in range(5)]
    await asyncio.gather(*(tell_due(w.store, [post], clock=w.clock) for post in posts))
    assert sum(len(post.notices) for post in posts) == 1


@lived
async def test_of_what_is_old_nobody_is_told(w):
    _, token = await w.service()
    await w.send({"secrets": [token]})
    w.clock.advance(STALE + 1)
    post = Post()
    assert await tell_due(w.store, [post], clock=w.clock) == 0
    assert await w.store.incidents_to_tell(at=w.clock.time() + STALE, limit=9) == []
    assert post.notices == []


@pytest.mark.parametrize("kind", TO_DO)
@pytest.mark.parametrize("responded", [None, 2.0])
def test_every_kind_says_what_broke_and_what_to_do(kind, responded):
    incident = Incident(
        "4U9WEWqebqm", Leaked(kind, "x"), 1.0, "holder", 1, "open", "revoke", responded_at=responded
    )
    notice = Notice(incident, ())
    assert notice.broke in notice.text
    assert notice.to_do in notice.text
    assert "INCIDENT" not in notice.text
    graced = Incident("x", Leaked("client_secret", "s"), 1.0, "holder", 1, "responded", "revoke", 1.0, 3600.0)
    assert "1970-01-01 01:00 UTC" in Notice(graced, ()).text


NOTICE = Notice(
    Incident("4U9WEWqebqm", Leaked("api_key", "k", owner="ann@example.com"), 1.0, "github", 2, "responded",
             "revoke", 1.0), ()
)  # fmt: skip


def test_the_webhook_is_signed():
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

    with serving(Handler) as origin:
        client = OutboundClient(allow=("127.0.0.1/32",), https_only=False)
        asyncio.run(Webhook(Secret(f"{origin}/hook"), client, SHARED).tell(NOTICE, "webhook"))
    ((headers, body),) = got
    signed = headers["Tokenward-Timestamp"].encode() + b"." + body
    expected = hmac.new(SHARED.reveal().encode(), signed, hashlib.sha256).hexdigest()
    assert headers["Tokenward-Signature"] == f"v1={expected}"
    assert json.loads(body)["incident"] == "4U9WEWqebqm"


def test_a_webhook_that_is_not_there_does_not_tell_its_address(caplog):
    client = OutboundClient(allow=("127.0.0.1/32",), https_only=False)
    with pytest.raises(CannotTell, match="the webhook: unreachable") as raised:
        asyncio.run(Webhook(Secret("http://127.0.0.1:9/secret-path"), client).tell(NOTICE, "webhook"))
    assert "secret-path" not in str(raised.value)
    inside = OutboundClient(https_only=False)
    with pytest.raises(CannotTell, match="address_refused"):
        asyncio.run(Webhook(Secret("http://127.0.0.1:9/secret-path"), inside).tell(NOTICE, "webhook"))
    assert "secret-path" not in caplog.text


def test_operators_and_the_owner_of_the_key_get_mail(box, post_office):  # noqa: F811
    server = MailServer("127.0.0.1", post_office(), "tokenward@example.com", tls=None)
    mail = Mail(server, ("ops@example.com", "ann@example.com"))
    for recipient in mail.recipients(NOTICE):
        asyncio.run(mail.tell(NOTICE, recipient))
    assert [to for _, (to,), _ in box.mails] == ["ops@example.com", "ann@example.com"]
    assert {mail["Subject"] for _, _, mail in box.mails} == {NOTICE.subject}


def test_the_configuration_says_who_is_told(write, monkeypatch):  # noqa: F811
    monkeypatch.setenv("HOOK", "https://chat.example/hook")
    monkeypatch.setenv("KEY", SHARED.reveal())
    mail = "mail: {host: 127.0.0.1, sender: t@example.com}\n"
    said = "leaks: {notices: {webhook: env:HOOK, webhook_secret: env:KEY, mail_to: [ops@example.com]}}\n"
    webhook, post = leak_tellers(load(write(said + mail + GOOD)).configuration)
    assert (webhook.url.reveal(), webhook.secret.reveal()) == ("https://chat.example/hook", SHARED.reveal())
    assert post.operators == ("ops@example.com",)
    assert leak_tellers(load(write(GOOD)).configuration) == []
    monkeypatch.setenv("KEY", "short")
    with pytest.raises(ValueError, match="32 characters"):
        leak_tellers(load(write(said + mail + GOOD)).configuration)


@pytest.mark.parametrize(
    "said", ["{mail_to: [ops@example.com]}", "{webhook_secret: env:KEY}", "{webhook: https://x.example/h}"]
)
def test_notices_that_cannot_go_anywhere_are_an_error(write, said):  # noqa: F811
    loaded = load(write(f"leaks: {{notices: {said}}}\n{GOOD}"))
    assert loaded.configuration is None
    assert {it.line for it in loaded.findings} == {1}


def test_who_cannot_be_told_is_told_of_in_the_log(caplog, tmp_path, monkeypatch):
    caplog.set_level(logging.WARNING, "tokenward")

    @lived
    async def check(w):
        _, token = await w.service()
        await w.send({"secrets": [token]})
        post = Post()
        post.fails = True
        await tell_due(w.store, [post], clock=w.clock)

    check(tmp_path, monkeypatch)
    assert "somebody was not told of incident" in caplog.text
