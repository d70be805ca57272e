"""Reading what reporters send: strict JSON, bounded in every direction."""

import re
from typing import get_args

from tokenward.base.problems import MALFORMED, Refusal
from tokenward.leaks.response.places import read_place, text_of, wrong
from tokenward.leaks.response.recognising import Named, named
from tokenward.leaks.response.responder import Report
from tokenward.store.leak_records import Evidence, LeakKind
from tokenward.tokens.presented import token_id_of
from tokenward.tokens.strict_json import read_object

MOST_REPORTS = 1000
MOST_SECRETS = 100
MAX_SECRET = 16_384  # characters: a private key of RSA 4096 has 3,300

_FINGERPRINT = re.compile(r"sha256:([0-9a-f]{64})")
_KINDS = get_args(LeakKind)


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
        raise wrong("there must be one member, `reports` or `secrets`")
    if reporter is None:
        raise wrong("`reports` need a token; without one, send the secrets themselves as `secrets`")
    reports = told["reports"]
    if not isinstance(reports, list) or not 0 < len(reports) <= MOST_REPORTS:
        raise wrong(f"`reports` must be a list of 1 to {MOST_REPORTS}")
    return [_report(each, reporter) for each in reports]


def _shown(secrets: object, reporter: str, prefix: str) -> list[Report]:
    if not isinstance(secrets, list) or not 0 < len(secrets) <= MOST_SECRETS:
        raise wrong(f"`secrets` must be a list of 1 to {MOST_SECRETS}")
    if not all(isinstance(each, str) and 0 < len(each) <= MAX_SECRET for each in secrets):
        raise wrong(f"each secret must be a text of 1 to {MAX_SECRET} characters")
    return [Report(named(each, prefix=prefix), Evidence(reporter)) for each in secrets]


def _report(report: object, reporter: str) -> Report:
    if not isinstance(report, dict) or not {"fingerprint"} <= set(report) <= {
        "token_id",
        "fingerprint",
        "kind",
        "found",
    }:
        raise wrong("a report has a fingerprint, and may have token_id, kind and found")
    match = _FINGERPRINT.fullmatch(text_of(report, "fingerprint", 71))
    if match is None:
        raise wrong("a fingerprint is sha256: and 64 hex digits")
    token_id = text_of(report, "token_id", 11)
    if token_id and token_id_of(token_id) is None:
        raise wrong("a token_id is eleven base62 characters")
    kind = text_of(report, "kind", 40)
    if kind and kind not in _KINDS:
        raise wrong(f"a kind is one of {', '.join(_KINDS)}")
    found = report.get("found", {})
    if not isinstance(found, dict):
        raise wrong("found must be an object")
    return Report(
        Named(token_id, bytes.fromhex(match[1]), next((each for each in _KINDS if each == kind), None)),
        read_place(found, reporter),
    )
