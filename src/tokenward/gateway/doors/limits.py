"""How much of a body and how long a wait the proxy bears, and how many connections it makes."""

from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

from aiohttp.client import ClientTimeout

from tokenward.gateway.bounds import Bounds


@dataclass(frozen=True, slots=True)
class Limits:
    """How much and how long.

    Attributes:
        body: bytes of a request body.
        connect: seconds until a new connection to the upstream is there.
        wait: seconds until there is a connection, waiting for a free one included.
        read: seconds for which the upstream may be silent.
        client: seconds for which the client may neither send the rest of its body nor take the answer. What
            it holds up is a connection to an upstream, and those are few.
        connections: to one upstream, so that an API that is held up does not hold up the others.
        timeout: those that aiohttp watches, as it takes them.
    """

    body: int = 10 * 1024 * 1024
    connect: float = 3.0
    wait: float = 5.0
    read: float = 30.0
    client: float = 30.0
    connections: int = 512
    timeout: ClientTimeout = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        timeout = ClientTimeout(
            total=None,
            connect=max(self.wait, self.connect),
            sock_connect=self.connect,
            sock_read=self.read,
        )
        object.__setattr__(self, "timeout", timeout)


DEFAULT_LIMITS = Limits()


@lru_cache(maxsize=1024)  # few: what the policy says of APIs and operations
def within(limits: Limits, bounds: Bounds) -> Limits:
    """The limits, but where the policy says otherwise."""
    said = {name: value for name, value in asdict(bounds).items() if value is not None}
    return replace(limits, **said)
