"""From a scan to an issuer: what is told, what is not, and what comes back."""

import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from leaks.responding import AUDIENCE, URL, id_of, lived
from tokenward.app import leak_reporting
from tokenward.app.cli import application
from tokenward.app.leak_reporting import credential_of, tell_issuer
from tokenward.base.clock import ManualClock
from tokenward.base.outbound import OutboundError
from tokenward.base.secret import Secret
from tokenward.base.severity import Confidence, Severity
from tokenward.issuer.client_auth.registration import Proving
from tokenward.leaks.collecting import Collector
from tokenward.leaks.findings import Commit, Place
from tokenward.leaks.response.reporting import (
    CannotReport,
    Told,
    by_key,
    by_secret,
    read_sightings,
    report,
    sightings,
)
from tokenward.leaks.result import Finding, ScanResult, Validity
from tokenward.leaks.rule import Rule
from tokenward.leaks.sighting import Sighting as Seen
from tokenward.tokens import opaque
from tokenward.tokens.jws import parse
from tokenward.tokens.keys import SigningKey

RULE = Rule(
    "tokenward-access-token", "Tokenward", "Tokenward access token", "x", Severity.HIGH, Confidence.HIGH, "",
    checksum="tokenward",
)  # fmt: skip
COMMIT = Commit("c0ffee12", "Ann", "2026-11-01T09:00:00+01:00", in_head=True)


def finding(text, *places, fingerprint=None, facts=None):
    return Finding(
        RULE,
        Severity.HIGH,
        Confidence.HIGH,
        "tkw_…",
        fingerprint or f"sha256:{opaque.fingerprint(text).hex()}",
        places or (Place(".env", 3, 7, commit=COMMIT),),
        {"token_id": id_of(text)} if facts is None else facts,
    )


class InProcess:
    """What `OutboundClient` does, over ASGI: to the issuer, and to its endpoint for leaks."""

    def __init__(self, w):
        self.w = w
        self.bodies = []

    async def post_form_async(self, url, form, *, authorization=None, **_more):
        headers = {} if authorization is None else {"authorization": authorization}
        answer = await self.w.house.http.post(url, data=form, headers=headers)
        return self._read(answer)

    async def post_json_async(self, url, body, *, headers=None, reads=False):
        assert (url, reads) == (AUDIENCE, True)
        self.bodies.append(body)
        return self._read(await self.w.send(body, **headers))

    @staticmethod
    def _read(answer):
        if answer.status_code not in (200, 202):
            raise OutboundError("bad_status", "x", status=answer.status_code)
        return answer.content


async def told_by(w, caller, found, client=None):
    return await told_with(w, by_secret(caller.id, Secret(caller.secret)), found, client)


async def told_with(w, credential, found, client=None):
    return await report(found, issuer=URL, credential=credential, client=client or InProcess(w))


@lived
async def test_what_a_scan_found_of_ours_ends(w):
    _, token = await w.service()
    unknown = opaque.new("at").secret.reveal()
    reader = await w.house.client("service", "leaks:report", "leaks:read")
    client = InProcess(w)
    told = await told_by(w, reader, sightings([finding(token), finding(unknown)]), client)
    assert [(each.token_id, each.status) for each in told] == [
        (id_of(token), "revoked"),
        (id_of(unknown), "unknown"),
    ]
    assert not await w.live(token)
    (incident,) = await w.incidents()
    assert told[0].incident == incident.incident_id
    (seen,) = await w.store.incident_evidence(incident.incident_id)
    it = seen.evidence
    assert (it.source, it.path, it.line, it.commit) == ("git", ".env", 3, "c0ffee12")
    assert it.since == 1_793_520_000.0
    assert token.encode() not in b"".join(client.bodies)
    assert token[18:].encode() not in b"".join(client.bodies)


@lived
async def test_who_may_only_report_is_told_no_more_and_that_is_no_error(w):
    _, token = await w.service()
    reporter = await w.house.client("service", "leaks:report")
    told = await told_by(w, reporter, sightings([finding(token)]))
    assert [each.status for each in told] == ["accepted"]
    assert not await w.live(token)


