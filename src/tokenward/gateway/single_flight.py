"""One answer for all who ask the same at once, and so many questions at a time.

What is asked costs somebody else something: a request to another server, or a slow hash. A flood of questions
must reach neither.

Nor may one peer have all the places. It gets no more of them than are left free: half, if it is alone; with
another like it, a third each or so. So whoever comes for the first time finds a place, unless there are very
many who flood.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from tokenward.base.problems import TOO_MANY_REQUESTS, UNAVAILABLE, Refusal
from tokenward.base.throttle import peer_network

_Answer = TypeVar("_Answer")


class SingleFlight(Generic[_Answer]):
    """Asks once for each key, however many wait for the answer.

    Args:
        at_once: how many questions are under way at the most.
        waiting: how many more wait for their turn; whoever comes then is turned away.
    """

    __slots__ = ("_limit", "_places", "_turns", "_under_way")

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._limit = at_once + waiting
        self._under_way: dict[bytes, asyncio.Task[_Answer | Refusal]] = {}
        self._places: Counter[str] = Counter()

    async def ask(self, key: bytes, question: Callable[[], Awaitable[_Answer]], peer: str) -> _Answer:
        """The answer, asked for if nobody has yet. Who gives up waiting takes it from nobody else.

        Args:
            key: what is asked about.
            question: asks.
            peer: the address of who wants to know.

        Raises:
            Refusal: as the question does; UNAVAILABLE, too many wait already; TOO_MANY_REQUESTS, too many of
                them are this peer's.
        """
        task = self._under_way.get(key)
        if task is None:
            network = peer_network(peer)
            self._admit(network)
            task = asyncio.create_task(self._fly(question))
            self._under_way[key] = task
            self._places[network] += 1
            task.add_done_callback(lambda _: self._land(key, network))
        answer = await asyncio.shield(task)
        if isinstance(answer, Refusal):
            # One refusal for each who waits: an exception gathers the traces of all who raise it.
            raise Refusal(answer.problem, answer.detail, retry_after=answer.retry_after)
        return answer

    def _admit(self, network: str) -> None:
        free = self._limit - len(self._under_way)
        if not free:
            raise Refusal(UNAVAILABLE, "too many wait for an answer", retry_after=1)
        if self._places[network] >= free:
            raise Refusal(TOO_MANY_REQUESTS, "this peer waits for too many answers", retry_after=1)

    def _land(self, key: bytes, network: str) -> None:
        del self._under_way[key]
        self._places[network] -= 1
        if not self._places[network]:
            del self._places[network]

    async def _fly(self, question: Callable[[], Awaitable[_Answer]]) -> _Answer | Refusal:
        async with self._turns:
            try:
                return await question()
            except Refusal as refusal:  # given, not raised: perhaps nobody waits any more
                return refusal
            except Exception as fault:  # noqa: BLE001 - as in `Engine.decide`: its text could hold a credential
                return Refusal(UNAVAILABLE, f"{type(fault).__name__} while asking")
