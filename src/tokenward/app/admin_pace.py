"""How often the admin API may be called, told to well-meaning callers before it refuses any.

Callers are counted by what they showed and not by their address, which is loopback for all of them: whoever
has no token cannot use up the calls of who has one.
"""

from math import ceil
from typing import Literal

from tokenward.base.clock import Clock
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal
from tokenward.base.throttle import TokenBuckets

BURST = 2_000
SECONDS = 10
"""After which a bucket that was empty is full again."""

Caller = Literal["managing", "anybody", "guessing"]
"""Who showed the token; who asks for what is open to all; who showed something else."""


class Pace:
    """Counts calls.

    Args:
        clock: time.
    """

    def __init__(self, clock: Clock) -> None:
        self._buckets = TokenBuckets(burst=BURST, every=SECONDS / BURST, clock=clock)

    def count(self, caller: Caller) -> None:
        """Count a call.

        Raises:
            Refusal: TOO_MANY_REQUESTS.
        """
        if wait := self._buckets.take(caller):
            raise Refusal(TOO_MANY_REQUESTS, retry_after=ceil(wait))

    def headers(self, caller: Caller) -> dict[str, str]:
        """How many calls are left (draft-ietf-httpapi-ratelimit-headers)."""
        left = int(self._buckets.level(caller))
        return {
            "ratelimit-policy": f'"{caller}";q={BURST};w={SECONDS}',
            "ratelimit": f'"{caller}";r={left}',
        }
