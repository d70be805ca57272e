"""What an event loop has done by the thread that waits for its answer.

A WSGI server gives each request a thread, and only that one may read its body. Were it read on another, a
slow client would hold a thread of a pool that all share; and one that is still read from after its refusal
would lose the beginning of its next request.
"""

from asyncio import wrap_future
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Errands:
    """Those of one request."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()

    async def run(self, work: Callable[[], T]) -> T:
        """Have `work` done by the thread that waits; gives or raises what it does."""
        done: Future[T] = Future()
        self._queue.put((done, work))
        return await wrap_future(done)

    def wait(self, answer: Future[T], seconds: float) -> T:
        """On the thread that waits: what the loop answers; meanwhile do what it asks for.

        Args:
            answer: of the loop.
            seconds: for the answer, or for the next errand.

        Raises:
            TimeoutError: neither came.
        """
        answer.add_done_callback(lambda _: self._queue.put(None))
        while True:
            try:
                errand = self._queue.get(timeout=seconds)
            except Empty:
                raise TimeoutError from None
            if errand is None:
                return answer.result(0)
            done, work = errand
            if not done.set_running_or_notify_cancel():
                continue
            try:
                done.set_result(work())
            except BaseException as fault:  # noqa: BLE001 - it is the loop's to judge
                done.set_exception(fault)
