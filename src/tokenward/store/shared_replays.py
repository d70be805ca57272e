"""What may be used once, remembered for all processes: the store behind `tokens.dpop.Replays`."""

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.store.port import StoreUnavailable, Uses
from tokenward.tokens.dpop import ReplaysUnavailable


class SharedReplays:
    """Remembers in the store, so that what one process saw no other accepts, also after a restart."""

    __slots__ = ("_clock", "_store")

    def __init__(self, store: Uses, clock: Clock = SYSTEM_CLOCK) -> None:
        self._store = store
        self._clock = clock

    def first_use(self, key: bytes, until: float) -> bool:  # noqa: ARG002 - the protocol's
        """The store has no answer without waiting: verify with `verify_async`.

        Raises:
            ReplaysUnavailable: always.
        """
        raise ReplaysUnavailable

    async def first_use_async(self, key: bytes, until: float) -> bool:
        """Whether `key` is new; remembered until that moment.

        Raises:
            ReplaysUnavailable: the store cannot tell.
        """
        try:
            return await self._store.first_use(key, until, at=self._clock.time())
        except StoreUnavailable:
            raise ReplaysUnavailable from None
