"""Where an API listens: one address or several that are equal, and how to find out which of them work."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How an upstream is asked whether it works. Any 2xx status says yes.

    Attributes:
        path: below the upstream's address, with a leading slash.
        interval: seconds between two checks of one upstream.
        timeout: seconds that an answer may take.
    """

    path: str
    interval: float = 5.0
    timeout: float = 2.0


@dataclass(frozen=True, slots=True)
class Pool:
    """The upstreams of one API, any of which may get any request.

    Attributes:
        addresses: each `http(s)://host[:port][/base]`, without a trailing slash; at least one.
        health: asked of each; None asks nobody.
    """

    addresses: tuple[str, ...]
    health: HealthCheck | None = None
