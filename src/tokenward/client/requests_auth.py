"""`requests.Session().auth = RequestsAuth(source)`. Whoever uses it has `requests`; nothing is imported."""

from collections.abc import Iterable
from typing import Any

from tokenward.client.presenting import Call, Presenter
from tokenward.client.token import Token
from tokenward.client.token_source import SignsIn, TokenSource


class RequestsAuth:
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

    def __call__(self, request: Any) -> Any:  # noqa: ANN401 - `requests` has no types of its own
        """What `requests` asks for, given a PreparedRequest.

        Raises:
            TokenError: there is no token, or the request goes where it may not be shown.
        """
        call = self._presenter.call(request.method, request.url)
        token = self._presenter.source.token()
        request.headers.update(call.headers(token))
        request.register_hook("response", _Repeat(self._presenter.source, call, token))
        return request


class _Repeat:
    """Sees each answer to one request, those after a redirect as well."""

    def __init__(self, source: TokenSource, call: Call, token: Token) -> None:
        self._source = source
        self._call = call
        self._token = token

    def __call__(self, response: Any, **options: Any) -> Any:  # noqa: ANN401 - the same
        body = response.request.body
        # `requests` takes all headers but `Authorization` along to wherever a redirect leads.
        response.request.headers.pop(self._token.header or "dpop", None)
        while body is None or isinstance(body, str | bytes):  # one that was a stream is gone
            url, status = response.url, response.status_code
            try:
                if not self._call.again(self._token, url, status, response.headers):
                    break
            except BaseException:
                response.close()
                raise
            _ = response.content  # all of it read, so that the connection is free
            response.close()
            again = response.request.copy()
            self._token = self._source.token()
            again.headers.update(self._call.headers(self._token))
            answer = response.connection.send(again, **options)
            answer.history.append(response)
            answer.request = again
            response = answer
        return response
