"""Where the gateway's calls are counted: in Redis if the configuration names it, else in the process."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tokenward.app.config import Configuration
from tokenward.app.metrics import COUNTED_ALONE
from tokenward.base import references
from tokenward.base.rates import Counters, MemoryCounters


@asynccontextmanager
async def limit_counters(configuration: Configuration) -> AsyncGenerator[Counters]:
    """The counters that the configuration asks for.

    Raises:
        ValueError: the reference cannot be resolved, it names no Redis server, or the extra is missing. A
            server that does not answer is no fault here: the counters do without it until it does.
    """
    place = configuration.settings.redis
    if place is None:
        yield MemoryCounters()
        return
    if place.partition(":")[0] in references.SCHEMES:
        place = references.resolve(place, base_dir=configuration.base_dir).reveal()
    try:
        from tokenward.store.redis_counters import RedisCounters  # noqa: PLC0415 - needs the extra
    except ImportError:
        raise ValueError("redis needs an extra: pip install 'tokenward[redis]'") from None
    try:
        counters = RedisCounters(place, on_alone=COUNTED_ALONE.inc)
    except ValueError:
        raise ValueError("redis: this is no URL of a Redis server") from None
    try:
        yield counters
    finally:
        await counters.close()
