"""`aiohttp.ClientSession(middlewares=[AiohttpAuth(source)])`."""

from collections.abc import Iterable

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.payload import BytesPayload, StringPayload

from tokenward.client.presenting import Presenter
from tokenward.client.token_source import SignsIn, TokenSource


class AiohttpAuth:
    """Shows tokens to an API, and sends a request once more where a new token, nonce or clock will do.

    A middleware sees a session's redirects one by one: one that leads elsewhere is refused.

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

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """What aiohttp asks for.

        Raises:
            TokenError: there is no token, or the request goes where it may not be shown.
        """
        call = self._presenter.call(request.method, str(request.url))
        # A body that is a stream can be sent once.
        again = isinstance(request.body, bytes | BytesPayload | StringPayload)
        while True:
            token = await self._presenter.source.token_async()
            request.headers.update(call.headers(token))
            response = await handler(request)
            url, status = str(request.url), response.status
            try:
                if not again or not await call.again_async(token, url, status, response.headers):
                    return response
            except BaseException:
                response.release()
                raise
            response.release()
