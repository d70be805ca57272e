"""`POST /leaks`: reports of leaked credentials, from scanners by fingerprint, and from anybody by possession.

Strangers learn nothing: the answer and when it comes are the same whatever they sent. Bodies are never
logged.
"""

import asyncio
import json
from math import ceil

from tokenward.base.asgi import (
    JSON,
    NO_STORE,
    PROBLEM_JSON,
    Receive,
    Scope,
    Send,
    only_header,
    read_body,
    respond,
)
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import (
    CREDENTIAL_IN_URL,
    DPOP_NONCE_NEEDED,
    INSUFFICIENT_SCOPE,
    INVALID_INPUT,
    JSON_EXPECTED,
    TOO_LARGE,
    TOO_MANY_REQUESTS,
    Refusal,
    challenge,
    problem_json,
)
from tokenward.base.throttle import TokenBuckets, peer_of
from tokenward.leaks.response.reporters import Reporter, Reporters
from tokenward.leaks.response.reports import read_reports
from tokenward.leaks.response.responder import Outcome, Report, Responder

STRANGERS_BODY = 262_144  # bytes
REPORTERS_BODY = 1_048_576
STEP_SECONDS = 0.25
"""Answers come at whole multiples of it after the request did."""

_STRANGERS_AT_ONCE = 200  # reports of one address, then one a second
_CLIENTS_AT_ONCE = 2000  # reports of one client, then ten a second

ACCEPTED = b'{"status":"accepted"}'
_NOT_OURS = 10
"""What a secret counts that has no form of ours: it may be an imported API key, and be guessed."""


class Desk:
    """Takes reports from whoever comes.

    Args:
        responder: responds to them.
        reporters: recognises those who may report by fingerprint.
        prefix: how our opaque tokens begin.
        clock: time.
    """

    def __init__(
        self, responder: Responder, reporters: Reporters, *, prefix: str = "tkw", clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._responder = responder
        self._reporters = reporters
        self._prefix = prefix
        self._clock = clock
        self._strangers = TokenBuckets(burst=_STRANGERS_AT_ONCE, every=1.0, clock=clock)
        self._clients = TokenBuckets(burst=_CLIENTS_AT_ONCE, every=0.1, clock=clock)

    async def post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a POST.

        Raises:
            Refusal: by the catalogue; nothing was done.
            StoreUnavailable: something may have been done; to report it again harms nothing.
        """
        began = self._clock.monotonic()
        if scope["query_string"]:
            raise Refusal(CREDENTIAL_IN_URL, "the endpoint takes no query")
        peer = peer_of(scope)
        reporter = await self._reporters.reporter(scope, peer)
        buckets, key = (self._strangers, peer) if reporter is None else (self._clients, reporter.client_id)
        _take(buckets, key, 1)
        expect_json(scope)
        body = await read_body(receive, limit=STRANGERS_BODY if reporter is None else REPORTERS_BODY)
        name = None if reporter is None else f"client:{reporter.client_id}"
        reports = read_reports(body, reporter=name, prefix=self._prefix)
        weight = len(reports) if reporter is not None else sum(map(_weight, reports))
        if weight > _STRANGERS_AT_ONCE and reporter is None:
            raise Refusal(TOO_LARGE, "more secrets of foreign forms than an address may ever send at once")
        _take(buckets, key, weight - 1)
        outcomes = await self._responder.respond(reports)
        answer = ACCEPTED if reporter is None else _told(reporter, reports, outcomes)
        await wait_for_step(self._clock, began)
        await respond(send, 202, answer, (JSON, NO_STORE))

    def refused(self, refusal: Refusal) -> tuple[int, bytes, tuple[tuple[bytes, bytes], ...]]:
        """A refusal as problem details, with what the caller has to know to come again."""
        problem = refusal.problem
        headers = [PROBLEM_JSON, NO_STORE]
        if refusal.retry_after is not None:
            headers.append((b"retry-after", str(refusal.retry_after).encode()))
        if problem.status == 401 or problem is INSUFFICIENT_SCOPE:
            scheme = "DPoP" if problem.oauth in ("use_dpop_nonce", "invalid_dpop_proof") else "Bearer"
            headers.append((b"www-authenticate", challenge(problem, realm="leaks", scheme=scheme).encode()))
        if problem is DPOP_NONCE_NEEDED:
            headers.append((b"dpop-nonce", self._reporters.nonce().encode()))
        # What is wrong with a body is told: it says nothing of what is known here.
        extra: dict[str, object] | None = {"detail": refusal.detail} if problem is INVALID_INPUT else None
        return problem.status, problem_json(problem, extra), tuple(headers)


async def wait_for_step(clock: Clock, began: float) -> None:
    """Whether something was known, and so was written, must not be told by the time that it took."""
    took = clock.monotonic() - began
    await asyncio.sleep(ceil(max(took, 1e-9) / STEP_SECONDS) * STEP_SECONDS - took)


def expect_json(scope: Scope) -> None:
    """Refuse a body that is not said to be JSON: pages of other origins cannot say so unasked.

    Raises:
        Refusal: JSON_EXPECTED.
    """
    media_type = (only_header(scope, b"content-type") or b"").partition(b";")[0].strip().lower()
    if media_type != b"application/json":
        raise Refusal(JSON_EXPECTED)


def _weight(report: Report) -> int:
    return 1 if report.named.token_id else _NOT_OURS


def _take(buckets: TokenBuckets, key: str, count: int) -> None:
    """Take so many at once, or none.

    Raises:
        Refusal: TOO_MANY_REQUESTS.
    """
    if wait := buckets.wait(key, behind=count - 1) if count > 0 else 0.0:
        raise Refusal(TOO_MANY_REQUESTS, "too many reports", retry_after=ceil(wait))
    for _ in range(count):
        buckets.take(key)


def _told(reporter: Reporter, reports: list[Report], outcomes: list[Outcome]) -> bytes:
    """For each report what became of it, as far as that is the reporter's business."""
    told = []
    for report, outcome in zip(reports, outcomes, strict=True):
        leaked = outcome.leaked
        learns = reporter.reads if leaked is None else reporter.learns(leaked.client_id)
        entry: dict[str, object] = {"token_id": report.named.token_id}
        entry["status"] = outcome.status if learns else "accepted"
        if learns and outcome.recorded is not None:
            entry["incident"] = outcome.recorded.incident.incident_id
        told.append(entry)
    return json.dumps({"status": "accepted", "reports": told}).encode()
