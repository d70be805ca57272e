"""The world of the gateway's tests behind a real nginx: decisions and the gateway at Unix sockets."""

import asyncio
import contextlib
import os
import socket
import subprocess
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.wire import Backend, Gateway
from gateway.world import World
from tokenward.app.certificate_header import read_certificate
from tokenward.app.decision_listener import DecisionListener
from tokenward.app.engines import nginx
from tokenward.app.engines.plan import EnginePlan, Place, Proxies, api_plan, ordered
from tokenward.app.engines.program import EngineMissing
from tokenward.app.listener import Listener
from tokenward.gateway.doors.decisions import CERTIFICATE, DecisionDoor
from tokenward.gateway.doors.limits import DEFAULT_LIMITS, Limits
from tokenward.gateway.doors.proxy import ProxyDoor


def program():
    """nginx with its Lua module; without it the test is skipped, but not where everything is to be there."""
    try:
        return nginx.found()
    except EngineMissing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


def free():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def unix(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen(512)
    return sock


def planned(world, directory, port, limits=DEFAULT_LIMITS, **more):
    return EnginePlan(
        **{
            "listen": Place(host="127.0.0.1", port=port),
            "tls": None,
            "proxies": Proxies(),
            "decisions": Place(socket=directory / "decisions"),
            "gateway": Place(socket=directory / "gateway"),
            "apis": ordered(api_plan(api, limits) for api in world.policy.apis),
            "own_paths": ("/.well-known/",),
            "keeps": 0,
            "drain": 5,
            **more,
        }
    )


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def running(plan, directory):
    """nginx with that plan, from the moment that it listens."""
    program()
    nginx.write(plan, directory)
    # One worker has one set of connections to upstreams, which tests count.
    configured = directory / nginx.CONFIGURATION
    configured.write_text(configured.read_text().replace("worker_processes auto;", "worker_processes 1;"))
    log = directory / "log"
    with log.open("w") as output:
        process = subprocess.Popen(nginx.command(directory), stdout=output, stderr=output)
    try:
        for _ in range(600):
            if listens(plan.listen.port):
                break
            assert process.poll() is None, log.read_text()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        yield process
    finally:
        process.terminate()
        process.wait()


@asynccontextmanager
async def deciding(answering, path):
    listener = DecisionListener(answering, unix(path), grace=0.1)
    stop = asyncio.Event()
    task = asyncio.create_task(listener.run_until(stop))
    await listener.listening.wait()
    try:
        yield listener
    finally:
        stop.set()
        await task


@asynccontextmanager
async def serving(door, path):
    listener = Listener(door, unix(path), websockets=True, grace=1, certificate_header=CERTIFICATE.decode())
    stop = asyncio.Event()
    task = asyncio.create_task(listener.run_until(stop))
    await listener.listening.wait()
    try:
        yield
    finally:
        stop.set()
        await task


@asynccontextmanager
async def behind(limits=DEFAULT_LIMITS, answering=None, **more):
    """A gateway behind nginx; `answering` makes of its decisions something else."""
    program()
    backend = Backend()
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    backend.port = server.sockets[0].getsockname()[1]
    try:
        world = World(f"http://127.0.0.1:{backend.port}")
        world.engine._kept = more.get("keeps", 0)
        door = ProxyDoor(world.engine, limits)
        decisions = DecisionDoor(world.engine, lambda value: read_certificate(CERTIFICATE, value)).answer
        port = free()
        with tempfile.TemporaryDirectory(prefix="tokenward-") as name:
            directory = Path(name)
            plan = planned(world, directory, port, limits, **more)
            wrapped = answering(decisions) if answering is not None else decisions
            async with (
                deciding(wrapped, directory / "decisions") as listener,
                serving(door, directory / "gateway"),
            ):
                with running(plan, directory) as process:
                    try:
                        gateway = Gateway(world, backend, door, port)
                        gateway.directory, gateway.process, gateway.plan = directory, process, plan
                        gateway.listener = listener
                        yield gateway
                    finally:
                        await door.close()
                        backend.close()
    finally:
        server.close()
        await server.wait_closed()


def through(scenario, *, answering=None, keeps=0, more=None, **limits):
    """Run `scenario(gateway)` against a fresh one."""

    async def run():
        async with behind(Limits(**limits), answering, keeps=keeps, **(more or {})) as running:
            await asyncio.wait_for(scenario(running), 20)

    asyncio.run(run())