@lived
async def test_who_may_not_report_is_told_so(w):
    caller = await w.house.client("service", "forecast:read")
    _, token = await w.service()
    with pytest.raises(CannotReport, match="token: it answered 400"):
        await told_by(w, caller, sightings([finding(token)]))
    caller.secret = opaque.new("cs").secret.reveal()
    with pytest.raises(CannotReport, match="token: it answered 401"):
        await told_by(w, caller, sightings([finding(token)]))
    assert await w.live(token)


@lived
async def test_a_client_may_prove_itself_with_its_key(w):
    key = SigningKey.generate()
    proving = Proving("private_key_jwt", jwks=json.dumps({"keys": [key.public_jwk()]}))
    reporter = await w.house.client("service", "leaks:report", proving=proving)
    _, token = await w.service()
    found = sightings([finding(token)])
    with pytest.raises(CannotReport, match="token: it answered 401"):
        await told_with(w, by_key(reporter.id, SigningKey.generate(), w.clock), found)
    assert await w.live(token)
    # Two requests for a token, the first with leaks:read, which it may not have: each has its own assertion.
    assert [each.status for each in await told_with(w, by_key(reporter.id, key, w.clock), found)] == [
        "accepted"
    ]
    assert not await w.live(token)


@lived
async def test_an_access_token_is_enough_and_is_sent_to_no_token_endpoint(w):
    _, vouching = await w.reporter("leaks:report", "leaks:read")
    _, token = await w.service()

    class NoTokens(InProcess):
        async def post_form_async(self, *_about, **_more):
            raise AssertionError("nothing is to be asked for")

    told = await told_with(w, Secret(vouching), sightings([finding(token)]), NoTokens(w))
    assert [each.status for each in told] == ["revoked"]
    with pytest.raises(CannotReport, match="leaks: it answered 401"):
        await told_with(w, opaque.new("at").secret, sightings([finding(token)]), NoTokens(w))


@lived
async def test_more_than_a_thousand_are_told_in_several_reports(w):
    reporter = await w.house.client("service", "leaks:report")
    text = opaque.new("at").secret.reveal()
    found = sightings([finding(text, *(Place("a", line, 1) for line in range(1, 16)))] * 70)
    client = InProcess(w)
    assert len(await told_by(w, reporter, found, client)) == 1050
    assert len(client.bodies) == 2


def test_only_what_is_an_issuers_is_told():
    text = opaque.new("at").secret.reveal()
    found = sightings(
        [
            finding(text, facts={}),
            finding(text, fingerprint="hmac:" + "0" * 64),
            finding(text, facts={"token_id": "not one"}),
            finding(text, Place("dir\n/x", 0, 0)),
        ]
    )
    assert [dict(each.found) for each in found] == [{"source": "scan", "path": "dir?/x"}]


def test_a_scan_gives_tokens_of_ours_their_public_name():
    text = opaque.new("ak").secret.reveal()
    collector = Collector({RULE.id: RULE}, b"k" * 32)
    collector.add(
        Seen(
            rule=RULE.id, secret=text.encode(), severity=Severity.HIGH, confidence=Confidence.HIGH,
            guessable=False, facts={}, why="", path=".env", line=1, column=1, decoded=(), object_id=None,
            origin=None, allowed=None,
        )
    )  # fmt: skip
    ((found,), _) = collector.findings(None)
    assert found.facts == {"token_id": id_of(text)}
    assert [each.fingerprint for each in sightings([found])] == [f"sha256:{opaque.fingerprint(text).hex()}"]


def document(*findings):
    return json.dumps({"format": "tokenward-report", "version": 1, "findings": findings}).encode()


def json_finding(text, **over):
    commit = {"id": "c0ffee12", "author": "Ann", "date": "2026-11-01T09:00:00+01:00", "in_head": True}
    return {
        "fingerprint": f"sha256:{opaque.fingerprint(text).hex()}",
        "facts": {"token_id": id_of(text)},
        "locations": [{"path": ".env", "line": 3, "column": 1, "decoded": [], "commit": commit}],
        **over,
    }


