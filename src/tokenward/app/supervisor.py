"""Starts the server processes, waits until they answer, and brings back one that dies.

Sockets are bound here, before anything starts: a taken port is one clear error, and a server that is being
restarted loses no connection attempt.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from prometheus_client import multiprocess

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
        name: for people.
        module: what `python -m` runs.
        arguments: what it is told.
        sockets: name → bound socket; handed over as `name=FD` after the arguments.
        health: the URL that answers 200 when it is ready.
    """

    name: str
    module: str
    arguments: Sequence[str]
    health: str
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)


class Supervisor:
    """A set of running processes. Use `running()`.

    Args:
        plans: what to run.
        metrics: a directory for what the processes count, emptied at the start.
        output: where they write, a file descriptor; None for where this process does.
    """

    def __init__(self, plans: Sequence[ProcessPlan], *, metrics: Path, output: int | None = None) -> None:
        self._plans = plans
        self._output = output
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._metrics = metrics
        self._environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
        self._stopping = threading.Event()

    @contextlib.contextmanager
    def running(self, on_ready: Callable[[str], None] = lambda _name: None) -> Generator[None]:
        """Start all, wait until each answers or `stop()` is called, and end all on leaving.

        Raises:
            CannotStart: one did not become ready; the others are ended.
        """
        shutil.rmtree(self._metrics, ignore_errors=True)  # what a supervisor that was killed left behind
        self._metrics.mkdir(parents=True)
        try:
            for plan in self._plans:
                self._start(plan)
            for plan in self._plans:
                if self._wait_until_ready(plan):
                    on_ready(plan.name)
            yield
        finally:
            self._stop_all()
            shutil.rmtree(self._metrics, ignore_errors=True)

    def watch(self, on_restart: Callable[[str, int], None]) -> None:
        """Bring back whatever dies, at most once a second each, until `stop()`."""
        while not self._stopping.wait(1.0):
            for plan in self._plans:
                code = self._processes[plan.name].poll()
                if code is not None and not self._stopping.is_set():
                    on_restart(plan.name, code)
                    self._bury(self._processes[plan.name])
                    with contextlib.suppress(OSError):  # no memory, no process: the next second may have some
                        self._start(plan)

    def stop(self) -> None:
        """Make `watch` return."""
        self._stopping.set()

    def _start(self, plan: ProcessPlan) -> None:
        handed = [f"{name}={sock.fileno()}" for name, sock in plan.sockets.items()]
        self._processes[plan.name] = subprocess.Popen(  # noqa: S603 - this interpreter, and arguments of ours
            [sys.executable, "-m", plan.module, *plan.arguments, *handed],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=self._output,
            env=self._environment,
            pass_fds=[sock.fileno() for sock in plan.sockets.values()],
            start_new_session=True,  # Ctrl+C reaches the supervisor alone, which then ends them in order
        )

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        """Let go of a dead process, and of what it measured of itself; what it counted stays counted."""
        if process.stdin is not None:
            process.stdin.close()
        multiprocess.mark_process_dead(process.pid, str(self._metrics))  # type: ignore[no-untyped-call]

    def _wait_until_ready(self, plan: ProcessPlan) -> bool:
        """Whether it answers; False if there was no waiting for it because of `stop()`."""
        deadline = SYSTEM_CLOCK.monotonic() + READY_SECONDS
        # Our own socket is dialled by its address, for which no certificate is made; nothing secret is sent.
        with httpx.Client(trust_env=False, timeout=1.0, verify=False) as client:  # noqa: S501 - see above
            while SYSTEM_CLOCK.monotonic() < deadline:
                code = self._processes[plan.name].poll()
                if code is not None:
                    raise CannotStart(f"the {plan.name} process ended with exit code {code} while starting")
                with contextlib.suppress(httpx.HTTPError):
                    if client.get(plan.health).status_code == 200:
                        return True
                if self._stopping.wait(0.05):
                    return False
        raise CannotStart(f"the {plan.name} process did not answer within {READY_SECONDS:.0f} seconds")

    def _stop_all(self) -> None:
        self._stopping.set()
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()
        for plan in self._plans:
            for sock in plan.sockets.values():
                sock.close()


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


def server_plans(
    configuration_path: Path, sockets: Mapping[str, socket.socket], *, gateway_scheme: str = "http"
) -> list[ProcessPlan]:
    """The two server processes of a configuration.

    Args:
        configuration_path: the file.
        sockets: holds `issuer`, `gateway` and `admin`.
        gateway_scheme: what the gateway speaks at its socket, `http` or `https`.
    """
    return [
        ProcessPlan(
            name="issuer",
            module="tokenward.app.processes",
            arguments=["issuer", str(configuration_path)],
            health=f"http://{_dial(sockets['admin'])}/health",
            sockets={"issuer": sockets["issuer"], "admin": sockets["admin"]},
        ),
        ProcessPlan(
            name="gateway",
            module="tokenward.app.processes",
            arguments=["gateway", str(configuration_path)],
            health=f"{gateway_scheme}://{_dial(sockets['gateway'])}/.well-known/tokenward/health",
            sockets={"gateway": sockets["gateway"]},
        ),
    ]


def _dial(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - an address to dial, not to bind
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
