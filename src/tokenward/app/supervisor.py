"""Starts the server processes, waits until they are ready, brings back one that dies, and replaces them all.

Sockets are bound here, before anything starts: a taken port is one clear error, and a server that is being
restarted or replaced loses no connection attempt.
"""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import multiprocess

from tokenward.app.config import Configuration
from tokenward.app.lifeline import READY
from tokenward.app.listener import bind
from tokenward.base.clock import SYSTEM_CLOCK

READY_SECONDS = 30.0
STOP_SECONDS = 8.0


class CannotStart(Exception):  # noqa: N818 - reads as the condition it is
    """A process ended or stayed silent instead of becoming ready."""


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One process to run.

    Attributes:
        name: for people; no two plans share one.
        module: what `python -m` runs.
        arguments: what it is told.
        sockets: name → bound socket; handed over as `name=FD` after the arguments.
        handed: what it is to know from the beginning, as `handed=FD`; None for nothing.
        stop_seconds: how long it may take to end before it is made to.
    """

    name: str
    module: str
    arguments: Sequence[str]
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    handed: bytes | None = field(default=None, repr=False)
    stop_seconds: float = STOP_SECONDS


class _Running:
    """A process that was started by a plan."""

    def __init__(self, plan: ProcessPlan, environment: Mapping[str, str], output: int | None) -> None:
        self.plan = plan
        self.stop_by: float | None = None
        self._ready, telling = os.pipe()
        descriptors = {name: sock.fileno() for name, sock in plan.sockets.items()} | {"ready": telling}
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, telling)
            if plan.handed is not None:
                file = stack.enter_context(tempfile.TemporaryFile())
                file.write(plan.handed)
                file.flush()
                descriptors["handed"] = file.fileno()
            try:
                self.process = subprocess.Popen(  # noqa: S603 - this interpreter, and arguments of ours
                    [
                        *(sys.executable, "-m", plan.module, *plan.arguments),
                        *(f"{name}={descriptor}" for name, descriptor in descriptors.items()),
                    ],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    env=environment,
                    pass_fds=list(descriptors.values()),
                    start_new_session=True,  # Ctrl+C reaches the supervisor alone, which ends them in order
                )
            except BaseException:
                os.close(self._ready)
                raise

    def wait_until_ready(self, stopping: threading.Event) -> bool:
        """Whether it is; False if there was no waiting for it because of `stopping`.

        Raises:
            CannotStart: it ended, or stayed silent.
        """
        deadline = SYSTEM_CLOCK.monotonic() + READY_SECONDS
        while SYSTEM_CLOCK.monotonic() < deadline:
            if select.select([self._ready], [], [], 0.05)[0] and os.read(self._ready, len(READY)) == READY:
                return True
            code = self.process.poll()
            if code is not None:
                raise CannotStart(f"the {self.plan.name} process ended with exit code {code} while starting")
            if stopping.is_set():
                return False
        raise CannotStart(f"the {self.plan.name} process was not ready within {READY_SECONDS:.0f} seconds")

    def terminate(self) -> None:
        """Tell it to end; it has its plan's time for that."""
        self.stop_by = SYSTEM_CLOCK.monotonic() + self.plan.stop_seconds
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int | None:
        """Its exit code, if it has ended; it is made to when its time is over."""
        if self.stop_by is not None and SYSTEM_CLOCK.monotonic() >= self.stop_by:
            self.process.kill()
            self.process.wait()
        return self.process.poll()

    def wait(self) -> None:
        """Until it has ended, as it was told to."""
        left = (self.stop_by or 0) - SYSTEM_CLOCK.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(left, 0))
        self.ended()

    def release(self) -> None:
        """Let go of what tied it to us."""
        os.close(self._ready)
        if self.process.stdin is not None:
            self.process.stdin.close()


