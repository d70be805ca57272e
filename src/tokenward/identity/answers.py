"""What the routes of this room answer with: a page, a redirect, and a page for whatever was refused."""

import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from tokenward.base.asgi import Headers
from tokenward.base.problems import INVALID_INPUT, UNAVAILABLE, Refusal
from tokenward.identity.pages import Pages
from tokenward.store.port import StoreUnavailable

Endpoint = Callable[[Request], Awaitable[Response]]

_log = logging.getLogger(__name__)


class Answers:
    """Makes responses of pages."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    def page(self, status: int, body: bytes, headers: Headers = ()) -> Response:
        """A page with the headers that every page has."""
        response = Response(body, status)
        response.raw_headers += [*self.pages.headers, *headers]
        return response

    def refused(self, refusal: Refusal) -> Response:
        """The page that says what was refused, and the line in the log that says why."""
        log_refusal(refusal)
        return self.page(refusal.problem.status, self.pages.error(refusal.problem), retry_after(refusal))

    def answering(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, with a page for whatever it refuses."""

        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Refusal as refusal:
                return self.refused(refusal)
            except StoreUnavailable:
                return self.refused(Refusal(UNAVAILABLE, "the store does not answer", retry_after=1))

        return answer


def see_other(location: str, headers: Headers = ()) -> Response:
    """303, so that the browser does not send the password on (RFC 9700 §4.12)."""
    response = Response(status_code=303)
    response.raw_headers += [
        (b"location", location.encode("ascii")),
        (b"cache-control", b"no-store"),
        *headers,
    ]
    return response


def retry_after(refusal: Refusal) -> Headers:
    """The header that says when to try again, where there is a moment."""
    return () if refusal.retry_after is None else [(b"retry-after", str(refusal.retry_after).encode())]


def told(refusal: Refusal) -> str:
    """What a page says of a refusal: where input breaks a rule, which one, as a sentence."""
    if refusal.problem is not INVALID_INPUT:
        return refusal.problem.text
    return f"{refusal.detail[:1].upper()}{refusal.detail[1:]}."


def log_refusal(refusal: Refusal) -> None:
    """One line; a refusal's detail never holds what was typed."""
    _log.info("refused: %s (%s)", refusal.problem.code, refusal.detail)