def test_a_scans_json_says_the_same_as_its_findings():
    text = opaque.new("at").secret.reveal()
    others = [json_finding(text, facts={}), json_finding(text, fingerprint="hmac:" + "0" * 64)]
    assert read_sightings(document(json_finding(text), *others)) == sightings([finding(text)])


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b"\xff", b'{"findings": []}', document("x"), b"[" * 100_000 + b"]" * 100_000]
)
def test_what_is_no_report_of_a_scan_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_sightings(text)


def test_places_that_the_issuer_would_refuse_are_mended():
    text = opaque.new("at").secret.reveal()
    odd = {"path": "a\x00b", "line": None, "commit": {"id": "HEAD", "date": "yesterday"}}
    (seen,) = read_sightings(document(json_finding(text, locations=[odd])))
    assert dict(seen.found) == {"source": "git", "path": "a?b"}


# The command


def test_the_command_takes_no_secret_and_no_open_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCANNER", "tkw_cs_nothing")
    (tmp_path / "found.json").write_bytes(document())

    def run(to, secret):
        arguments = [
            "leaks",
            "report",
            "@found.json",
            "--to",
            to,
            "--client-id",
            "s",
            "--client-secret",
            secret,
        ]
        return CliRunner().invoke(application, arguments)

    plain = run("http://login.example", "env:SCANNER")
    assert (plain.exit_code, "https" in plain.stderr) == (2, True)
    spelled = run("https://login.example", "tkw_cs_secret")
    assert spelled.exit_code == 2
    assert "tkw_cs_secret" not in spelled.output
    silent = run("http://127.0.0.1:9", "env:SCANNER")
    assert (silent.exit_code, "unreachable" in silent.stderr) == (1, True)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"client_id": "s"},
        {"client_secret": "env:ONE"},
        {"client_key": "env:ONE"},
        {"client_id": "s", "access_token": "env:ONE"},
        {"client_id": "s", "client_secret": "env:ONE", "client_key": "env:ONE"},
        {"client_id": "s", "client_secret": "env:ONE", "access_token": "env:ONE"},
    ],
)
def test_who_reports_is_said_in_one_way(said, monkeypatch):
    monkeypatch.setenv("ONE", "x")
    with pytest.raises(ValueError, match="one way to say who reports"):
        credential_of(**said)


def test_a_credential_is_a_reference_and_never_repeated(monkeypatch):
    monkeypatch.setenv("TOKEN", "tkw_at_x")
    assert credential_of(access_token="env:TOKEN").reveal() == "tkw_at_x"
    for said in ({"access_token": "tkw_at_secret"}, {"client_id": "s", "client_key": "env:TOKEN"}):
        with pytest.raises(ValueError, match=r".") as raised:
            credential_of(**said)
        assert "tkw_at" not in str(raised.value)


def test_a_key_in_pem_proves_its_client(monkeypatch):
    key = SigningKey.generate()
    encoding = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    monkeypatch.setenv("KEY", key.private.private_bytes(*encoding).decode())
    form, header = credential_of(client_id="s", client_key="env:KEY")(URL)
    assert header is None
    parsed = parse(form["client_assertion"], [key.algorithm])
    claims = json.loads(parsed.payload)
    assert (parsed.header.kid, claims["sub"], claims["aud"]) == (key.kid, "s", URL)


# From a scan at once


def scanned(*findings, accepted=()):
    return ScanResult("here", findings, accepted, (), 1, 1, 0.0)


def answering(monkeypatch, *statuses, incident="4U9WEWqebqm"):
    """An issuer that answers so, report by report; what it was told."""
    told = []

    async def report_to(issuer, seen, credential):
        told.append((issuer, list(seen), credential))
        if not statuses:
            raise CannotReport("https://login.example/leaks: it answered 503")
        return [Told(each.token_id, status, incident) for each, status in zip(seen, statuses, strict=True)]

    monkeypatch.setattr(leak_reporting, "report_to", report_to)
    return told


CREDENTIAL = Secret("token")


