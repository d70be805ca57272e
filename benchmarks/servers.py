"""Starts what is measured: our two processes on a database on disk, the bare proxy, the backend."""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
from material import CALLBACK, CLIENT, SCOPE, VERIFIER, Mint, minting

from tokenward.app.config import Configuration, load
from tokenward.app.engines.front import fronted
from tokenward.app.foundation import foundation
from tokenward.app.initialise import make_secrets
from tokenward.app.listener import bind
from tokenward.app.samples import SAMPLES
from tokenward.app.supervisor import Supervisor, bind_all, server_plans
from tokenward.base.entropy import identifier
from tokenward.base.secret import Secret
from tokenward.flows import pkce
from tokenward.identity.passwords import Passwords
from tokenward.issuer.client_auth.registration import Proving
from tokenward.issuer.clients import register
from tokenward.store.people_records import User
from tokenward.tokens.keys import SigningKey, members

HERE = Path(__file__).parent
CACHE = HERE / ".cache"
CHALLENGE = pkce.challenge(VERIFIER)
PUSHING = 40  # clients that push requests in turn: one alone may 5000 times at once, then 100 times a second
PERSON = "bench-person"
POSTGRES = "postgresql://postgres@127.0.0.1:5432"

CONFIGURATION = """\
store: {store}
master_key: file:data/master.key
issuer: {{url: "{issuer}", listen: "{issuer_listen}"}}
gateway: {{url: "{gateway}", listen: "{gateway_listen}"{kept}}}
admin: {{listen: "{admin_listen}", token: "file:data/admin.token"}}
tokens: {{access_token: {lifetime}s, refresh_idle: 5m, refresh_absolute: 1h}}
exchange: [{{client: bench, subject_api: weather, target_api: weather, scopes: ["forecast:read"]}}]
apis:
  weather: {{openapi: weather.openapi.yaml, upstream: "{backend}", risk: low, contract: "off"}}
  loose: {{openapi: orders.openapi.yaml, upstream: "{backend}", risk: low, contract: "off"}}
  strict: {{openapi: orders.openapi.yaml, upstream: "{backend}", risk: low, contract: enforce}}
{more}"""


@dataclass(frozen=True, slots=True)
class Issuer:
    """A running authorization server, and the two clients that call it: by a secret, and by a key.

    Attributes:
        url: its issuer identifier.
        basic: the Authorization value of the client that has a secret.
        key: that of the other client.
        mint: makes codes and tokens of the first client.
        pushing: the Authorization values of clients that push requests in turn, by client_id.
        password: of `PERSON`; None where no page asks for it.
    """

    url: str
    basic: str
    key: SigningKey
    mint: Mint
    pushing: Mapping[str, str]
    password: Secret | None = None

    @property
    def device_client(self) -> str:
        """The client_id of the one that is on devices, and proves nothing."""
        return f"{CLIENT}-device"

    @property
    def jwt_client(self) -> str:
        """The client_id of the client that has a key."""
        return f"{CLIENT}-jwt"


@dataclass(frozen=True, slots=True)
class Ours:
    """Tokenward: the issuer in one process and the gateway in another."""

    issuer: Issuer
    gateway: str
    database: Path


@contextlib.contextmanager
def tokenward(
    backend: str,
    *,
    store: str = "sqlite:data/tokenward.db",
    lifetime: int = 600,
    engine: str = "",
    kept: int = 0,
) -> Iterator[Ours]:
    """The same two processes that `tokenward up` starts, in front of `backend`, and an engine before them."""
    directory = CACHE / "run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    configuration, sockets = configured(directory, backend, store=store, lifetime=lifetime, kept=kept)
    urls = {name: f"http://127.0.0.1:{sock.getsockname()[1]}" for name, sock in sockets.items()}
    key = SigningKey.generate("ES256")
    password = Secret(identifier())
    secrets = asyncio.run(_register(configuration, key, password))
    with (
        (directory / "log").open("wb") as log,
        minting(configuration, CHALLENGE) as mint,
        contextlib.ExitStack() as stack,
    ):
        plans = []
        if engine:
            sockets.pop("gateway").close()
            front = stack.enter_context(fronted(engine, configuration))
            sockets |= front.sockets
            plans = [front.process()]
        supervisor = Supervisor(
            [*server_plans(configuration, sockets), *plans],
            metrics=directory / "metrics",
            output=log.fileno(),
        )
        with supervisor.running():
            yield Ours(
                Issuer(
                    urls["issuer"],
                    basic_of(secrets[CLIENT]),
                    key,
                    mint,
                    {name: basic_of(secrets[name], name) for name in pushing()},
                    password,
                ),
                urls["gateway"],
                directory / "data" / "tokenward.db",
            )
    shutil.rmtree(directory)


