"""The key that a client's tokens are bound to (RFC 9449), and what each API wants of proofs by it."""

from tokenward.base.clock import Clock
from tokenward.base.origins import origin_of
from tokenward.client.server_clock import ServerClock
from tokenward.flows.dpop import DpopProver
from tokenward.tokens.keys import SigningKey


class BoundKey:
    """A key, and for each origin a clock and the newest nonce.

    Args:
        clock: what time it is here.
        key: the key; a new one by default.
    """

    def __init__(self, clock: Clock, key: SigningKey | None = None) -> None:
        self.key = key or SigningKey.generate("ES256")
        self._clock = clock
        self._at: dict[str, tuple[DpopProver, ServerClock]] = {}
        self._of_server: DpopProver | None = None

    def prover(self, clock: ServerClock) -> DpopProver:
        """Makes the proofs for the token endpoint, by the time that counts there."""
        if self._of_server is None:
            self._of_server = DpopProver(self.key, clock=clock)
        return self._of_server

    def at(self, url: str) -> tuple[DpopProver, ServerClock]:
        """What makes the proofs for an API, and the time that counts there.

        Raises:
            ValueError: the URL is not one of http or https.
        """
        origin = origin_of(url)
        if origin not in self._at:
            clock = ServerClock(self._clock)
            self._at[origin] = (DpopProver(self.key, clock=clock), clock)
        return self._at[origin]
