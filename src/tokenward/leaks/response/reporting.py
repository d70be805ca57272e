"""Telling an issuer what a scan found: token ids and fingerprints, never a secret.

What a scan finds of ours has a fingerprint that is a plain SHA-256, and a fact `token_id`. Everything else is
left out: no business of this issuer.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import OutboundClient, OutboundError
from tokenward.base.secret import Secret
from tokenward.flows.client_assertion import client_assertion
from tokenward.flows.errors import FlowError
from tokenward.flows.token import TokenResponse, basic_authorization
from tokenward.leaks.response.reporters import LEAKS_PATH, READ, REPORT
from tokenward.leaks.response.reports import MOST_REPORTS
from tokenward.leaks.result import Finding
from tokenward.tokens import strict_json
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.presented import token_id_of

_PLACES = 20
"""Of one finding that are reported."""

_LEVELS = 12  # of a scan's report
_COMMIT = re.compile(r"[0-9a-f]{4,64}")

MAX_DOCUMENT = 64_000_000  # bytes of a scan's report


Authenticate = Callable[[str], tuple[Mapping[str, str], str | None]]
"""Issuer's URL → what one request to its token endpoint needs to tell which client it is from: further
parameters, and a header `Authorization`."""


def by_secret(client_id: str, secret: Secret) -> Authenticate:
    """`client_secret_basic` (RFC 6749 §2.3.1)."""
    return lambda _issuer: ({}, basic_authorization(client_id, secret))


def by_key(client_id: str, key: SigningKey, clock: Clock = SYSTEM_CLOCK) -> Authenticate:
    """`private_key_jwt`: an assertion of its own for each request (RFC 7523 §2.2)."""
    return lambda issuer: (client_assertion(key, client_id=client_id, audience=issuer, clock=clock), None)


class CannotReport(Exception):  # noqa: N818 - reads as the condition it is
    """The issuer did not take the report. The text holds no secret."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A credential of the issuer's that was seen somewhere.

    Attributes:
        token_id: its id.
        fingerprint: "sha256:" and 64 hex digits.
        found: the place, as `/leaks` reads it.
    """

    token_id: str
    fingerprint: str
    found: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What the issuer says became of it: `accepted` where that is not this reporter's business."""

    token_id: str
    status: str
    incident: str = ""


def sightings(findings: Iterable[Finding]) -> list[Sighting]:
    """What of a scan's findings is for an issuer."""
    seen = []
    for finding in findings:
        token_id = finding.facts.get("token_id", "")
        if _is_ours(token_id, finding.fingerprint):
            for place in finding.places[:_PLACES]:
                came = None if place.commit is None else (place.commit.id, place.commit.date)
                seen.append(Sighting(token_id, finding.fingerprint, _found(place.path, place.line, came)))
    return seen


def read_sightings(document: bytes) -> list[Sighting]:
    """The same from what `tokenward scan --format json` wrote.

    Raises:
        ValueError: it is none of that.
    """
    if len(document) > MAX_DOCUMENT:
        raise ValueError("the report is too large")
    text = document.decode("utf-8")
    if strict_json.extent(text, _LEVELS)[0] > _LEVELS:
        raise ValueError("the report is nested too deep")
    told = strict_json.read_value(text)
    findings = told.get("findings") if isinstance(told, dict) else None
    if not isinstance(findings, list) or told.get("format") != "tokenward-report":
        raise ValueError("this is no report of `tokenward scan --format json`")
    return [sighting for finding in findings for sighting in _of_json(finding)]


