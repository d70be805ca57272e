"""One exchange as the proxy saw it from its first byte to its last, for metrics and traces."""

from typing import NamedTuple

from tokenward.gateway.access import Decision


class Exchange(NamedTuple):
    """A request, what was decided, and what became of it.

    Attributes:
        decision: what was decided.
        status: of the answer, 101 for what became a WebSocket; 0 where there was none, because the client
            went away or the connection was cut.
        at: when the request arrived, in seconds since 1970.
        decided: seconds from then until it was decided.
        seconds: until the answer was sent whole, or the WebSocket closed.
    """

    decision: Decision
    status: int
    at: float
    decided: float
    seconds: float
