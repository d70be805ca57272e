"""Real sockets: a backend that records raw bytes, the door under uvicorn, and a raw client."""

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager

import uvicorn

from gateway.world import World
from tokenward.gateway.doors.limits import Limits
from tokenward.gateway.doors.proxy import ProxyDoor

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Backend:
    """Records what arrives byte by byte and answers by `answer(reader, writer)`, or with a plain 200."""

    def __init__(self):
        self.heads = []
        self.bodies = []
        self.closed = asyncio.Event()
        self.answer = None
        self.port = 0
        self.connections = 0
        self._writers = set()

    @property
    def requests(self):
        return len(self.heads)

    async def serve(self, reader, writer):
        self._writers.add(writer)
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                if self.answer is not None:
                    await self.answer(reader, writer)
                else:
                    self.bodies.append(await self.body(reader))
                    writer.write(OK.removesuffix(b"ok") if self.heads[-1].startswith(b"HEAD") else OK)
                    await writer.drain()
        self.closed.set()
        self._writers.discard(writer)
        writer.close()

    async def body(self, reader):
        head = self.heads[-1].lower()
        if b"transfer-encoding: chunked" in head:
            body = b""
            while size := int((await reader.readline()).split(b";")[0], 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readline()
            return body
        if b"content-length: " in head:
            return await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        return b""

    def headers(self, index=-1):
        lines = self.heads[index].decode("latin-1").split("\r\n")[1:-2]
        return [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]

    def header(self, name, index=-1):
        return [value for key, value in self.headers(index) if key == name]

    def close(self):
        for writer in self._writers:
            writer.close()


def _listener():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


class Gateway:
    """The door on a port, with the world that it decides by."""

    def __init__(self, world, backend, door, port):
        self.world = world
        self.door = door
        self.backend = backend
        self.port = port

    async def open(self):
        return await asyncio.open_connection("127.0.0.1", self.port)

    def raw(self, path="/bank/accounts/7", method="GET", headers=None, query="", body=b"", token="reader"):
        if headers is None:
            headers = [("authorization", "Bearer {" + token + "}")] if token else []
        lines = [f"{method} {path}{'?' + query if query else ''} HTTP/1.1"]
        if "host" not in dict(headers):
            lines.append("host: api.example")
        lines += [f"{name}: {value}" for name, value in headers]
        return self.world.fill("\r\n".join([*lines, "", ""]), method, path) + body

    async def send(self, raw):
        """One request on a connection of its own: status, headers (lower case), body."""
        reader, writer = await self.open()
        try:
            writer.write(raw)
            return await answer(reader, head_only=raw.startswith(b"HEAD "))
        finally:
            writer.close()

    async def ask(self, *args, **kwargs):
        return await self.send(self.raw(*args, **kwargs))


async def answer(reader, *, head_only=False):
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in head[1:-2])]
    told = dict(headers)
    body = b""
    if not head_only and status not in {204, 304}:
        if told.get("transfer-encoding") == "chunked":
            while size := int(await reader.readline(), 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readline()
        else:
            body = await reader.readexactly(int(told.get("content-length", 0)))
    return status, headers, body


@asynccontextmanager
async def gateway(**limits):
    backend = Backend()
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    backend.port = server.sockets[0].getsockname()[1]
    world = World(f"http://127.0.0.1:{backend.port}")
    door = ProxyDoor(world.engine, Limits(**limits))
    try:
        async with served(door, then=backend.close) as port:
            yield Gateway(world, backend, door, port)
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def served(app, then=lambda: None, lifespan="on"):
    """The port at which uvicorn serves the application; `then` is called before it is stopped."""
    listener = _listener()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan=lifespan,
        timeout_graceful_shutdown=1,
    )
    front = uvicorn.Server(config)
    front.capture_signals = contextlib.nullcontext
    running = asyncio.create_task(front.serve(sockets=[listener]))
    while not front.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.005)
    try:
        yield listener.getsockname()[1]
    finally:
        then()
        front.should_exit = True
        await running
        listener.close()


def through(scenario, **limits):
    """Run `scenario(gateway)` against a fresh one."""

    async def run():
        async with gateway(**limits) as running:
            await asyncio.wait_for(scenario(running), 20)

    asyncio.run(run())
