"""What strangers and scanners send when something leaked."""

import json
from collections.abc import Callable

from fuzz.target import Target, compact, expanded, text
from tokenward.base.problems import Refusal
from tokenward.leaks.response.github import read_matches
from tokenward.leaks.response.private_keys import shown_key
from tokenward.leaks.response.reporting import read_sightings
from tokenward.leaks.response.reports import read_reports
from tokenward.tokens import opaque
from tokenward.tokens.keys import SigningKey

_TOKEN = opaque.new("at").secret.reveal()
_REPORT = {"token_id": _TOKEN[7:18], "fingerprint": "sha256:" + "ab" * 32, "kind": "access_token"}
_FOUND = {"source": "git", "path": "a", "line": 1, "commit": "c0ffee", "since": "2026-11-01T09:00:00Z"}
_MATCH = {"token": _TOKEN, "type": "t", "url": "https://a.example/", "source": "content"}
_FINDING = {
    "fingerprint": "sha256:" + "ab" * 32,
    "facts": {"token_id": _TOKEN[7:18]},
    "locations": [{"path": "a", "line": 1, "commit": {"id": "c0ffee", "date": "2026-11-01T09:00:00Z"}}],
}
_KEY = SigningKey.generate("ES256")
_NUMBER = "AQAB" * 20


def _leak_reports(data: bytes) -> Callable[[], str]:
    body, reporter = expanded(data[1:]), "client:x" if data[:1] == b"c" else None

    def call() -> str:
        try:
            reports = read_reports(body, reporter=reporter)
        except Refusal as refusal:
            return refusal.problem.code
        assert all(_TOKEN not in repr(each) for each in reports)
        return "accepted"

    return call


def _github(data: bytes) -> Callable[[], str]:
    def call() -> str:
        try:
            read_matches(expanded(data))
        except Refusal as refusal:
            return refusal.problem.code
        return "accepted"

    return call


def _private_key(data: bytes) -> Callable[[], str]:
    shown = text(expanded(data))

    def call() -> str:
        return "nothing" if shown_key(shown) is None else "accepted"

    return call


def _scan_report(data: bytes) -> Callable[[], str]:
    def call() -> str:
        try:
            read_sightings(expanded(data))
        except ValueError:
            return "refused"
        return "accepted"

    return call


_RSA = {"kty": "RSA", "n": _NUMBER * 8, "e": "AQAB", "d": _NUMBER * 8}

TARGETS = (
    Target(
        "leak_reports",
        _leak_reports,
        (
            b"c" + compact({"reports": [_REPORT, {**_REPORT, "found": _FOUND}]}),
            b"s" + compact({"secrets": [_TOKEN, "x"]}),
            b"s" + compact({"reports": [_REPORT]}),
        ),
    ),
    Target("github_matches", _github, (compact([_MATCH]), b"[]", b"[{}]")),
    Target(
        "private_key",
        _private_key,
        (
            compact(_RSA),
            json.dumps({**_KEY.public_jwk(), "d": "AQ"}).encode(),
            b"{}",
            b"-----BEGIN PRIVATE KEY-----",
        ),
    ),
    Target(
        "scan_report", _scan_report, (compact({"format": "tokenward-report", "findings": [_FINDING]}), b"{}")
    ),
)
