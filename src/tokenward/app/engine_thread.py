"""An engine for applications that block: on an event loop and a thread of its own, in each process.

It is started by the first request and not before: servers load an application and fork afterwards, and
neither a thread nor a database connection survives that.
"""

import asyncio
import atexit
import contextlib
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from tokenward.app.in_process import InProcess
from tokenward.base.problems import UNAVAILABLE
from tokenward.gateway.access import AccessRequest, Decision, Deny
from tokenward.gateway.doors.answers import Answer
from tokenward.gateway.doors.errands import Errands
from tokenward.gateway.doors.in_process import ask

ASK_SECONDS = 10.0
"""How long a thread of the application waits for a decision, not counting what it reads of the body."""

CLOSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Running:
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    engines: InProcess


class EngineThread:
    """Decides for any thread of this process.

    Args:
        engines: makes the engine of a process.
    """

    def __init__(self, engines: Callable[[], InProcess]) -> None:
        self._engines = engines
        self.forget()
        _all.add(self)

    def forget(self) -> None:
        """In the child of a fork: what the parent had is not there, and its lock may be held for ever."""
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def ask(self, request: AccessRequest, errands: Errands) -> Decision | Answer:
        """What becomes of the request; waits for it, and runs the errands meanwhile."""
        running = self._running or self._start()
        pending = asyncio.run_coroutine_threadsafe(ask(running.engines, request), running.loop)
        try:
            return errands.wait(pending, ASK_SECONDS)
        except TimeoutError:
            pending.cancel()
            return Deny(UNAVAILABLE, "no decision in time", headers={"retry-after": "1"})

    def close(self) -> None:
        """Stop the engine and the thread; the next request would start them anew."""
        with self._lock:
            running, self._running = self._running, None
        if running is None:
            return
        closing = asyncio.run_coroutine_threadsafe(running.engines.close(), running.loop)
        with contextlib.suppress(TimeoutError):
            closing.result(CLOSE_SECONDS)
        running.loop.call_soon_threadsafe(running.loop.stop)
        running.thread.join(CLOSE_SECONDS)

    def _start(self) -> _Running:
        with self._lock:
            if self._running is None:
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=_run, args=(loop,), name="tokenward", daemon=True)
                thread.start()
                self._running = _Running(loop, thread, self._engines())
            return self._running


_all: weakref.WeakSet[EngineThread] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for each in list(_all):
        each.close()


def _forget_all() -> None:
    for each in list(_all):
        each.forget()


if hasattr(os, "register_at_fork"):  # where there is fork
    os.register_at_fork(after_in_child=_forget_all)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
