"""Counters that several processes share: `base.rates.Counters` in Redis or Valkey.

A limit is about how much, not about who: while Redis does not answer, each process counts for itself, calls
pass, and the log says so. Only hashes of the subjects are stored, each as long as its bucket is not full.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.rates import Count, Level, MemoryCounters, Tally

_log = logging.getLogger("tokenward.store.redis")

ANSWER_SECONDS = 0.25
"""What Redis has to answer in, connecting included; nobody's call waits longer for being counted."""

REST_SECONDS = 1.0
"""For so long it is not asked again after it failed."""

CONNECTIONS = 64

# The generic cell rate algorithm. A key holds the moment at which its bucket is full again, and ends then.
# Times are microseconds, by Redis's own clock. The answer: whether the call was counted, and for each bucket,
# how much of its filling is in it.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answer, taken = {}, 1
for i, key in ipairs(KEYS) do
  local full = math.max(now, tonumber(redis.call('GET', key) or '0'))
  local every, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  answer[i] = window - (full - now)
  if answer[i] + 1 < every then taken = 0 end
end
if taken == 1 then
  for i, key in ipairs(KEYS) do
    local every, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    answer[i] = answer[i] - every
    local left = window - answer[i]
    redis.call('SET', key, string.format('%.0f', now + left), 'PX', math.ceil(left / 1000))
  end
end
for i, room in ipairs(answer) do answer[i] = string.format('%.0f', room) end
table.insert(answer, 1, taken)
return answer
"""


class RedisCounters:
    """Counters in Redis, and of this process alone while it does not answer.

    Args:
        url: `redis://` or `rediss://` (with the server's certificate checked); may hold a password.
        on_alone: told of each call that was counted by this process alone.
        clock: time; the counting is by Redis's own.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(
        self, url: str, *, on_alone: Callable[[], None] = lambda: None, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 1),  # a connection that Redis closed meanwhile is made anew, once
        )
        self._redis = Redis.from_pool(pool)
        self._script = self._redis.register_script(_TAKE)
        self._alone = MemoryCounters(clock)
        self._on_alone = on_alone
        self._clock = clock
        self._rests_until: float | None = None

    def take(self, counts: Sequence[Count]) -> Tally | Awaitable[Tally]:
        """As the protocol says."""
        if self._rests_until is not None and self._clock.monotonic() < self._rests_until:
            return self._take_alone(counts)
        return self._take_together(counts)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _take_together(self, counts: Sequence[Count]) -> Tally:
        arguments = [text for count in counts for text in _in_microseconds(count)]
        try:
            answer = await cast("Awaitable[list[bytes]]", self._script([*map(_key, counts)], arguments))
            taken, *rooms = (int(each) for each in answer)
        except (RedisError, OSError, ValueError) as error:
            if self._rests_until is None:
                # Of the error only its class: its text may hold what the URL holds.
                _log.warning("Redis does not answer (%s): this process counts alone", type(error).__name__)
            self._rests_until = self._clock.monotonic() + REST_SECONDS
            return self._take_alone(counts)
        if self._rests_until is not None:
            self._rests_until = None
            _log.warning("Redis answers again: calls are counted together")
        return Tally(bool(taken), tuple(map(_level, counts, rooms)))

    def _take_alone(self, counts: Sequence[Count]) -> Tally:
        self._on_alone()
        return self._alone.take(counts)


def _key(count: Count) -> str:
    """Of one length, and telling nobody whose it is."""
    whose = f"{count.counter}\n{count.subject}"
    return f"tokenward:rate:{sha256(whose.encode()).hexdigest()[:32]}"


def _in_microseconds(count: Count) -> tuple[str, str]:
    return f"{count.rate.every * 1e6:.3f}", f"{count.rate.window * 1e6:.0f}"


def _level(count: Count, room: int) -> Level:
    """From the microseconds of room in a bucket."""
    every = count.rate.every * 1e6
    left = int((room + 1) / every)
    return Level(left, 0.0 if left else (every - room) / 1e6)