@pytest.mark.parametrize(
    ("status", "state", "why"),
    [
        ("revoked", "ended", "its issuer has ended it"),
        ("over", "refused", "it was over before"),
        ("unknown", "refused", "its issuer does not know it"),
        ("confirm", "valid", "its end waits for a person at the issuer"),
        ("alert", "valid", "its issuer keeps it alive, and watches"),
        ("accepted", "unknown", "its issuer took the report, and tells this client no more"),
        ("new word", "unknown", "its issuer says nothing that is known here"),
    ],
)
def test_what_the_issuer_answers_stands_in_the_finding(monkeypatch, status, state, why):
    text = opaque.new("ak").secret.reveal()
    answering(monkeypatch, status)
    result, failure = tell_issuer(scanned(finding(text)), URL, CREDENTIAL, clock=ManualClock())
    host = URL.partition("://")[2]
    why += " (incident 4U9WEWqebqm)"
    assert result.findings[0].validity == Validity(state, host, why, ManualClock().time())
    assert failure == ""


def test_an_issuer_is_told_of_its_own_that_count_and_of_nothing_else(monkeypatch):
    ours, other, fine = (opaque.new("ak").secret.reveal() for _ in range(3))
    told = answering(monkeypatch, "revoked")
    stranger = finding(other, facts={}, fingerprint="hmac:" + "0" * 64)
    result, _ = tell_issuer(scanned(finding(ours), stranger, accepted=(finding(fine),)), URL, CREDENTIAL)
    ((_, seen, _),) = told
    assert [each.token_id for each in seen] == [id_of(ours)]
    assert [each.validity is None for each in result.findings] == [False, True]


def test_an_issuer_with_nothing_to_be_told_is_left_alone(monkeypatch):
    told = answering(monkeypatch)
    assert tell_issuer(scanned(), URL, CREDENTIAL) == (scanned(), "")
    assert told == []


def test_what_could_not_be_told_is_told(monkeypatch):
    answering(monkeypatch)
    result, failure = tell_issuer(scanned(finding(opaque.new("ak").secret.reveal())), URL, CREDENTIAL)
    assert failure == "https://login.example/leaks: it answered 503"
    assert (result.findings[0].validity.state, result.findings[0].validity.why) == (
        "unknown",
        "it did not take the report",
    )


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TOKENWARD_REPORT_TOKEN", "tkw_at_vouching")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / ".env").write_text(f"KEY={opaque.new('ak').secret.reveal()}\n")
    monkeypatch.chdir(tmp_path / "app")


def scan(*options):
    return CliRunner().invoke(application, ["scan", "--format", "json", *options])


@pytest.mark.usefixtures("tree")
def test_a_scan_tells_the_issuer_if_it_is_told_to(monkeypatch):
    told = answering(monkeypatch, "revoked")
    assert "validity" not in json.loads(scan().stdout)["findings"][0]
    assert told == []
    result = scan("--report-to", "https://login.example")
    ((issuer, _, credential),) = told
    assert (issuer, credential.reveal()) == ("https://login.example", "tkw_at_vouching")
    (found,) = json.loads(result.stdout)["findings"]
    assert (found["validity"]["state"], found["validity"]["asked"]) == ("ended", "login.example")
    assert found["next"].startswith("It is over")
    assert result.exit_code == 1


@pytest.mark.usefixtures("tree")
def test_a_report_that_fails_is_said_and_the_scan_is_not_lost(monkeypatch):
    answering(monkeypatch)
    result = scan("--report-to", "https://login.example")
    assert (result.exit_code, len(json.loads(result.stdout)["findings"])) == (1, 1)
    assert "the issuer was not told: https://login.example/leaks: it answered 503" in result.stderr


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    "options",
    [
        ("--report-to", "http://login.example"),
        ("--report-to", "https://login.example", "--report-token", "env:NOT_THERE"),
        ("--report-to", "https://login.example", "--report-token", "tkw_at_inline"),
        (
            "--report-to",
            "https://login.example",
            "--update-baseline",
            "--baseline",
            "b.json",
            "--reason",
            "x",
        ),
    ],
)
def test_what_is_wrong_with_a_report_is_said_before_the_scan(monkeypatch, options):
    told = answering(monkeypatch, "revoked")
    result = scan(*options)
    assert (result.exit_code, result.stdout, told) == (2, "", [])
    assert "tkw_at" not in result.stderr
