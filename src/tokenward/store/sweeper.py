"""Deletes what is over, a little at a time."""

import asyncio
import logging
from typing import Never

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.store.port import StoreUnavailable, Upkeep

_log = logging.getLogger(__name__)


async def sweep_until_done(store: Upkeep, *, clock: Clock = SYSTEM_CLOCK, batch: int = 500) -> int:
    """Sweep in batches of at most `batch` rows of each kind until nothing is left; how many in all."""
    total = 0
    while swept := await store.sweep(at=clock.time(), limit=batch):
        total += swept
        await asyncio.sleep(0)  # requests go first
    return total


async def sweep_forever(
    store: Upkeep, *, clock: Clock = SYSTEM_CLOCK, every: float = 30.0, batch: int = 500
) -> Never:
    """Sweep every `every` seconds, until cancelled."""
    while True:
        try:
            swept = await sweep_until_done(store, clock=clock, batch=batch)
        except StoreUnavailable as error:
            _log.warning("sweeping was put off: %s", error)
        else:
            if swept:
                _log.debug("swept %d rows", swept)
        await asyncio.sleep(every)
