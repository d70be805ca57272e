"""Starts what is measured: our two processes on a database on disk, the peer, the bare proxy, the backend."""

import asyncio
import base64
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from tokenward.app.config import Configuration, load
from tokenward.app.foundation import foundation
from tokenward.app.initialise import make_secrets
from tokenward.app.listener import bind
from tokenward.app.samples import SAMPLES
from tokenward.app.supervisor import Supervisor, bind_all, server_plans
from tokenward.issuer.clients import register

HERE = Path(__file__).parent
CACHE = HERE / ".cache"
CLIENT = "bench"
SCOPE = "forecast:read"

CONFIGURATION = """\
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {{url: "{issuer}", listen: "{issuer_listen}"}}
gateway: {{url: "{gateway}", listen: "{gateway_listen}"}}
admin: {{listen: "{admin_listen}", token: "file:data/admin.token"}}
apis:
  weather: {{openapi: weather.openapi.yaml, upstream: "{backend}", risk: low}}
"""


@dataclass(frozen=True, slots=True)
class Issuer:
    """A running authorization server and the client that calls it."""

    token_url: str
    introspection_url: str
    basic: str

    def tokens(self, count: int) -> list[str]:
        """Fresh access tokens."""
        body = {"grant_type": "client_credentials", "scope": SCOPE}
        with httpx.Client(trust_env=False, headers={"Authorization": self.basic}) as client:
            answers = [client.post(self.token_url, data=body).raise_for_status() for _ in range(count)]
        return [answer.json()["access_token"] for answer in answers]

    @property
    def token_request(self) -> tuple[str, str]:
        """Authorization value and body of a client_credentials request."""
        return self.basic, f"grant_type=client_credentials&scope={urllib.parse.quote(SCOPE)}"

    def introspections(self, tokens: Sequence[str]) -> list[tuple[str, str]]:
        """A request for each of the tokens."""
        return [(self.basic, f"token={token}") for token in tokens]


@dataclass(frozen=True, slots=True)
class Ours:
    """Tokenward: the issuer in one process and the gateway in another."""

    issuer: Issuer
    gateway: str
    database: Path


@contextlib.contextmanager
def tokenward(backend: str) -> Iterator[Ours]:
    """The same two processes that `tokenward up` starts, in front of `backend`."""
    directory = CACHE / "run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    sockets = bind_all(dict.fromkeys(("issuer", "gateway", "admin"), ("127.0.0.1", 0)))
    urls = {name: f"http://127.0.0.1:{sock.getsockname()[1]}" for name, sock in sockets.items()}
    make_secrets(directory)
    shutil.copy(SAMPLES["weather"].document, directory)
    path = directory / "tokenward.yaml"
    listens = {f"{name}_listen": url.removeprefix("http://") for name, url in urls.items()}
    path.write_text(CONFIGURATION.format(**urls, **listens, backend=backend))
    loaded = load(path)
    if loaded.configuration is None:
        raise RuntimeError("; ".join(finding.text for finding in loaded.findings))
    secret = asyncio.run(_register(loaded.configuration))
    with (directory / "log").open("wb") as log:
        supervisor = Supervisor(
            server_plans(path, sockets), metrics=directory / "metrics", output=log.fileno()
        )
        with supervisor.running():
            issuer = urls["issuer"]
            yield Ours(
                Issuer(f"{issuer}/token", f"{issuer}/introspect", _basic(secret)),
                urls["gateway"],
                directory / "data" / "tokenward.db",
            )
    shutil.rmtree(directory)


async def _register(configuration: Configuration) -> str:
    async with foundation(configuration) as ground:
        _, secret = await register(
            ground.client_desk, name="Benchmark", client_type="service", scopes=[SCOPE], client_id=CLIENT
        )
    if secret is None:
        raise RuntimeError("a service has a secret")
    return secret.reveal()


def peer_is_installed() -> bool:
    """Whether `scripts/bench-tools.sh` could install the peer."""
    return (CACHE / "node_modules" / "oidc-provider").is_dir() and shutil.which("node") is not None


@contextlib.contextmanager
def oidc_provider() -> Iterator[Issuer]:
    """The peer, in memory, one process."""
    with bind("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
    secret = base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")
    environment = {**os.environ, "CLIENT_ID": CLIENT, "CLIENT_SECRET": secret, "NODE_ENV": "production"}
    with _process(["node", str(HERE / "oidc_provider.mjs"), str(port)], port, environment=environment):
        url = f"http://127.0.0.1:{port}/token"
        yield Issuer(url, f"{url}/introspection", _basic(secret))


@contextlib.contextmanager
def python_server(script: str, *arguments: str) -> Iterator[str]:
    """One of the small servers beside this file, on a socket made here; its URL."""
    with bind("127.0.0.1", 0) as sock:
        sock.listen(2048)
        port = sock.getsockname()[1]
        command = [sys.executable, str(HERE / script), *arguments, f"listen={sock.fileno()}"]
        with _process(command, port, handed=sock):
            yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def _process(
    command: Sequence[str],
    port: int,
    *,
    handed: socket.socket | None = None,
    environment: dict[str, str] | None = None,
) -> Iterator[None]:
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[handed.fileno()] if handed else [],
    )
    try:
        _wait_until_it_answers(process, port)
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 15
    with httpx.Client(trust_env=False, timeout=1.0) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args} ended with {process.returncode}")
            with contextlib.suppress(httpx.HTTPError):
                client.get(f"http://127.0.0.1:{port}/")
                return
            time.sleep(0.05)
    raise RuntimeError(f"{process.args} did not answer")


def _basic(secret: str) -> str:
    # RFC 6749 §2.3.1; nothing in these secrets needs the form encoding.
    return "Basic " + base64.b64encode(f"{CLIENT}:{secret}".encode()).decode()
