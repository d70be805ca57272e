"""`httpx.Client(auth=HttpxAuth(source))`, and the same for `httpx.AsyncClient`."""

from collections.abc import AsyncGenerator, Generator, Iterable

import httpx

from tokenward.client.presenting import Call, Presenter
from tokenward.client.token import Token
from tokenward.client.token_source import TokenSource


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
            _show(request, call, token)
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
            _show(request, call, token)
            response = yield request
            if not _again(call, token, request, response):
                return


class _Once(httpx.Headers):
    """Headers and one more, which is sent and no copy has.

    Where a redirect leads elsewhere, httpx copies all headers of the request but `Authorization`.
    """

    def __init__(self, headers: httpx.Headers, name: str, value: str) -> None:
        self._more = (name.encode(), value.encode())
        super().__init__(headers)
        self.pop(name, None)

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        return [*super().raw, self._more]


def _show(request: httpx.Request, call: Call, token: Token) -> None:
    shown = call.headers(token)
    if token.header:
        request.headers = _Once(request.headers, *shown[0])
    else:
        request.headers.update(shown)


def _again(call: Call, token: Token, request: httpx.Request, response: httpx.Response) -> bool:
    wanted = call.again(token, str(response.url), response.status_code, response.headers)
    # A body that was a stream is gone.
    return wanted and isinstance(request.stream, httpx.ByteStream)
