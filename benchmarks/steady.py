"""Latency at a rate that a server can bear: requests are sent when they are due, whether answers came or not.

`wrk` waits for an answer before it asks again, so that a server which stands still is asked less, and looks
better than it is. Here a late answer counts from the moment when its request was due.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvloop

CONNECTIONS = 32
SHARE = 0.8  # of the rate at which the gateway is busy all the time


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds."""

    p50: float
    p99: float
    p999: float


def percentiles(milliseconds: Sequence[float]) -> Latencies:
    """Of latencies in any order."""
    ordered = sorted(milliseconds)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99, 0.999)]
    return Latencies(*at)


def measure(url: str, tokens: Sequence[str], *, rate: float, seconds: float) -> Latencies:
    """GET `url` so many times a second, with the tokens in turn.

    Raises:
        RuntimeError: an answer was no 200.
    """
    return percentiles(uvloop.run(_load(url, tokens, rate, seconds)))


async def _load(url: str, tokens: Sequence[str], rate: float, seconds: float) -> list[float]:
    place = urlsplit(url)
    heads = [
        f"GET {place.path} HTTP/1.1\r\nhost: {place.netloc}\r\nauthorization: Bearer {token}\r\n\r\n".encode()
        for token in tokens
    ]
    due: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
    latencies: list[float] = []
    callers = [
        asyncio.create_task(_call(place.hostname or "", place.port or 80, due, latencies))
        for _ in range(CONNECTIONS)
    ]
    started = time.perf_counter()
    for number in range(int(rate * seconds)):
        moment = started + number / rate
        if (wait := moment - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        due.put_nowait((moment, heads[number % len(heads)]))
    for _ in callers:
        due.put_nowait(None)
    await asyncio.gather(*callers)
    return latencies[len(latencies) // 10 :]  # the first ones warm up


async def _call(
    host: str, port: int, due: "asyncio.Queue[tuple[float, bytes] | None]", latencies: list[float]
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while (each := await due.get()) is not None:
        moment, head = each
        writer.write(head)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{host}:{port} answered {answer[:40]!r}")
        length = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        latencies.append((time.perf_counter() - moment) * 1000)
    writer.close()
