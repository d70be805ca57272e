"""One visit to an endpoint that asks who comes: proof, nonce, clock, trouble, and the answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

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

_T = TypeVar("_T")

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
        """Ask for a token until there is an answer.

        Args:
            server: of whom.
            form: makes the body of the grant.
            tries: requests until trouble is given up on.

        Raises:
            FlowError: the server refused, or its answer is none.
            TokenError: the client's secret cannot be had.
            ServerUnavailable: there was no answer, or one of trouble.
        """

        def read(status: int, body: bytes) -> TokenResponse:
            return TokenResponse.parse(status, body, token_type=self.token_type)

        return self.post(server, "token_endpoint", form, read, tries=tries)

    @property
    def token_type(self) -> str:
        """What kind of token is asked for: `DPoP` or `Bearer`."""
        return "DPoP" if self.prover is not None else "Bearer"

    def post(
        self,
        server: ServerMetadata,
        endpoint: str,
        form: Callable[[], bytes],
        read: Callable[[int, bytes], _T],
        *,
        tries: int = TRIES,
    ) -> Flow[_T]:
        """Send a form to an endpoint at which the client proves who it is, until there is an answer.

        Args:
            server: whose.
            endpoint: its name in the metadata.
            form: makes the body, without the proof.
            read: makes of status and body what is returned; FlowError where that cannot be.
            tries: requests until trouble is given up on.

        Raises:
            FlowError: what `read` raised.
            TokenError: the client's secret cannot be had.
            ServerUnavailable: there was no answer, or one of trouble.
        """
        url = server.endpoint(endpoint, by_certificate=self.authentication.tls is not None)
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
                    self.clock.learn(headers.get("date"))
                    if self._wants_nonce(url, answer, headers, repeated):
                        continue
                    try:
                        return read(answer.status, answer.body)
                    except FlowError as error:
                        if not self._other_time_may_do(error, repeated):
                            raise
                    continue
                trouble = f"{server.issuer} answered {answer.status}"
                at_least = min(_seconds(headers.get("retry-after")), LONGEST_PAUSE)
            failures += 1
            if failures >= tries:
                raise ServerUnavailable("server_unavailable", trouble)
            wait = max(FIRST_PAUSE * 2 ** (failures - 1), at_least)
            yield Pause(wait * (1 + random_bits(16) / 2**16))

    def _wants_nonce(self, url: str, answer: Answer, headers: dict[str, str], repeated: set[str]) -> bool:
        """Whether it was refused for want of a nonce, for the first time."""
        wanted = self.prover is not None and self.prover.must_repeat(url, answer.status, headers, answer.body)
        first = "nonce" not in repeated
        if wanted:
            repeated.add("nonce")
        return wanted and first

    def _other_time_may_do(self, error: FlowError, repeated: set[str]) -> bool:
        """Whether the refusal may be about clocks, and there is another time to try."""
        if "clock" in repeated:
            self.clock.give_up()
            return False
        repeated.add("clock")
        return self._is_dated and error.code in _ABOUT_TIME and self.clock.adopt()

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


_ADVICE = {
    "invalid_client": "check the client_id, and that its secret or key is the registered one",
    "invalid_scope": "ask for scopes that the client may have",
    "invalid_target": "ask for a resource that the server knows",
    "unauthorized_client": "let the client use this grant",
}


def refused(error: FlowError) -> TokenError:
    """What the server said, with what mends it where we know."""
    advice = _ADVICE.get(error.code, "")
    return TokenError(error.code, "; ".join(part for part in (error.text.rstrip("."), advice) if part))
