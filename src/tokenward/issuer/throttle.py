"""Wrong client secrets are slowed down by peer address: a client cannot be locked out by naming it."""

from collections import OrderedDict
from ipaddress import AddressValueError, IPv6Address

from tokenward.base.clock import Clock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal

_BURST = 20.0
_PER_SECOND = 0.5
_MAX_PEERS = 10_000


class WrongSecretThrottle:
    """A token bucket for each peer: 20 wrong secrets at once, then one every two seconds.

    Secrets have 256 bits, so this guards the database and the log, not the secret. At most 10 000 peers are
    remembered; the one that failed longest ago is forgotten first. IPv6 peers count by /64, the smallest
    network that is handed out.
    """

    __slots__ = ("_buckets", "_clock")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, address: str) -> None:
        """Let a peer try.

        Raises:
            Refusal: TOO_MANY_REQUESTS.
        """
        if self._buckets and self._left(_network(address)) < 1:
            raise Refusal(
                TOO_MANY_REQUESTS, "too many wrong client secrets", retry_after=int(1 / _PER_SECOND)
            )

    def failed(self, address: str) -> None:
        """Count a wrong secret."""
        peer = _network(address)
        self._buckets[peer] = (self._left(peer) - 1, self._clock.monotonic())
        self._buckets.move_to_end(peer)
        if len(self._buckets) > _MAX_PEERS:
            self._buckets.popitem(last=False)

    def _left(self, peer: str) -> float:
        left, since = self._buckets.get(peer, (_BURST, 0.0))
        return min(_BURST, left + (self._clock.monotonic() - since) * _PER_SECOND)


def _network(address: str) -> str:
    try:
        return str(int(IPv6Address(address)) >> 64)
    except AddressValueError:
        return address
