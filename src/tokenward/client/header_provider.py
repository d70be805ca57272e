"""The headers themselves, for whatever sends requests in some other way: gRPC, a WebSocket, a subprocess."""

from collections.abc import Iterable

from tokenward.client.presenting import Presenter
from tokenward.client.token_source import TokenSource


class HeaderProvider:
    """Gives the headers of one request. Each answer of 401 is for the caller: `source.reject(token)`.

    Args:
        source: where tokens come from.
        to: the APIs that may see them, by URL; by default the one that the source asks tokens for.

    Raises:
        ValueError: nobody said where they may go.
    """

    def __init__(self, source: TokenSource, *, to: Iterable[str] = ()) -> None:
        self._presenter = Presenter(source, to)

    def headers(self, method: str, url: str) -> dict[str, str]:
        """`authorization`, and `dpop` where tokens are bound; good for one sending.

        Raises:
            TokenError: there is no token, or the URL is one to which it may not be shown.
        """
        call = self._presenter.call(method, url)
        return dict(call.headers(self._presenter.source.token()))

    async def headers_async(self, method: str, url: str) -> dict[str, str]:
        """As `headers`, without blocking the event loop.

        Raises:
            TokenError: as `headers`.
        """
        call = self._presenter.call(method, url)
        return dict(call.headers(await self._presenter.source.token_async()))
