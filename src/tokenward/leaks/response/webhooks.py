"""`POST /leaks/webhook/NAME`: reports of another scanner, which shares a secret with us.

It signs `TIMESTAMP.BODY` by HMAC-SHA256 and sends both halves of that beside the body:

    Tokenward-Timestamp: 1795773600
    Tokenward-Signature: v1=<64 hex digits>

Who overhears a request can send it again for five minutes, and gains nothing: the same report is the same
incident, and the answer tells nothing.
"""

import hashlib
import hmac
import re
from math import ceil

from tokenward.base.asgi import JSON, NO_STORE, Receive, Scope, Send, only_header, read_body, respond
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import CREDENTIAL_IN_URL, SIGNATURE_REFUSED, TOO_MANY_REQUESTS, Refusal
from tokenward.base.secret import Secret
from tokenward.base.throttle import TokenBuckets, peer_of
from tokenward.leaks.response.endpoint import ACCEPTED, REPORTERS_BODY, expect_json, wait_for_step
from tokenward.leaks.response.reports import read_reports
from tokenward.leaks.response.responder import Responder

WEBHOOK_PATH = "/leaks/webhook/"
"""And the name of the scanner behind it."""

WINDOW_SECONDS = 300
MIN_SECRET = 32  # characters

_TIMESTAMP = re.compile(rb"[1-9][0-9]{0,11}")
_SIGNATURE = re.compile(rb"v1=([0-9a-f]{64})")


class WebhookDesk:
    """Takes the reports of one scanner.

    Args:
        responder: responds to them.
        name: the scanner's.
        secret: shared with it.
        prefix: how our opaque tokens begin.
        clock: time.

    Raises:
        ValueError: the secret is shorter than `MIN_SECRET`.
    """

    def __init__(
        self,
        responder: Responder,
        name: str,
        secret: Secret,
        *,
        prefix: str = "tkw",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if len(secret.reveal()) < MIN_SECRET:
            raise ValueError(f"the secret of leaks.webhooks.{name} needs {MIN_SECRET} characters at least")
        self._responder = responder
        self._name = name
        self._secret = secret
        self._prefix = prefix
        self._clock = clock
        self._wrong = TokenBuckets(burst=20, every=2.0, clock=clock)

    async def post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a POST, whose body is that of `/leaks`.

        Raises:
            Refusal: SIGNATURE_REFUSED; TOO_MANY_REQUESTS, this peer has sent too many wrong ones; and what
                reading the body raises.
            StoreUnavailable: to report it again harms nothing.
        """
        began = self._clock.monotonic()
        peer = peer_of(scope)
        if wait := self._wrong.wait(peer):
            raise Refusal(TOO_MANY_REQUESTS, "too many wrong signatures", retry_after=ceil(wait))
        if scope["query_string"]:
            raise Refusal(CREDENTIAL_IN_URL, "the endpoint takes no query")
        expect_json(scope)
        body = await read_body(receive, limit=REPORTERS_BODY)
        if not self._is_signed(scope, body):
            self._wrong.take(peer)
            raise Refusal(SIGNATURE_REFUSED, f"leaks.webhooks.{self._name}: wrong, missing or too old")
        reports = read_reports(body, reporter=f"webhook:{self._name}", prefix=self._prefix)
        await self._responder.respond(reports)
        await wait_for_step(self._clock, began)
        await respond(send, 202, ACCEPTED, (JSON, NO_STORE))

    def _is_signed(self, scope: Scope, body: bytes) -> bool:
        timestamp = only_header(scope, b"tokenward-timestamp") or b""
        match = _SIGNATURE.fullmatch(only_header(scope, b"tokenward-signature") or b"")
        if match is None or not _TIMESTAMP.fullmatch(timestamp):
            return False
        fresh = abs(self._clock.time() - int(timestamp)) <= WINDOW_SECONDS
        return hmac.compare_digest(signature(self._secret, timestamp, body), match[1]) and fresh


def signature(secret: Secret, timestamp: bytes, body: bytes) -> bytes:
    """What the sender puts behind `v1=`, 64 hex digits."""
    signed = hmac.new(secret.reveal().encode(), timestamp + b"." + body, hashlib.sha256)
    return signed.hexdigest().encode()
