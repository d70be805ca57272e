"""Databases for tests: each throw-away, on this machine."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

SERVER = "postgresql://postgres@127.0.0.1:5432"


@contextmanager
def postgres_database() -> Iterator[str]:
    """The URL of an empty database of one's own, dropped at the end.

    Without a server the test is skipped; with CI=true it fails, so that it is never skipped unseen.
    """
    try:
        server = psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("no PostgreSQL server on 127.0.0.1:5432 that trusts the user postgres")
    name = f"tokenward_test_{secrets.token_hex(8)}"
    with server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING UTF8".encode())
        try:
            yield f"{SERVER}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


class PostgresServer:
    """A server of one's own that can be made to fail. Debian keeps its programs outside of PATH."""

    def __init__(self, programs: Path, directory: Path, user: str | None) -> None:
        self._programs = programs
        self._directory = directory
        self._user = user
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def make(self) -> None:
        """Create its files."""
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -k {self._directory}"
        log = self._directory / "log"
        self._run("pg_ctl", "-D", self._data, "-w", "-t", "30", "-o", options, "-l", log, "start")

    def kill(self) -> None:
        """Die at once, as in a crash: no farewell to any client, and recovery at the next start."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    def hang(self) -> None:
        """Stay connected to every client and answer nobody."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End `hang`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        postmaster = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for process in (postmaster, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [self._programs / program, *map(str, arguments)],
            check=True,
            user=self._user,
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )


@contextmanager
def own_postgres_server() -> Iterator[PostgresServer]:
    """A running server of one's own on a free port, gone at the end.

    Without PostgreSQL's server programs the test is skipped; with CI=true it fails.
    """
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    root = os.geteuid() == 0  # as whom PostgreSQL refuses to run
    try:
        owner = pwd.getpwnam("postgres") if root else None
        programs = Path(found or debian[-1]).parent
    except (IndexError, KeyError):
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("no programs of a PostgreSQL server, or no user postgres to run them as")
    with tempfile.TemporaryDirectory(prefix="tokenward-postgres-") as directory:
        if owner is not None:
            os.chown(directory, owner.pw_uid, owner.pw_gid)
        server = PostgresServer(programs, Path(directory), owner.pw_name if owner else None)
        server.make()
        server.start()
        try:
            yield server
        finally:
            with suppress(FileNotFoundError):  # it was killed and not started again
                server.go_on()
                server.kill()


class RedisServer:
    """A Redis server of one's own on a free port, that can be made to fail."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir", self._directory]
        self._process = subprocess.Popen(
            ["redis-server", *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1) as probe:
                probe.sendall(b"PING\r\n")
                if probe.recv(7) == b"+PONG\r\n":
                    return
            time.sleep(0.02)
        raise TimeoutError("the Redis server does not answer")

    def kill(self) -> None:
        """Die at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        """Stay connected to every client and answer nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)


@contextmanager
def own_redis_server() -> Iterator[RedisServer]:
    """A running server of one's own, gone at the end. Without its program the test is skipped."""
    if shutil.which("redis-server") is None:
        if os.environ.get("CI") == "true":
            raise FileNotFoundError("redis-server")
        pytest.skip("no program redis-server")
    with tempfile.TemporaryDirectory(prefix="tokenward-redis-") as directory:
        server = RedisServer(directory)
        try:
            server.start()
            yield server
        finally:
            server.kill()