def configured(
    directory: Path,
    backend: str,
    *,
    store: str = "sqlite:data/tokenward.db",
    lifetime: int = 600,
    more: str = "",
    kept: int = 0,
) -> tuple[Configuration, dict[str, socket.socket]]:
    """A configuration in that directory, with `more` lines, and sockets at the ports that it names."""
    sockets = bind_all(dict.fromkeys(("issuer", "gateway", "admin"), ("127.0.0.1", 0)))
    urls = {name: f"http://127.0.0.1:{sock.getsockname()[1]}" for name, sock in sockets.items()}
    make_secrets(directory)
    for document in (SAMPLES["weather"].document, HERE / "orders.openapi.yaml"):
        shutil.copy(document, directory)
    path = directory / "tokenward.yaml"
    listens = {f"{name}_listen": url.removeprefix("http://") for name, url in urls.items()}
    written = {"backend": backend, "store": store, "lifetime": lifetime, "more": more}
    written["kept"] = f", decisions: {{cache: {kept}s}}" if kept else ""
    path.write_text(CONFIGURATION.format(**urls, **listens, **written))
    loaded = load(path)
    if loaded.configuration is None:
        raise RuntimeError("; ".join(finding.text for finding in loaded.findings))
    return loaded.configuration, sockets


@contextlib.contextmanager
def postgres_database() -> Iterator[str | None]:
    """The URL of an empty database, dropped at the end; None where no server trusts us."""
    try:
        server = psycopg.connect(f"{POSTGRES}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        yield None
        return
    name = f"tokenward_bench_{os.getpid()}"
    with server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING UTF8".encode())
        try:
            yield f"{POSTGRES}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


async def _register(configuration: Configuration, key: SigningKey, password: Secret) -> dict[str, str]:
    """Clients and a person; the secrets by client_id."""
    passwords = Passwords()
    hashed = await passwords.hash(password)
    passwords.close()
    secrets: dict[str, str] = {}
    async with foundation(configuration) as ground:
        for client in (CLIENT, *pushing()):
            _, secret = await register(
                ground.client_desk,
                name="Benchmark",
                client_type="web",
                scopes=[SCOPE, "orders:write", "openid", "offline_access"],
                redirect_uris=[CALLBACK],
                client_id=client,
            )
            if secret is None:
                raise RuntimeError("this client has a secret")
            secrets[client] = secret.reveal()
        await register(
            ground.client_desk,
            name="Benchmark with a key",
            client_type="service",
            scopes=[SCOPE],
            client_id=f"{CLIENT}-jwt",
            proving=Proving("private_key_jwt", jwks=json.dumps({"keys": [public_jwk(key)]})),
        )
        await register(
            ground.client_desk,
            name="Benchmark on a device",
            client_type="device",
            scopes=[SCOPE],
            client_id=f"{CLIENT}-device",
        )
        await ground.store.add_user(User(identifier(), PERSON, hashed, ground.clock.time()))
    return secrets


def pushing() -> list[str]:
    """The client_ids of those that push requests in turn."""
    return [f"{CLIENT}-{number}" for number in range(PUSHING)]


def public_jwk(key: SigningKey) -> dict[str, str]:
    """What a client registers of its key."""
    return {**members(key.private.public_key()), "kid": key.kid, "alg": key.algorithm, "use": "sig"}


@contextlib.contextmanager
def python_server(script: str, *arguments: str) -> Iterator[str]:
    """One of the small servers beside this file, on a socket made here; its URL."""
    with bind("127.0.0.1", 0) as sock:
        sock.listen(2048)
        port = sock.getsockname()[1]
        command = [sys.executable, str(HERE / script), *arguments, f"listen={sock.fileno()}"]
        with running(command, port, handed=sock):
            yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def running(
    command: Sequence[str],
    port: int,
    *,
    handed: socket.socket | None = None,
    environment: dict[str, str] | None = None,
    stderr: int | None = None,
) -> Iterator[None]:
    """A process, once it answers at that port of this machine, until it is told to end."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
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


def basic_of(secret: str, client: str = CLIENT) -> str:
    """The Authorization value of a client that has a secret."""
    # RFC 6749 §2.3.1; nothing in these secrets needs the form encoding.
    return "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()
