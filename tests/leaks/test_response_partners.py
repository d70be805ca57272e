"""Scanners that sign what they send: GitHub's, and others by webhook."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from http.server import BaseHTTPRequestHandler

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.test_config import GOOD, write  # noqa: F401 - the fixture
from leaks.responding import id_of, lived, report_of, world
from serving import serving
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.initialise import make_secrets
from tokenward.app.leaks import leaks_app
from tokenward.base.outbound import OutboundClient, OutboundError
from tokenward.base.secret import Secret
from tokenward.leaks.response import endpoint
from tokenward.leaks.response.github import GithubDesk
from tokenward.leaks.response.github_keys import FAILED_AGAIN, KEYS_AGAIN, KEYS_KEPT, GithubKeys
from tokenward.leaks.response.webhooks import WebhookDesk, signature
from tokenward.tokens import opaque

LIST = "https://api.github.example/keys"
URL = "https://github.example/o/r/blob/c0ffee/.env"


def public_pem(private):
    return (
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


class Github:
    """GitHub, as far as a partner sees it."""

    def __init__(self):
        self.keys = {}
        self.fetched = 0
        self.down = False
        self.listed = None
        self.add("one")

    def add(self, name, private=None):
        self.keys[name] = private or ec.generate_private_key(ec.SECP256R1())

    async def fetch(self, url):
        assert url == LIST
        self.fetched += 1
        if self.down:
            raise OutboundError("unreachable", "down")
        return self.list()

    def list(self):
        if self.listed is not None:
            return self.listed
        keys = [
            {"key_identifier": name, "key": public_pem(private), "is_current": True}
            for name, private in self.keys.items()
        ]
        return json.dumps({"public_keys": keys}).encode()

    def signed(self, body, name="one", key=None):
        private = key or self.keys[name]
        return {
            "github-public-key-identifier": name,
            "github-public-key-signature": base64.b64encode(
                private.sign(body, ec.ECDSA(hashes.SHA256()))
            ).decode(),
        }


def body_of(*tokens, **over):
    match = {"type": "tokenward_token", "url": URL, "source": "content"}
    return json.dumps([{"token": token, **match, **over} for token in tokens]).encode()


def life(test, **settings):
    """With GitHub."""

    async def run(w):
        github = Github()
        keys = GithubKeys(LIST, github.fetch, clock=w.clock)
        prefix = w.house.issuer.settings.token_prefix
        desk = GithubDesk(w.responder, keys, prefix=prefix, clock=w.clock)
        w.app.paths = {**w.app.paths, "/leaks/github": desk.post}

        async def post(body, headers=None, **over):
            headers = {**(github.signed(body) if headers is None else headers), **over}
            return await w.send(body, path="/leaks/github", **headers)

        await test(w, github, post)

    run.__name__ = test.__name__
    return lived(run, **settings)


def test_tokens_of_another_prefix_are_known_by_it(tmp_path, monkeypatch):
    async def check(w, github, post):
        _, token = await w.service()
        assert token.startswith("acme_at_")
        unknown = opaque.new("at", prefix="acme").secret.reveal()
        answer = await post(body_of(token, unknown, opaque.new("at").secret.reveal()))
        assert [each["label"] for each in answer.json()] == ["true_positive", "false_positive"]
        assert not await w.live(token)

    life(check, token_prefix="acme")(tmp_path, monkeypatch)


@life
async def test_what_github_found_ends_and_it_hears_which_were_ours(w, github, post):
    _, token = await w.service()
    unknown = opaque.new("at").secret.reveal()
    answer = await post(body_of(token, "tkw_at_nothing", unknown, token))
    assert answer.status_code == 200
    assert answer.json() == [
        {
            "token_hash": hashlib.sha256(text.encode()).hexdigest(),
            "token_type": "tokenward_token",
            "label": label,
        }
        for text, label in ((token, "true_positive"), ("tkw_at_nothing", "false_positive"))
    ]
    assert token not in answer.text
    assert not await w.live(token)
    (incident,) = await w.incidents()
    assert (incident.reporter, incident.leaked.subject) == ("github", id_of(token))
    (seen,) = await w.store.incident_evidence(incident.incident_id)
    assert (seen.evidence.source, seen.evidence.url) == ("content", URL)


@life
async def test_sources_and_addresses_of_every_kind_are_taken(w, github, post):
    _, token = await w.service()
    for source, url in (("Pull_request_comment", ""), ("", None), (7, 7), ("Npm!", "x" * 3000)):
        body = json.dumps([{"token": token, "type": "t", "source": source, "url": url, "new": {}}]).encode()
        assert (await post(body)).status_code == 200
    assert not await w.live(token)


OTHER = ec.generate_private_key(ec.SECP256R1())
NAMED, SIGNED = "github-public-key-identifier", "github-public-key-signature"


def without(headers, name):
    return {key: value for key, value in headers.items() if key != name}


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _github, body, sent: (body, without(sent, SIGNED)), id="no signature"),
        pytest.param(lambda _github, body, sent: (body, without(sent, NAMED)), id="no key"),
        pytest.param(lambda _github, body, sent: (body, {**sent, NAMED: "two"}), id="unknown key"),
        pytest.param(lambda github, body, _sent: (body, github.signed(body, key=OTHER)), id="other key"),
        pytest.param(
            lambda _github, body, sent: (body.replace(b"content", b"comment"), sent), id="a byte changed"
        ),
        pytest.param(
            lambda _github, body, sent: (json.dumps(json.loads(body), separators=(",", ":")).encode(), sent),
            id="re-serialised",
        ),
        pytest.param(
            lambda _github, body, sent: (body, {**sent, SIGNED: "!" + sent[SIGNED]}), id="not base64"
        ),
        pytest.param(lambda github, body, _sent: (body, github.signed(b"[]")), id="of another body"),
    ],
)
def test_what_github_did_not_sign_ends_nothing(spoil, tmp_path, monkeypatch):
    @life
    async def check(w, github, post):
        _, token = await w.service()
        body = body_of(token)
        spoilt, headers = spoil(github, body, github.signed(body))
        assert (await post(spoilt, headers)).status_code == 403
        assert await w.live(token)
        assert await w.incidents() == []
        assert (await post(body)).status_code == 200

    check(tmp_path, monkeypatch)


@life
async def test_two_signatures_are_none(w, github, post):
    _, token = await w.service()
    body = body_of(token)
    headers = [("content-type", "application/json"), *github.signed(body).items(), (NAMED, "one")]
    async with w.http() as http:
        assert (await http.post("/leaks/github", content=body, headers=headers)).status_code == 400
    assert await w.live(token)
    assert (await post(body)).status_code == 200


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1(), None])
def test_keys_of_another_curve_sign_nothing(curve, tmp_path, monkeypatch):
    @life
    async def check(w, github, post):
        private = rsa.generate_private_key(65537, 2048) if curve is None else ec.generate_private_key(curve)
        github.add("odd", private)
        _, token = await w.service()
        body = body_of(token)
        if curve is None:
            headers = {**github.signed(body), "github-public-key-identifier": "odd"}
        else:
            headers = github.signed(body, "odd")
        assert (await post(body, headers)).status_code == 403
        assert await w.live(token)
        assert (await post(body)).status_code == 200

    check(tmp_path, monkeypatch)


@life
async def test_a_replayed_message_is_the_same_incident(w, github, post):
    _, token = await w.service()
    body = body_of(token)
    headers = github.signed(body)
    first, again = await post(body, headers), await post(body, headers)
    assert first.json() == again.json()
    (incident,) = await w.incidents()
    assert incident.reports == 2
    assert len(await w.store.incident_evidence(incident.incident_id)) == 1


@life
async def test_a_new_key_is_fetched_and_strange_names_do_not_make_us_fetch_all_the_time(w, github, post):
    assert (await post(body_of("x"))).status_code == 200
    github.add("two")
    body = body_of("y")
    assert (await post(body, github.signed(body, "two"))).status_code == 403
    assert github.fetched == 1
    w.clock.advance(KEYS_AGAIN + 1)
    assert (await post(body, github.signed(body, "two"))).status_code == 200
    for number in range(5):
        strange = {**github.signed(body), "github-public-key-identifier": f"strange-{number}"}
        assert (await post(body, strange)).status_code == 403
    assert github.fetched == 2


@life
async def test_a_key_that_is_gone_from_the_list_is_gone_within_the_hour(w, github, post):
    body = body_of("x")
    headers = github.signed(body)
    assert (await post(body, headers)).status_code == 200
    del github.keys["one"]
    github.add("two")
    w.clock.advance(KEYS_KEPT + 1)
    assert (await post(body, headers)).status_code == 403


@life
async def test_while_the_list_of_keys_cannot_be_had_nobody_is_believed(w, github, post):
    _, token = await w.service()
    body = body_of(token)
    github.down = True
    answer = await post(body)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert (await post(body)).status_code == 503
    assert github.fetched == 1
    assert await w.live(token)
    github.down = False
    w.clock.advance(FAILED_AGAIN + 1)
    assert (await post(body)).status_code == 200
    w.clock.advance(KEYS_KEPT + 1)
    github.down = True
    assert (await post(body)).status_code == 503


@pytest.mark.parametrize(
    "listed",
    [
        b"",
        b"[]",
        b"{}",
        b'{"public_keys": 1}',
        b'{"public_keys": []}',
        b'{"public_keys": [1]}',
        b'{"public_keys": [{"key_identifier": "one", "key": "nonsense"}]}',
        b'{"public_keys": [{"key_identifier": "one"}]}',
        json.dumps({"public_keys": [{"key_identifier": "one", "key": public_pem(OTHER)}] * 51}).encode(),
    ],
)
def test_a_list_that_is_none_is_as_good_as_none(listed, tmp_path, monkeypatch):
    @life
    async def check(w, github, post):
        github.listed = listed
        assert (await post(body_of("x"))).status_code == 503

    check(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[]", 200),
        (b"", 400),
        (b"{}", 422),
        (b"[1]", 422),
        (b'[{"token": "x"}]', 422),
        (b'[{"token": "", "type": "t"}]', 422),
        (b'[{"token": 1, "type": "t"}]', 422),
        (b'[{"token": "x", "type": "t", "token": "y"}]', 400),
        (b"[" * 100 + b"]" * 100, 422),
        (body_of(*["x"] * 10_001), 422),
        (b'["' + b"x" * 4_200_000 + b'"]', 413),
    ],
)
def test_signed_nonsense_is_refused(body, status, tmp_path, monkeypatch):
    @life
    async def check(w, github, post):
        assert (await post(body)).status_code == status

    check(tmp_path, monkeypatch)


@life
async def test_a_long_list_is_worked_through(w, github, post):
    _, token = await w.service()
    body = body_of(*(f"not-ours-{number}" for number in range(3000)), token)
    answer = await post(body)
    assert len(answer.json()) == 3001
    assert not await w.live(token)


@life
async def test_who_sends_wrong_signatures_is_slowed_down(w, github, post):
    body = body_of("x")
    wrong = github.signed(body, key=ec.generate_private_key(ec.SECP256R1()))
    assert [(await post(body, wrong)).status_code for _ in range(21)] == [403] * 20 + [429]


# Webhooks

SHARED = Secret("a-secret-of-forty-characters-for-webhooks")


def hooked(test):
    async def run(w):
        desk = WebhookDesk(w.responder, "trufflehog", SHARED, clock=w.clock)
        w.app.paths = {**w.app.paths, "/leaks/webhook/trufflehog": desk.post}

        async def post(body, timestamp=None, secret=SHARED, **over):
            at = str(int(w.clock.time()) if timestamp is None else timestamp).encode()
            headers = {
                "tokenward-timestamp": at.decode(),
                "tokenward-signature": "v1=" + signature(secret, at, body).decode(),
                **{name.replace("_", "-"): value for name, value in over.items()},
            }
            headers = {name: value for name, value in headers.items() if value is not None}
            return await w.send(body, path="/leaks/webhook/trufflehog", **headers)

        await test(w, post)

    run.__name__ = test.__name__
    return lived(run)


@hooked
async def test_a_signed_report_of_a_scanner_ends_what_leaked(w, post):
    _, token = await w.service()
    _, other = await w.service()
    answer = await post(json.dumps({"reports": [report_of(token, path="a.py")]}).encode())
    assert (answer.status_code, answer.content) == (202, b'{"status":"accepted"}')
    await post(json.dumps({"secrets": [other]}).encode())
    assert not await w.live(token)
    assert not await w.live(other)
    assert {each.reporter for each in await w.incidents()} == {"webhook:trufflehog"}


def test_the_signature_is_hmac_sha256_of_timestamp_dot_body():
    """A fixed example, for who writes the other side."""
    made = signature(Secret("0123456789abcdef0123456789abcdef"), b"1795773600", b'{"secrets":["x"]}')
    expected = hmac.new(
        b"0123456789abcdef0123456789abcdef", b'1795773600.{"secrets":["x"]}', "sha256"
    ).hexdigest()
    assert made.decode() == expected


@hooked
async def test_what_was_not_signed_now_with_the_secret_ends_nothing(w, post):
    _, token = await w.service()
    body = json.dumps({"secrets": [token]}).encode()
    now = int(w.clock.time())
    other = Secret("another-secret-of-forty-characters-or-so")
    cases = [
        post(body, secret=other),
        post(body, timestamp=now - 301),
        post(body, timestamp=now + 302),
        post(body, timestamp=f"0{now}"),
        post(body, timestamp=""),
        post(body, tokenward_timestamp=None),
        post(body, tokenward_signature=None),
        post(body, tokenward_signature="v1=" + "0" * 64),
        post(body, tokenward_signature="v0=" + signature(SHARED, str(now).encode(), body).decode()),
        post(body, tokenward_timestamp=str(now - 1)),
        post(body + b" ", tokenward_signature="v1=" + signature(SHARED, str(now).encode(), body).decode()),
    ]
    assert [(await case).status_code for case in cases] == [403] * len(cases)
    assert await w.live(token)
    assert (await post(body, timestamp=now - 299)).status_code == 202
    assert not await w.live(token)


def test_when_the_answer_comes_does_not_tell_whether_something_was_known(tmp_path):
    async def main():
        async with world(tmp_path) as w:
            desk = WebhookDesk(w.responder, "trufflehog", SHARED, clock=w.clock)
            w.app.paths = {**w.app.paths, "/leaks/webhook/trufflehog": desk.post}
            _, token = await w.service()
            seconds = []
            for secret in (token, opaque.new("at").secret.reveal()):
                body, at = json.dumps({"secrets": [secret]}).encode(), str(int(w.clock.time())).encode()
                signed = "v1=" + signature(SHARED, at, body).decode()
                headers = {"tokenward-timestamp": at.decode(), "tokenward-signature": signed}
                began = time.monotonic()
                answer = await w.send(body, path="/leaks/webhook/trufflehog", **headers)
                assert answer.status_code == 202
                seconds.append(time.monotonic() - began)
            return seconds

    assert min(asyncio.run(main())) >= endpoint.STEP_SECONDS


@hooked
async def test_who_sends_wrong_hmacs_is_slowed_down(w, post):
    other = Secret("another-secret-of-forty-characters-or-so")
    told = [(await post(b"{}", secret=other)).status_code for _ in range(21)]
    assert told == [403] * 20 + [429]


@hooked
async def test_a_scanner_that_nobody_named_has_no_address(w, post):
    assert (await w.send(b"{}", path="/leaks/webhook/other")).status_code == 404
    assert (await post(b'{"nothing": 1}')).status_code == 422


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="32 characters"):
        WebhookDesk(None, "x", Secret("too-short"))


# Wired


def test_the_configuration_opens_both_and_fetches_github_s_keys_safely(write, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr("tokenward.leaks.response.endpoint.STEP_SECONDS", 0.001)
    monkeypatch.setenv("HOOK_SECRET", SHARED.reveal())
    github = Github()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(github.list())

    with serving(Handler) as origin:
        said = f"leaks: {{github: {{keys: {origin}/keys}}, webhooks: {{own: {{secret: env:HOOK_SECRET}}}}}}\n"
        path = write(said + GOOD)
        make_secrets(tmp_path)

        async def run():
            async with foundation(load(path).configuration) as ground:
                app = leaks_app(ground, publishes=lambda _kid: False)
                assert set(app.paths) == {"/leaks", "/leaks/github", "/leaks/webhook/own"}
                body = body_of("not-ours")
                transport = httpx.ASGITransport(app)
                async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
                    return await http.post(
                        "/leaks/github",
                        content=body,
                        headers={"content-type": "application/json", **github.signed(body)},
                    )

        answer = asyncio.run(run())
    assert answer.status_code == 200
    assert answer.json()[0]["label"] == "false_positive"


def test_without_a_word_in_the_configuration_neither_is_there(write, tmp_path):  # noqa: F811
    path = write(GOOD)
    make_secrets(tmp_path)

    async def run():
        async with foundation(load(path).configuration) as ground:
            return set(leaks_app(ground, publishes=lambda _kid: False).paths)

    assert asyncio.run(run()) == {"/leaks"}


def test_a_redirected_or_inside_list_of_keys_is_no_list():
    """The list is fetched as everything is: no redirects, no inside addresses that nobody named."""
    github = GithubKeys("http://127.0.0.1:9/keys", OutboundClient(https_only=False).get_async)

    async def run():
        with pytest.raises(Exception, match="address_refused"):
            await github.key("one")

    asyncio.run(run())
