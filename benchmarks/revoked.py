"""How long a revoked token is still good at the gateway, while others load it."""

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx
from load import Request, Target, load
from servers import Ours

AT_ONCE, POLL = 4, 0.005
"""Revocations under way, and seconds between two calls with a token that was revoked."""

KEPT_AT_ONCE, KEPT_POLL = 16, 0.02
"""The same where decisions are kept, so that each takes its second."""
PROMISE = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Felt:
    """Milliseconds from the answer of /revoke to the sending of the first call that is refused, of each; and
    the load meanwhile. How long that call then takes is no part of it."""

    milliseconds: tuple[float, ...]
    rate: float


def measure(ours: Ours, path: str, *, count: int, kept: bool = False) -> Felt:
    """Revoke so many tokens that the gateway knows; `kept`, an engine in front may keep decisions on them."""
    at_once, poll = (KEPT_AT_ONCE, KEPT_POLL) if kept else (AT_ONCE, POLL)
    stop, rates = threading.Event(), []
    others = [Request(authorization=f"Bearer {token}") for token in ours.issuer.mint("tokens", 200)]
    target = Target(ours.gateway + path, lambda: others)

    def keep_busy() -> None:
        while not stop.is_set():
            rates.append(load(target, connections=16, seconds=2).rate)

    loading = threading.Thread(target=keep_busy)
    doomed = ours.issuer.mint("tokens", count)
    loading.start()
    try:
        felt = asyncio.run(_revoke_all(ours, ours.gateway + path, doomed, at_once, poll))
    finally:
        stop.set()
        loading.join()
    return Felt(tuple(felt), sum(rates) / len(rates))


async def _revoke_all(ours: Ours, url: str, tokens: Sequence[str], at_once: int, poll: float) -> list[float]:
    felt: list[float] = []
    waiting = list(tokens)

    async def line(http: httpx.AsyncClient) -> None:
        while waiting:
            felt.append(await _revoke(http, ours, url, waiting.pop(), poll))

    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        await asyncio.gather(*(line(http) for _ in range(at_once)))
    return felt


async def _revoke(http: httpx.AsyncClient, ours: Ours, url: str, token: str, poll: float) -> float:
    shown = {"Authorization": f"Bearer {token}"}
    for _ in range(2):  # known from the first call on
        if (await http.get(url, headers=shown)).status_code != 200:
            raise RuntimeError("a good token was refused")
    headers = {"Authorization": ours.issuer.basic, "Content-Type": "application/x-www-form-urlencoded"}
    answer = await http.post(
        f"{ours.issuer.url}/revoke", headers=headers, content=urlencode({"token": token})
    )
    answer.raise_for_status()
    sent = revoked = time.perf_counter()
    while (await http.get(url, headers=shown)).status_code == 200:
        await asyncio.sleep(poll)
        sent = time.perf_counter()
    return (sent - revoked) * 1000
