"""Nonces that a server gives out for DPoP proofs (RFC 9449 §8), without remembering any.

A nonce is an HMAC of the current time bucket under a key that all processes share: each recognises what any
other gave out, and nobody else can make one ahead.
"""

import hashlib
import hmac

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.tokens import base64url
from tokenward.tokens.constant_time import same_text


class DpopNonces:
    """Makes and recognises nonces."""

    __slots__ = ("_clock", "_key", "_period")

    def __init__(self, key: bytes, *, period: int = 60, clock: Clock = SYSTEM_CLOCK) -> None:
        """Check the settings.

        Args:
            key: 32 octets that all processes share and nothing else uses.
            period: seconds for which one nonce is given out; it is accepted for as many seconds more.
            clock: what time it is.

        Raises:
            ValueError: the key or the period is too short.
        """
        if len(key) < 32 or period < 1:
            raise ValueError("a nonce key has 32 octets, and a period at least a second")
        self._key = key
        self._period = period
        self._clock = clock

    def current(self) -> str:
        """The nonce to give out now."""
        return self._of(self._bucket())

    def accepts(self, nonce: object) -> bool:
        """Whether it was given out in this period or the one before."""
        bucket, good = self._bucket(), False
        for number in (bucket, bucket - 1):
            good |= same_text(nonce, self._of(number))
        return good

    def _bucket(self) -> int:
        return int(self._clock.time()) // self._period

    def _of(self, bucket: int) -> str:
        digest = hmac.digest(self._key, bucket.to_bytes(8, "big"), hashlib.sha256)
        return base64url.encode(digest[:16])
