"""One answer for all who ask the same at once, and so many questions at a time.

What is asked costs somebody else something: a request to another server, or a slow hash. A flood of questions
must reach neither.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from tokenward.base.problems import UNAVAILABLE, Refusal

_Answer = TypeVar("_Answer")


class SingleFlight(Generic[_Answer]):
    """Asks once for each key, however many wait for the answer.

    Args:
        at_once: how many questions are under way at the most.
        waiting: how many more wait for their turn; whoever comes then is turned away.
    """

    __slots__ = ("_limit", "_turns", "_under_way")

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._limit = at_once + waiting
        self._under_way: dict[bytes, asyncio.Task[_Answer | Refusal]] = {}

    async def ask(self, key: bytes, question: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """The answer, asked for if nobody has yet. Who gives up waiting takes it from nobody else.

        Raises:
            Refusal: as the question does; UNAVAILABLE, too many wait already.
        """
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= self._limit:
                raise Refusal(UNAVAILABLE, "too many wait for an answer", retry_after=1)
            task = asyncio.create_task(self._fly(question))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key))
        answer = await asyncio.shield(task)
        if isinstance(answer, Refusal):
            # One refusal for each who waits: an exception gathers the traces of all who raise it.
            raise Refusal(answer.problem, answer.detail, retry_after=answer.retry_after)
        return answer

    async def _fly(self, question: Callable[[], Awaitable[_Answer]]) -> _Answer | Refusal:
        async with self._turns:
            try:
                return await question()
            except Refusal as refusal:  # given, not raised: perhaps nobody waits any more
                return refusal
            except Exception as fault:  # noqa: BLE001 - as in `Engine.decide`: its text could hold a credential
                return Refusal(UNAVAILABLE, f"{type(fault).__name__} while asking")
