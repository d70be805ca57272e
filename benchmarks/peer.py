"""Starts the peer, npm oidc-provider: in memory, or on a Redis that writes to disk before it answers."""

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

import httpx
from material import CLIENT
from servers import CACHE, CHALLENGE, HERE, PUSHING, Issuer, basic_of, public_jwk, pushing, running

from tokenward.app.listener import bind
from tokenward.tokens.keys import SigningKey

IN_MEMORY = "oidc-provider"
ON_REDIS = "oidc-provider, Redis"


def installed() -> tuple[str, ...]:
    """Which of the two there are programs for."""
    modules = CACHE / "node_modules"
    if not (modules / "oidc-provider").is_dir() or shutil.which("node") is None:
        return ()
    redis = (modules / "redis").is_dir() and shutil.which("redis-server") is not None
    return (IN_MEMORY, ON_REDIS) if redis else (IN_MEMORY,)


@contextlib.contextmanager
def oidc_provider(name: str, *, material: bool, redis_on: str) -> Iterator[Issuer]:
    """One process, and Redis on these cores (as taskset(1) takes them) where it has one.

    In memory and with `material`, on an adapter that keeps all that is made before.
    """
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(_redis(redis_on)) if name == ON_REDIS else None
        port = _free_port()
        secret = base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")
        key = SigningKey.generate("ES256")
        environment = {
            **os.environ,
            "NODE_ENV": "production",
            "CLIENT_ID": CLIENT,
            "CLIENT_SECRET": secret,
            "CLIENT_JWK": json.dumps(public_jwk(key)),
            "CODE_CHALLENGE": CHALLENGE,
            "PUSHING": str(PUSHING),
            "MATERIAL": "1" if material else "",
            "REDIS_PORT": str(redis) if redis else "",
        }
        url = f"http://127.0.0.1:{port}"

        def mint(kind: str, count: int) -> list[str]:
            answer = httpx.get(f"{url}/made/{kind}/{count}", trust_env=False, timeout=60)
            return answer.raise_for_status().text.split("\n")

        command = ["node", str(HERE / "oidc_provider.mjs"), str(port)]
        stack.enter_context(running(command, port, environment=environment))
        yield Issuer(url, basic_of(secret), key, mint, {each: basic_of(secret, each) for each in pushing()})


@contextlib.contextmanager
def _redis(cores: str) -> Iterator[int]:
    """The port of an empty one, whose directory lies where our database does: on the same disk."""
    CACHE.mkdir(exist_ok=True)
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="redis-", dir=CACHE) as directory:
        options = {
            "port": port,
            "bind": "127.0.0.1",
            "dir": directory,
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            # Its file is not written anew while it is measured, which would cost it a fork and the disk.
            "auto-aof-rewrite-percentage": 0,
        }
        words = (word for name, value in options.items() for word in (f"--{name}", str(value)))
        command = ["taskset", "-c", cores, "redis-server", *words]
        with (
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process,
            contextlib.ExitStack() as stack,
        ):
            stack.callback(process.terminate)
            _wait_for_pong(process, port)
            yield port


def _wait_for_pong(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"redis-server ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(b"PING\r\n")
            if connection.recv(16).startswith(b"+PONG"):
                return
        time.sleep(0.05)
    raise RuntimeError("redis-server did not answer")


def _free_port() -> int:
    with bind("127.0.0.1", 0) as sock:
        return sock.getsockname()[1]
