"""Asking upstreams whether they work, as their pool says, on connections of their own.

A connection from the pool that requests use would tell how busy the gateway is, not how the upstream is.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Never

import aiohttp
from yarl import URL

from tokenward.gateway.doors.balancer import Balancer, Member
from tokenward.gateway.upstreams import HealthCheck, Pool

TURNS = 2
"""So many results in a row that differ from what is known change it; the very first counts at once."""

_log = logging.getLogger("tokenward.gateway.upstream")


async def watch(balancer: Balancer, pools: Callable[[], Iterable[Pool]]) -> Never:
    """Check the upstreams of whichever pools are in force, until cancelled.

    Args:
        balancer: is told the results, and forgets pools that are not in force.
        pools: those in force; asked once a second, so that a new policy is followed.
    """
    checks: dict[Member, asyncio.Task[None]] = {}
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    ) as session:
        try:
            while True:
                known = list(pools())
                balancer.keep_only(known)
                wanted = {
                    member: pool.health
                    for pool in known
                    if pool.health is not None
                    for member in balancer.members(pool)
                }
                for gone in checks.keys() - wanted.keys():
                    checks.pop(gone).cancel()
                for member in wanted.keys() - checks.keys():
                    checks[member] = asyncio.create_task(_follow(session, member, wanted[member]))
                await asyncio.sleep(1.0)
        finally:
            for check in checks.values():
                check.cancel()
            await asyncio.gather(*checks.values(), return_exceptions=True)


async def _follow(session: aiohttp.ClientSession, member: Member, health: HealthCheck) -> None:
    against = TURNS - 1
    while True:
        works = await _works(session, member.address + health.path, health.timeout)
        against = against + 1 if works is member.down else 0
        if against >= TURNS:
            member.down = not works
            against = 0
            _log.warning("upstream=%s is %s by its health check", member.address, "up" if works else "down")
        await asyncio.sleep(health.interval)


async def _works(session: aiohttp.ClientSession, url: str, seconds: float) -> bool:
    try:
        async with (
            asyncio.timeout(seconds),
            session.get(URL(url, encoded=True), allow_redirects=False) as response,
        ):
            return 200 <= response.status < 300
    except (aiohttp.ClientError, OSError, ValueError):  # TimeoutError is an OSError
        return False
