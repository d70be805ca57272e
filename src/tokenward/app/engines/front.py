"""`tokenward up --engine`: an engine at the public address, and the gateway behind it at Unix sockets."""

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tokenward.app.certificate_header import RFC_9440
from tokenward.app.config import Configuration
from tokenward.app.engines.keeper import DECISIONS, GATEWAY
from tokenward.app.engines.plan import EnginePlan, Place, plan
from tokenward.app.engines.program import Engine, Refused, engine
from tokenward.app.listener import BACKLOG, bind
from tokenward.app.supervisor import STOP_SECONDS, CannotStart, ProcessPlan

_LONGEST = 90  # bytes of a directory's path: that of a Unix socket has 107 (unix(7)), on some systems 103


class Front:
    """An engine that runs beside the servers. Use `fronted()`.

    Attributes:
        name: of the engine.
        sockets: those of the gateway, as `server_plans` takes them.
    """

    def __init__(self, name: str, configuration: Configuration, directory: Path) -> None:
        self.name = name
        self.sockets: dict[str, socket.socket] = {}
        self._engine: Engine = engine(name)
        self._directory = directory
        self._plan = self._planned(configuration)
        self._engine.write(self._plan, directory)

    def process(self) -> ProcessPlan:
        """The engine, for the supervisor."""
        return ProcessPlan(
            name=self.name,
            module="tokenward.app.engines.keeper",
            arguments=[self.name, str(self._directory), str(self._plan.drain)],
            stop_seconds=STOP_SECONDS + self._plan.drain,
        )

    def change(self, configuration: Configuration) -> None:
        """Let the engine go by another configuration, once the gateway does.

        Raises:
            CannotStart: it does not take it up; it goes by the former one.
        """
        after = self._planned(configuration)
        try:
            self._engine.change(self._plan, after, self._directory)
        except Refused as refused:
            raise CannotStart(f"{self.name} does not take it up: {refused}") from None
        self._plan = after

    def look(self) -> None:
        """Called each second."""
        self._engine.tidy(self._plan, self._directory)

    def _planned(self, configuration: Configuration) -> EnginePlan:
        at = configuration.settings.gateway.listen
        return plan(
            configuration,
            listen=Place(host=at.host, port=at.port),
            decisions=Place(socket=self._directory / DECISIONS),
            gateway=Place(socket=self._directory / GATEWAY),
        )


@contextlib.contextmanager
def fronted(name: str, configuration: Configuration) -> Iterator[Front]:
    """The engine, ready to be started, and the gateway's sockets behind it, in a directory of ours.

    Raises:
        EngineMissing: the engine is not installed.
        Refused: it does not take the configuration.
        OSError: the public address is taken; the message names it.
    """
    engine(name).check()
    server = configuration.settings.gateway
    if server.decisions.listen is not None:
        raise Refused("gateway.decisions.listen is for an engine that somebody else runs: leave it out here")
    told = server.client_certificates
    if told is not None and (told.header or "").lower() == RFC_9440:
        raise Refused(
            "an engine reads a client's certificate as percent-encoded PEM: let the proxies in front of it "
            "tell it so, in another header than Client-Cert (gateway.client_certificates.header)"
        )
    at = server.listen
    bind(at.host, at.port).close()  # the engine binds it itself, and would not say so clearly
    with _own_directory(configuration.base_dir) as directory:
        front = Front(name, configuration, directory)
        with contextlib.ExitStack() as stack:
            for role, file in (("gateway", GATEWAY), ("decisions", DECISIONS)):
                front.sockets[role] = stack.enter_context(bind_unix(directory / file))
            yield front


def bind_unix(path: Path) -> socket.socket:
    """A listening Unix socket, inheritable by a child process, that nobody else may connect to."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.bind(str(path))
        path.chmod(0o600)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen at {path}: {error.strerror}") from None
    sock.set_inheritable(True)
    return sock


@contextlib.contextmanager
def _own_directory(base_dir: Path) -> Iterator[Path]:
    """For sockets and what the engine is told: of mode 0700, new, and gone afterwards."""
    directory = base_dir / "data" / "engine"
    if len(os.fsencode(directory)) > _LONGEST:
        with tempfile.TemporaryDirectory(prefix="tokenward-") as temporary:
            yield Path(temporary)
        return
    shutil.rmtree(directory, ignore_errors=True)  # what a supervisor that was killed left behind
    directory.mkdir(mode=0o700, parents=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
