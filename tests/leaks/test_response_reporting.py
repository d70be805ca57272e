"""From a scan to an issuer: what is told, what is not, and what comes back."""

import json

import pytest
from typer.testing import CliRunner

from leaks.responding import AUDIENCE, URL, id_of, lived
from tokenward.app.cli import application
from tokenward.base.outbound import OutboundError
from tokenward.base.secret import Secret
from tokenward.leaks.collecting import Collector
from tokenward.leaks.findings import Commit, Confidence, Place, Severity
from tokenward.leaks.response.reporting import CannotReport, read_sightings, report, sightings
from tokenward.leaks.result import Finding
from tokenward.leaks.rule import Rule
from tokenward.leaks.sighting import Sighting as Seen
from tokenward.tokens import opaque

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
        answer = await self.w.house.http.post(url, data=form, headers={"authorization": authorization})
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
    secret = Secret(caller.secret)
    client = client or InProcess(w)
    return await report(found, issuer=URL, client_id=caller.id, secret=secret, client=client)


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