class Supervisor:
    """A set of running processes. Use `running()`.

    Args:
        plans: what to run.
        metrics: a directory for what the processes count, emptied at the start.
        output: where they write, a file descriptor; None for where this process does.
    """

    def __init__(self, plans: Sequence[ProcessPlan], *, metrics: Path, output: int | None = None) -> None:
        self._plans = {plan.name: plan for plan in plans}
        self._output = output
        self._running: dict[str, _Running] = {}
        self._leaving: list[_Running] = []
        self._metrics = metrics
        self._environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
        self._stopping = threading.Event()

    @contextlib.contextmanager
    def running(self, on_ready: Callable[[str], None] = lambda _name: None) -> Generator[None]:
        """Start all, wait until each is ready or `stop()` is called, and end all on leaving.

        Raises:
            CannotStart: one did not become ready; the others are ended.
        """
        shutil.rmtree(self._metrics, ignore_errors=True)  # what a supervisor that was killed left behind
        self._metrics.mkdir(parents=True)
        try:
            for plan in self._plans.values():
                self._running[plan.name] = self._start(plan)
            for name, each in self._running.items():
                if each.wait_until_ready(self._stopping):
                    on_ready(name)
            yield
        finally:
            self._stop_all()
            shutil.rmtree(self._metrics, ignore_errors=True)

    def watch(
        self, on_restart: Callable[[str, int], None], *, every_second: Callable[[], None] = lambda: None
    ) -> None:
        """Bring back whatever dies, at most once a second each, until `stop()`."""
        while not self._stopping.wait(1.0):
            every_second()
            self._let_go()
            for plan in self._plans.values():
                code = self._running[plan.name].ended()
                if code is not None and not self._stopping.is_set():
                    on_restart(plan.name, code)
                    with contextlib.suppress(OSError):  # no memory, no process: the next second may have some
                        successor = self._start(plan)
                        self._bury(self._running[plan.name])
                        self._running[plan.name] = successor

    def replace(self, plans: Sequence[ProcessPlan]) -> None:
        """Start these beside those of the same names, and end those once all of these are ready.

        They listen at the same sockets, so that no connection attempt is lost on the way. To be called from
        `watch`.

        Raises:
            CannotStart: one did not become ready; nothing has changed.
        """
        fresh: list[_Running] = []
        try:
            for plan in plans:
                fresh.append(self._start(plan))  # noqa: PERF401 - those that were started are to be ended
            for each in fresh:
                each.wait_until_ready(self._stopping)
        except (CannotStart, OSError) as error:
            self._leave(fresh)
            raise CannotStart(str(error)) from None
        self._leave([self._running[plan.name] for plan in plans])
        for each in fresh:
            self._plans[each.plan.name], self._running[each.plan.name] = each.plan, each

    def stop(self) -> None:
        """Make `watch` return."""
        self._stopping.set()

    def _start(self, plan: ProcessPlan) -> _Running:
        return _Running(plan, self._environment, self._output)

    def _leave(self, those: Sequence[_Running]) -> None:
        for each in those:
            each.terminate()
        self._leaving += those

    def _let_go(self) -> None:
        for each in [it for it in self._leaving if it.ended() is not None]:
            self._leaving.remove(each)
            self._bury(each)

    def _bury(self, dead: _Running) -> None:
        """Let go of a dead process, and of what it measured of itself; what it counted stays counted."""
        dead.release()
        multiprocess.mark_process_dead(dead.process.pid, str(self._metrics))  # type: ignore[no-untyped-call]

    def _stop_all(self) -> None:
        self._stopping.set()
        self._leave([*self._running.values()])
        # At once: who connects while running requests finish is to be refused, not to wait for nobody.
        for plan in self._plans.values():
            for sock in plan.sockets.values():
                sock.close()
        for each in self._leaving:
            each.wait()
        self._let_go()


def bind_all(addresses: Mapping[str, tuple[str, int]]) -> dict[str, socket.socket]:
    """A bound socket for each listener; port 0 takes a free one.

    Raises:
        OSError: an address is taken or not ours; nothing stays bound.
    """
    bound: dict[str, socket.socket] = {}
    try:
        for name, (host, port) in addresses.items():
            bound[name] = bind(host, port)
    except OSError:
        for sock in bound.values():
            sock.close()
        raise
    return bound


def server_plans(configuration: Configuration, sockets: Mapping[str, socket.socket]) -> list[ProcessPlan]:
    """The two server processes of a configuration, which go by the files as they were when it was read.

    `sockets` holds `issuer`, `gateway` and `admin`, and `decisions` where engines in front may ask.
    """
    return [
        ProcessPlan(
            name=role,
            module="tokenward.app.processes",
            arguments=[role, str(configuration.path)],
            sockets={name: sockets[name] for name in names if name in sockets},
            handed=configuration.files.packed(),
            stop_seconds=STOP_SECONDS + (configuration.settings.gateway.drain if role == "gateway" else 0),
        )
        for role, names in (("issuer", ("issuer", "admin")), ("gateway", ("gateway", "decisions")))
    ]
