"""The engine of an application that protects itself: opened in its process, for as long as its loop runs.

It is started by the server's lifespan, or by the first request, and started anew if it ever fails: the web
server that it lives in is not ours to stop. Meanwhile nobody is let in.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tokenward.app.config import Configuration, load
from tokenward.app.foundation import foundation
from tokenward.app.limit_counters import limit_counters
from tokenward.app.servers import deciding
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import UNAVAILABLE, Refusal
from tokenward.gateway.doors.running import Running
from tokenward.gateway.engine import Engine

_log = logging.getLogger(__name__)

START_SECONDS = 5.0
"""How long a request waits for an engine that is being started."""

RETRY_SECONDS = 1.0
"""After a failure, nobody tries to start it sooner."""


def configured(path: Path, api: str) -> Configuration:
    """The configuration, with nothing in its policy but the API that protects itself.

    Raises:
        ValueError: it has errors, or no such API. The text tells all of them.
    """
    loaded = load(path)
    if loaded.configuration is None:
        found = [it for it in loaded.findings if it.severity == "error"]
        told = "; ".join(f"{it.file}:{it.line}: {it.text}: {it.remedy}" for it in found)
        raise ValueError(f"Tokenward cannot start: {told}")
    policies: Mapping[str, object] = loaded.configuration.in_process
    if api not in policies:
        known = ", ".join(policies) or "none"
        raise ValueError(
            f"{path} has no API {api!r} with a `url` of its own, at which it could protect itself; "
            f"of that kind are: {known}"
        )
    return replace(loaded.configuration, policy=loaded.configuration.in_process[api])


class InProcess:
    """One engine on one event loop. It is an `EngineSource` of the doors inside an application.

    Attributes:
        running: what is under way and has no end of its own; None where no engine runs.

    Args:
        configuration: as `configured` returns it.
        api: the one API in its policy.
        door: how log and metrics name the door that asks.
        clock: time.
    """

    def __init__(
        self, configuration: Configuration, api: str, door: str, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._configuration = configuration
        self._door = door
        self._origin = configuration.settings.origin(api)
        self._clock = clock
        self._engine: Engine | None = None
        self.running: Running | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        self._not_before = 0.0
        self._fault: Exception | None = None

    async def engine(self) -> Engine:
        """The engine, started if it does not run yet.

        Raises:
            Refusal: UNAVAILABLE, it cannot be started now.
            RuntimeError: it runs on another event loop.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise RuntimeError(
                    "Tokenward runs on another event loop of this process: serve the application on one, "
                    "and let a test client keep it open (`with TestClient(app) as client`)"
                )
            self._loop = loop
        if self._engine is not None:
            return self._engine
        if self._running is None:
            if self._clock.monotonic() < self._not_before:
                raise Refusal(UNAVAILABLE, _why(self._fault))
            self._started = asyncio.Event()  # belongs to this loop
            self._running = asyncio.create_task(self._run())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self._started.wait()
        return self._running_engine()

    def _running_engine(self) -> Engine:
        if self._engine is None:
            raise Refusal(UNAVAILABLE, _why(self._fault))
        return self._engine

    async def start(self) -> None:
        """Start it now; a store that does not answer is waited for at each request.

        Raises:
            ValueError: a secret cannot be had, or is none.
        """
        try:
            await self.engine()
        except Refusal:
            if isinstance(self._fault, ValueError):
                raise self._fault from None

    async def close(self) -> None:
        """Stop it. It may be started again, also on another loop."""
        running, self._running, self._loop = self._running, None, None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._open()
        except Exception as fault:  # noqa: BLE001 - whatever it is, nobody is let in until it starts again
            self._fault = fault
            self._not_before = self._clock.monotonic() + RETRY_SECONDS
            if threading.main_thread().is_alive():  # else the process ends, its pools first
                _log.error("%s; it is started anew", _why(fault))
        finally:
            if self.running is not None:
                self.running.leave()
            self._engine, self.running, self._running = None, None, None
            self._started.set()

    async def _open(self) -> None:
        async with (
            foundation(self._configuration, clock=self._clock) as ground,
            limit_counters(self._configuration) as counters,
        ):
            engine, _, beside = await deciding(ground, self._door, counters, origin=self._origin)
            async with asyncio.TaskGroup() as group:
                for each in beside:
                    group.create_task(each)
                while not engine.fresh():  # noqa: ASYNC110 - the follower tells nobody when
                    await asyncio.sleep(0.01)
                self.running = Running(engine)
                group.create_task(self.running.watch())
                self._engine = engine
                self._started.set()


def _why(fault: BaseException | None) -> str:
    """For the log. Of an exception only its class: its text could hold a credential."""
    if fault is None:
        return "the engine has not started yet"
    faults = fault.exceptions if isinstance(fault, BaseExceptionGroup) else (fault,)
    return f"the engine ended: {', '.join(type(each).__name__ for each in faults)}"
