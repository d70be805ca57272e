"""The world of the gateway's tests behind a real Envoy: decisions and the gateway at Unix sockets."""

import asyncio
import contextlib
import socket
import subprocess
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from gateway.wire import Backend, Gateway
from gateway.world import World
from targets.envoy import program
from tokenward.app.certificate_header import read_certificate
from tokenward.app.decision_listener import DecisionListener
from tokenward.app.engines import envoy
from tokenward.app.engines.plan import EnginePlan, Place, Proxies, api_plan, ordered
from tokenward.app.listener import Listener
from tokenward.gateway.doors.decisions import CERTIFICATE, DecisionDoor
from tokenward.gateway.doors.limits import DEFAULT_LIMITS, Limits
from tokenward.gateway.doors.proxy import ProxyDoor


def free():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def unix(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen(128)
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


@contextlib.contextmanager
def running(plan, directory):
    """Envoy with that plan, from the moment that it listens."""
    found = program()
    for name, text in envoy.render(plan).items():
        (directory / name).write_text(text)
    log = directory / "envoy.log"
    command = [found, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--config-path", str(directory / "envoy.yaml")], stdout=output, stderr=output
        )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", plan.listen.port), 1).close()
                break
            assert process.poll() is None, log.read_text()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def serving(app, sock, **more):
    listener = Listener(app, sock, **more)
    stop = asyncio.Event()
    task = asyncio.create_task(listener.run_until(stop))
    await listener.listening.wait()
    try:
        yield
    finally:
        stop.set()
        await task


@asynccontextmanager
async def deciding(answering, sock):
    """Decisions at that socket; gives what ends them."""
    listener = DecisionListener(answering, sock, grace=0.1)
    stop = asyncio.Event()
    task = asyncio.create_task(listener.run_until(stop))
    await listener.listening.wait()

    async def end():
        stop.set()
        await task
        sock.close()

    try:
        yield end
    finally:
        await end()


@asynccontextmanager
async def behind(answering=None, limits=DEFAULT_LIMITS, **more):
    """A gateway behind Envoy; `answering` stands for its decisions."""
    program()
    backend = Backend()
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    backend.port = server.sockets[0].getsockname()[1]
    world = World(f"http://127.0.0.1:{backend.port}")
    door = ProxyDoor(world.engine, limits)
    own = DecisionDoor(world.engine, partial(read_certificate, CERTIFICATE))
    port = free()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.wait_closed)
        stack.callback(server.close)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tokenward-")))
        end = await stack.enter_async_context(
            deciding(answering or own.answer, unix(directory / "decisions"))
        )
        sock = stack.enter_context(unix(directory / "gateway"))
        header = CERTIFICATE.decode()
        await stack.enter_async_context(
            serving(door, sock, websockets=True, grace=1, certificate_header=header)
        )
        stack.push_async_callback(door.close)
        stack.callback(backend.close)
        stack.enter_context(running(planned(world, directory, port, limits, **more), directory))
        gateway = Gateway(world, backend, door, port)
        gateway.decisions_gone = end
        yield gateway


def through(scenario, **limits):
    """Run `scenario(gateway)` against a fresh one."""

    async def run():
        async with behind(limits=Limits(**limits)) as running:
            await asyncio.wait_for(scenario(running), 20)

    asyncio.run(run())
