"""Reading what reporters send: strict JSON, bounded in every direction, and clean of secrets.

A place may be told by a URL or a path in which the secret itself stands, so every text is redacted before it
is kept.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import get_args

from tokenward.base.problems import INVALID_INPUT, MALFORMED, Refusal
from tokenward.base.redaction import redact
from tokenward.leaks.response.recognising import Named, named
from tokenward.leaks.response.responder import Report
from tokenward.store.leak_records import Evidence, LeakKind
from tokenward.tokens.presented import token_id_of
from tokenward.tokens.strict_json import read_object

MOST_REPORTS = 1000
MOST_SECRETS = 100
MAX_SECRET = 16_384  # characters: a private key of RSA 4096 has 3,300

_FINGERPRINT = re.compile(r"sha256:([0-9a-f]{64})")
_SOURCE = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,39}")
_COMMIT = re.compile(r"[0-9a-f]{4,64}")
_KINDS = get_args(LeakKind)
_LONGEST = {"path": 1000, "url": 2000}
_MOST_LINES = 2**31


def read_reports(body: bytes, *, reporter: str | None, prefix: str = "tkw") -> list[Report]:
    """The reports in a body: `{"reports": […]}` or `{"secrets": […]}`.

    Args:
        body: the whole of it.
        reporter: who sends it, as in `Evidence`; None for a stranger, who must show the secrets themselves.
        prefix: how our opaque tokens begin.

    Raises:
        Refusal: MALFORMED, it is no strict JSON object; INVALID_INPUT, which says what of it is wrong.
    """
    try:
        told = read_object(body)
    except ValueError:
        raise Refusal(MALFORMED, "the body is not a strict JSON object") from None
    if set(told) == {"secrets"}:
        return _shown(told["secrets"], reporter or "holder", prefix)
    if set(told) != {"reports"}:
        raise _wrong("there must be one member, `reports` or `secrets`")
    if reporter is None:
        raise _wrong("`reports` need a token; without one, send the secrets themselves as `secrets`")
    reports = told["reports"]
    if not isinstance(reports, list) or not 0 < len(reports) <= MOST_REPORTS:
        raise _wrong(f"`reports` must be a list of 1 to {MOST_REPORTS}")
    return [_report(each, reporter) for each in reports]


def _shown(secrets: object, reporter: str, prefix: str) -> list[Report]:
    if not isinstance(secrets, list) or not 0 < len(secrets) <= MOST_SECRETS:
        raise _wrong(f"`secrets` must be a list of 1 to {MOST_SECRETS}")
    if not all(isinstance(each, str) and 0 < len(each) <= MAX_SECRET for each in secrets):
        raise _wrong(f"each secret must be a text of 1 to {MAX_SECRET} characters")
    return [Report(named(each, prefix=prefix), Evidence(reporter)) for each in secrets]


def _report(report: object, reporter: str) -> Report:
    if not isinstance(report, dict) or not {"fingerprint"} <= set(report) <= {
        "token_id",
        "fingerprint",
        "kind",
        "found",
    }:
        raise _wrong("a report has a fingerprint, and may have token_id, kind and found")
    match = _FINGERPRINT.fullmatch(_text(report, "fingerprint", 71))
    if match is None:
        raise _wrong("a fingerprint is sha256: and 64 hex digits")
    token_id = _text(report, "token_id", 11)
    if token_id and token_id_of(token_id) is None:
        raise _wrong("a token_id is eleven base62 characters")
    kind = _text(report, "kind", 40)
    if kind and kind not in _KINDS:
        raise _wrong(f"a kind is one of {', '.join(_KINDS)}")
    found = report.get("found", {})
    if not isinstance(found, dict):
        raise _wrong("found must be an object")
    return Report(
        Named(token_id, bytes.fromhex(match[1]), next((each for each in _KINDS if each == kind), None)),
        read_place(found, reporter),
    )


def read_place(found: Mapping[str, object], reporter: str) -> Evidence:
    """Where a reporter saw it.

    Raises:
        Refusal: INVALID_INPUT.
    """
    if not set(found) <= {"source", "path", "line", "commit", "url", "since"}:
        raise _wrong("found may have source, path, line, commit, url and since")
    source = _text(found, "source", 40)
    if source and not _SOURCE.fullmatch(source):
        raise _wrong("a source is one lower-case word")
    commit = _text(found, "commit", 64)
    if commit and not _COMMIT.fullmatch(commit):
        raise _wrong("a commit is its id in hex digits")
    line = found.get("line", 0)
    if not isinstance(line, int) or isinstance(line, bool) or not 0 <= line < _MOST_LINES:
        raise _wrong("a line is a number from 1")
    path, url = (redact(_text(found, name, longest)) for name, longest in _LONGEST.items())
    return Evidence(reporter, source, path, line, commit, url, _moment(_text(found, "since", 40)))


_FIRST_YEAR, _LAST_YEAR = 1971, 2200  # what every calendar and every zone can show


def _moment(text: str) -> float | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        raise _wrong("since is a moment as in RFC 3339, such as 2026-11-27T12:00:00Z")
    return moment.timestamp()


def _text(told: Mapping[str, object], name: str, longest: int) -> str:
    text = told.get(name, "")
    if not isinstance(text, str) or len(text) > longest or not text.isprintable():
        raise _wrong(f"{name} must be a text of at most {longest} printable characters")
    return text


def _wrong(what: str) -> Refusal:
    return Refusal(INVALID_INPUT, what)
