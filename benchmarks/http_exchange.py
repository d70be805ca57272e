"""HTTP/1.1 by hand, one exchange at a time: what a client costs must not be what is measured."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, header fields with names in lower case, and body."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes


def written(method: str, path: str, headers: Mapping[str, str], body: str = "") -> bytes:
    """A request; a body is a form."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *(f"{k}: {v}" for k, v in headers.items())]
    if body:
        lines += ["content-type: application/x-www-form-urlencoded", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", body]).encode()


async def exchange(connection: Connection, request: bytes) -> Answer:
    """Send it, and read the answer, which must have a Content-Length."""
    reader, writer = connection
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = tuple(
        (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:-2])
    )
    body = await reader.readexactly(int(dict(fields).get("content-length", "0")))
    return Answer(int(head[0].split()[1]), fields, body)
