"""`httpx.Client(auth=HttpxAuth(source))`, and the same for `httpx.AsyncClient`."""

from collections.abc import AsyncGenerator, Generator, Iterable, Sequence

import httpx

from tokenward.client.presenting import Call, Presenter
from tokenward.client.token import Token
from tokenward.client.token_source import SignsIn, TokenSource


class HttpxAuth(httpx.Auth):
    """Shows tokens to an API, and sends a request once more where a new token, nonce or clock will do.

    Args:
        source: where tokens come from.
        to: the APIs that may see them, by URL; by default the one that the source asks tokens for.
        step_up: lets the person sign in better or anew where an API wants that (RFC 9470), such as
            `source.sign_in`; then the request is sent once more. By default the API's answer stays.

    Raises:
        ValueError: nobody said where they may go.
    """

    def __init__(
        self, source: TokenSource, *, to: Iterable[str] = (), step_up: SignsIn | None = None
    ) -> None:
        self._presenter = Presenter(source, to, step_up=step_up)

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
            if not call.again(token, *_told(response), repeatable=_is_there(request)):
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
            if not await call.again_async(token, *_told(response), repeatable=_is_there(request)):
                return


class _Once(httpx.Headers):
    """Headers and more, which are sent and no copy has.

    Where a redirect leads elsewhere, httpx copies all headers of the request but `Authorization`.
    """

    def __init__(self, headers: httpx.Headers, more: Sequence[tuple[str, str]]) -> None:
        self._more = [(name.encode(), value.encode()) for name, value in more]
        super().__init__(headers)
        for name, _ in more:
            self.pop(name, None)

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        return [*super().raw, *self._more]


def _show(request: httpx.Request, call: Call, token: Token) -> None:
    shown = call.headers(token)
    once = [each for each in shown if each[0] != "authorization"]
    if once:
        request.headers = _Once(request.headers, once)
    request.headers.update([each for each in shown if each not in once])


def _told(response: httpx.Response) -> tuple[str, int, httpx.Headers]:
    return str(response.url), response.status_code, response.headers


def _is_there(request: httpx.Request) -> bool:
    """Whether all of it can be sent again: a body that was a stream is gone."""
    return isinstance(request.stream, httpx.ByteStream)