async def report(
    seen: Sequence[Sighting],
    *,
    issuer: str,
    credential: Secret | Authenticate,
    client: OutboundClient,
) -> list[Told]:
    """Tell the issuer; what became of each, in their order.

    Args:
        seen: what was found.
        issuer: the issuer's URL, without a slash at the end.
        credential: an access token for reports; or how a client proves itself to get one. It needs the scope
            `leaks:report`; with `leaks:read` it learns more.
        client: reaches the issuer.

    Raises:
        CannotReport: nothing more was told; to report it again harms nothing.
    """
    resource = issuer + LEAKS_PATH
    token = credential
    if not isinstance(token, Secret):
        token = await _token(issuer, resource, token, client)
    told: list[Told] = []
    for start in range(0, len(seen), MOST_REPORTS):
        some = seen[start : start + MOST_REPORTS]
        reports = [
            {"token_id": each.token_id, "fingerprint": each.fingerprint, "found": dict(each.found)}
            for each in some
        ]
        body = json.dumps({"reports": reports}).encode()
        headers = {"Authorization": f"Bearer {token.reveal()}"}
        try:
            answer = await client.post_json_async(resource, body, headers=headers, reads=True)
            told += _read_answer(answer, len(some))
        except OutboundError as error:
            raise CannotReport(f"{resource}: {_why(error)}") from None
        except ValueError:
            raise CannotReport(f"{resource}: an answer that is none") from None
    return told


async def _token(issuer: str, resource: str, authenticate: Authenticate, client: OutboundClient) -> Secret:
    """An access token for reports, also to read what became of them if the client may."""
    failure = OutboundError("bad_status", "")
    for scope in (f"{REPORT} {READ}", REPORT):
        proof, authorization = authenticate(issuer)
        form = {"grant_type": "client_credentials", "scope": scope, "resource": resource, **proof}
        try:
            body = await client.post_form_async(f"{issuer}/token", form, authorization=authorization)
            return TokenResponse.parse(200, body).access_token
        except OutboundError as error:
            failure = error
            if error.status != 400:  # another scope mends nothing
                break
        except FlowError as error:
            raise CannotReport(f"{issuer}/token: {error.code}") from None
    raise CannotReport(f"{issuer}/token: {_why(failure)}")


def _why(error: OutboundError) -> str:
    return error.code if error.status is None else f"it answered {error.status}"


def _read_answer(answer: bytes, count: int) -> Iterator[Told]:
    reports = strict_json.read_object(answer).get("reports")
    if not isinstance(reports, list) or len(reports) != count:
        raise ValueError("another number of reports")
    for each in reports:
        texts = [each.get(name, "") if isinstance(each, dict) else None for name in ("token_id", "status")]
        incident = each.get("incident", "") if isinstance(each, dict) else None
        if not all(isinstance(text, str) for text in (*texts, incident)):
            raise ValueError("a report without token_id and status")
        yield Told(str(texts[0]), str(texts[1]), str(incident))


def _of_json(finding: object) -> Iterator[Sighting]:
    if not isinstance(finding, dict):
        raise ValueError("a finding that is none")  # noqa: TRY004 - JSON from outside
    facts = finding.get("facts")
    token_id = facts.get("token_id") if isinstance(facts, dict) else None
    fingerprint, locations = finding.get("fingerprint"), finding.get("locations")
    if not _is_ours(token_id, fingerprint) or not isinstance(locations, list):
        return
    for location in locations[:_PLACES]:
        place = location if isinstance(location, dict) else {}
        commit = place.get("commit")
        came = (str(commit.get("id")), str(commit.get("date"))) if isinstance(commit, dict) else None
        yield Sighting(
            str(token_id), str(fingerprint), _found(str(place.get("path", "")), place.get("line") or 0, came)
        )


def _is_ours(token_id: object, fingerprint: object) -> bool:
    return token_id_of(token_id) is not None and str(fingerprint).startswith("sha256:")


def _found(path: str, line: object, commit: tuple[str, str] | None) -> dict[str, object]:
    """The place as `/leaks` takes it; what it would refuse is left out."""
    found: dict[str, object] = {"source": "git" if commit else "scan"}
    shown = "".join(each if each.isprintable() else "?" for each in path)[-1000:]
    if shown:
        found["path"] = shown
    if isinstance(line, int) and not isinstance(line, bool) and line > 0:
        found["line"] = line
    if commit is not None and _COMMIT.fullmatch(commit[0]):
        found["commit"] = commit[0]
    if commit is not None and _is_moment(commit[1]):
        found["since"] = commit[1]
    return found


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
