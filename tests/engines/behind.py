"""The world of the gateway's tests behind a real engine: decisions and the gateway at Unix sockets."""

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
from tokenward.app.certificate_header import read_certificate
from tokenward.app.decision_listener import DecisionListener
from tokenward.app.engines.plan import EnginePlan, Place, Proxies, api_plan, ordered
from tokenward.app.listener import Listener
from tokenward.gateway.doors.decisions import CERTIFICATE, DecisionDoor
from tokenward.gateway.doors.limits import DEFAULT_LIMITS
from tokenward.gateway.doors.proxy import ProxyDoor

_HELD: list[socket.socket] = []


def free():
    """A port that nobody has: this process holds it, and gives way to who listens there (SO_REUSEADDR).

    Without that, tests that run at the same time may get the same one, and ask each other's gateway.
    """
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    _HELD.append(sock)
    if len(_HELD) > 32:  # the test that asked for the eldest has ended
        _HELD.pop(0).close()
    return sock.getsockname()[1]


def unix(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen(512)
    return sock


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


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
def started(command, plan, log):
    """An engine, from the moment that it listens."""
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
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
async def until_left(listener, sock):
    """A listener that serves; gives what ends it."""
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
async def behind(running, limits=DEFAULT_LIMITS, answering=None, **more):
    """A gateway behind an engine.

    Args:
        running: runs it, by a plan and in a directory.
        limits: of the gateway.
        answering: makes of the gateway's decisions something else.
        more: of the plan.
    """
    backend = Backend()
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    backend.port = server.sockets[0].getsockname()[1]
    world = World(f"http://127.0.0.1:{backend.port}")
    world.engine._kept = more.get("keeps", 0)
    door = ProxyDoor(world.engine, limits)
    own = DecisionDoor(world.engine, partial(read_certificate, CERTIFICATE)).answer
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.wait_closed)
        stack.callback(server.close)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tokenward-")))
        sock = unix(directory / "decisions")
        decisions = DecisionListener(answering(own) if answering is not None else own, sock, grace=0.1)
        end = await stack.enter_async_context(until_left(decisions, sock))
        sock = unix(directory / "gateway")
        header = CERTIFICATE.decode()
        listener = Listener(door, sock, websockets=True, grace=1, certificate_header=header)
        await stack.enter_async_context(until_left(listener, sock))
        plan = planned(world, directory, free(), limits, **more)
        stack.push_async_callback(door.close)
        stack.callback(backend.close)
        process = stack.enter_context(running(plan, directory))
        gateway = Gateway(world, backend, door, plan.listen.port)
        gateway.directory, gateway.process, gateway.plan = directory, process, plan
        gateway.listener, gateway.decisions_gone = decisions, end
        yield gateway
