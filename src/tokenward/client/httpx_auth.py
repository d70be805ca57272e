"""`httpx.Client(auth=HttpxAuth(source))`, and the same for `httpx.AsyncClient`."""

from collections.abc import AsyncGenerator, Generator, Iterable

import httpx

from tokenward.client.presenting import Call, Presenter
from tokenward.client.source import TokenSource
from tokenward.client.token import Token


class HttpxAuth(httpx.Auth):
    """Shows tokens to an API, and sends a request once more where a new token, nonce or clock will do.

    Args:
        source: where tokens come from.
        to: the APIs that may see them, by URL; by default the one that the source asks tokens for.

    Raises:
        ValueError: nobody said where they may go.
    """

    def __init__(self, source: TokenSource, *, to: Iterable[str] = ()) -> None:
        self._presenter = Presenter(source, to)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """What `httpx.Client` asks for.

        Raises:
            TokenError: there is no token, or the request goes where it may not be shown.
        """
        call = self._presenter.call(request.method, str(request.url))
        while True:
            token = self._presenter.source.token()
            request.headers.update(call.headers(token))
            response = yield request
            if not _again(call, token, request, response):
                return

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """What `httpx.AsyncClient` asks for.

        Raises:
            TokenError: as `sync_auth_flow`.
        """
        call = self._presenter.call(request.method, str(request.url))
        while True:
            token = await self._presenter.source.token_async()
            request.headers.update(call.headers(token))
            response = yield request
            if not _again(call, token, request, response):
                return


def _again(call: Call, token: Token, request: httpx.Request, response: httpx.Response) -> bool:
    wanted = call.again(token, str(response.url), response.status_code, response.headers)
    # A body that was a stream is gone.
    return wanted and isinstance(request.stream, httpx.ByteStream)
