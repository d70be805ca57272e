"""The connections to upstreams: kept open between requests, and none used whose next answer is in doubt."""

import aiohttp
from aiohttp.client import ClientTimeout
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

_NEVER_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Unreachable(aiohttp.ClientConnectionError):
    """No connection could be made. That too many are in use already is something else."""


class _Connector(aiohttp.TCPConnector):
    """Connections on which an upstream spoke unasked are not used again.

    What it sent late (a body after 204, a second answer) would be taken for the answer to the next request,
    which is somebody else's. aiohttp looks for that when a connection is put back, not when it is taken out.
    """

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's name, and no number of seconds
    ) -> ResponseHandler:
        try:
            return await super()._create_connection(req, traces, timeout)
        except (aiohttp.ClientConnectorError, TimeoutError) as fault:
            raise Unreachable(f"not reached: {type(fault).__name__}") from None

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is not None and not connection.protocol.should_close:
                break
            connection.close()
        return connection


def connections(*, timeout: ClientTimeout, most: int) -> aiohttp.ClientSession:
    """A pool of connections. It belongs to the running loop, and sends exactly the headers that it is given.

    Args:
        timeout: of requests that say nothing else.
        most: connections to one upstream.
    """
    session = aiohttp.ClientSession(
        # Below the 5 s after which common servers drop idle connections, so that we let go first.
        connector=_Connector(limit=0, limit_per_host=most, keepalive_timeout=4),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_NEVER_ADDED,
        auto_decompress=False,
        trust_env=False,
        timeout=timeout,
    )
    session._retry_connection = False  # noqa: SLF001 - a request is tried again by our rules, or not at all
    return session
