"""The connections to upstreams: kept open between requests, and none used whose next answer is in doubt."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial

import aiohttp
from aiohttp import StreamReader
from aiohttp.client import ClientTimeout
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.tracing import Trace
from aiohttp.typedefs import LooseHeaders
from yarl import URL

_NEVER_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Unreachable(aiohttp.ClientConnectionError):
    """No connection could be made. That too many are in use already is something else."""


MOST_INTERIM = 16
"""Interim answers (1xx) before the final one: an upstream that sends nothing else is never silent."""


class _Request(ClientRequest):
    """A request with exactly the headers that it is given, and Host and framing."""

    def update_headers(self, headers: LooseHeaders | None) -> None:
        """Set Host, and then what is given, at once instead of one by one."""
        super().update_headers(None)
        if headers:
            self.headers.extend(headers)

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """Add none. aiohttp would find that out for each request anew, from three copies of the headers."""
        self._skip_auto_headers = skip_auto_headers  # type: ignore[assignment]  # all it is asked: is it there?


class _Upstream(ResponseHandler):
    """One connection to an upstream, whose interim answers are counted. aiohttp takes any number of them."""

    _interim = 0

    async def read(self) -> tuple[RawResponseMessage, StreamReader]:
        """The next head."""
        message, payload = await super().read()
        self._interim = self._interim + 1 if 100 <= message.code < 200 else 0
        if self._interim > MOST_INTERIM:
            raise aiohttp.ClientPayloadError("interim answers without end")
        return message, payload


class _Connector(aiohttp.TCPConnector):
    """Connections on which an upstream spoke unasked are not used again.

    What it sent late (a body after 204, a second answer) would be taken for the answer to the next request,
    which is somebody else's. aiohttp looks for that when a connection is put back, not when it is taken out.
    """

    def __init__(self, most: int) -> None:
        # Below the 5 s after which common servers drop idle connections, so that we let go first.
        super().__init__(limit=0, limit_per_host=most, keepalive_timeout=4)
        self._factory = partial(_Upstream, loop=self._loop)  # type: ignore[assignment]  # a subclass

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
        connector=_Connector(most),
        cookie_jar=aiohttp.DummyCookieJar(),
        request_class=_Request,
        skip_auto_headers=_NEVER_ADDED,
        auto_decompress=False,
        trust_env=False,
        timeout=timeout,
    )
    session._retry_connection = False  # noqa: SLF001 - a request is tried again by our rules, or not at all
    return session


async def begin(
    session: aiohttp.ClientSession,
    method: str,
    url: URL,
    *,
    headers: Sequence[tuple[str, str]],
    body: AsyncIterator[bytes] | None,
    timeout: ClientTimeout,  # noqa: ASYNC109 - as above
) -> aiohttp.ClientResponse:
    """Send a request; the head of its answer.

    It is `session.request` without what that does for others: redirects, cookies, authentication, proxies,
    hooks. A proxy wants none of these, and looking for them took 8 µs of every call.

    Args:
        session: as `connections` gives it.
        method: of the request.
        url: where to, complete and encoded.
        headers: all but Host and framing.
        body: streamed, if there is one.
        timeout: without a `total`, which nobody watches here.

    Raises:
        Unreachable: nothing was sent.
        aiohttp.ClientError, OSError, ValueError: no good answer came. TimeoutError is among them.
    """
    request = _Request(
        method,
        url,
        headers=headers,
        skip_auto_headers=_NEVER_ADDED,
        data=body,
        loop=asyncio.get_running_loop(),
        session=session,
    )
    connector = session.connector
    if connector is None:
        raise aiohttp.ClientConnectionError("the connections are closed")
    connection = await connector.connect(request, [], timeout)
    protocol = connection.protocol
    if protocol is None:
        raise aiohttp.ClientConnectionError("the connection is closed")
    try:
        protocol.set_response_params(
            skip_payload=method == "HEAD",
            read_until_eof=True,  # RFC 9112 §6.3 (8)
            auto_decompress=False,
            read_timeout=timeout.sock_read,
        )
        response = await request.send(connection)
        try:
            return await response.start(connection)
        except BaseException:
            response.close()
            raise
    except BaseException as fault:
        connection.close()
        if isinstance(fault, OSError) and not isinstance(fault, (aiohttp.ClientError, TimeoutError)):
            raise aiohttp.ClientOSError(*fault.args) from fault
        raise
