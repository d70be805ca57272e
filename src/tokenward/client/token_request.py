"""One visit to the token endpoint: proof, nonce, clock, trouble, and the answer."""

from collections.abc import Callable
from dataclasses import dataclass

from tokenward.base.entropy import random_bits
from tokenward.base.outbound import Answer, OutboundError
from tokenward.client.authentication import Authentication
from tokenward.client.errors import ServerUnavailable, TokenError
from tokenward.client.flow import Flow, Pause, Send
from tokenward.client.server_clock import ServerClock
from tokenward.flows.dpop import DpopProver
from tokenward.flows.errors import FlowError
from tokenward.flows.metadata import ServerMetadata
from tokenward.flows.token import FORM, TokenResponse, with_parameters

TRIES = 3
"""Requests until trouble of the server's is given up on."""
FIRST_PAUSE = 0.2
"""Seconds before the second try; twice that before the third."""
LONGEST_PAUSE = 2.0
"""Seconds that `Retry-After` may make somebody wait here."""

_ABOUT_TIME = frozenset({"invalid_client", "invalid_dpop_proof"})


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks.

    Attributes:
        client_id: its name there.
        authentication: how it proves that.
        clock: the server's time.
        prover: the key that tokens are to be bound to (RFC 9449), or None.
    """

    client_id: str
    authentication: Authentication
    clock: ServerClock
    prover: DpopProver | None = None

    def ask(
        self, server: ServerMetadata, form: Callable[[], bytes], *, tries: int = TRIES
    ) -> Flow[TokenResponse]:
        """Ask until there is an answer.

        Args:
            server: of whom.
            form: makes the body of the grant.
            tries: requests until trouble is given up on.

        Raises:
            FlowError: the server refused, or its answer is none.
            TokenError: the client's secret cannot be had.
            ServerUnavailable: there was no answer, or one of trouble.
        """
        url = server.token_endpoint
        if self.authentication.tls is not None:
            url = server.mtls.get("token_endpoint", url)
        repeated: set[str] = set()
        failures = 0
        while True:
            try:
                answer: Answer = yield self._request(url, server, form())
            except OutboundError as error:
                trouble, at_least = str(error), 0.0
            else:
                headers = dict(answer.headers)
                if answer.status < 500 and answer.status != 429:
                    response = self._read(url, answer, headers, repeated)
                    if response is not None:
                        return response
                    continue
                trouble = f"{server.issuer} answered {answer.status}"
                at_least = min(_seconds(headers.get("retry-after")), LONGEST_PAUSE)
            failures += 1
            if failures >= tries:
                raise ServerUnavailable("server_unavailable", trouble)
            wait = max(FIRST_PAUSE * 2 ** (failures - 1), at_least)
            yield Pause(wait * (1 + random_bits(16) / 2**16))

    def _read(
        self, url: str, answer: Answer, headers: dict[str, str], repeated: set[str]
    ) -> TokenResponse | None:
        """What was answered; None where the request is worth repeating, for each reason once."""
        self.clock.learn(headers.get("date"))
        wants_nonce = self.prover is not None and self.prover.must_repeat(
            url, answer.status, headers, answer.body
        )
        if wants_nonce and "nonce" not in repeated:
            repeated.add("nonce")
            return None
        try:
            return TokenResponse.parse(
                answer.status, answer.body, token_type="DPoP" if self.prover else "Bearer"
            )
        except FlowError as error:
            if "clock" in repeated:
                self.clock.give_up()
            elif self._is_dated and error.code in _ABOUT_TIME and self.clock.adopt():
                repeated.add("clock")
                return None
            raise

    @property
    def _is_dated(self) -> bool:
        return self.prover is not None or self.authentication.dated

    def _request(self, url: str, server: ServerMetadata, form: bytes) -> Send:
        proof = self.authentication.prove(self.client_id, server, self.clock)
        headers = {"Content-Type": FORM, "Accept": "application/json", **proof.headers}
        if self.prover is not None:
            headers["DPoP"] = self.prover.proof("POST", url)
        return Send("POST", url, headers, with_parameters(form, proof.parameters))


def _seconds(text: str | None) -> float:
    """`Retry-After` in seconds (RFC 9110 §10.2.3); a date counts as none."""
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 9 else 0.0


def refused(error: FlowError, advice: dict[str, str]) -> TokenError:
    """What the server said, with what mends it where we know."""
    text = f"{error.text}; {advice[error.code]}" if error.code in advice and error.text else error.text
    return TokenError(error.code, text or advice.get(error.code, ""))
