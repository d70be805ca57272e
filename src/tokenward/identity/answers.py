"""What the routes of this room answer with: a page, a redirect, and a page for whatever was refused."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.asgi import Headers
from tokenward.base.forms import FORM_LIMIT, parse_form, take_form
from tokenward.base.problems import INVALID_INPUT, UNAVAILABLE, Refusal
from tokenward.identity.forms import BoundForms
from tokenward.identity.pages import Pages
from tokenward.store.port import StoreUnavailable

Endpoint = Callable[[Request], Awaitable[Response]]
Fields = Mapping[str, str]
Act = Callable[[Request, Fields], Awaitable[Response]]
"""Does what a form is for, or refuses it and has done nothing."""
Show = Callable[[Request, Fields, str], Awaitable[Response]]
"""The page of a form, freshly made, of what the address or the form held, and what was wrong with that."""

_log = logging.getLogger(__name__)


class Answers:
    """Makes responses of pages.

    Args:
        pages: HTML.
        forms: knows which are ours.
    """

    def __init__(self, pages: Pages, forms: BoundForms) -> None:
        self.pages = pages
        self._forms = forms

    def page(self, body: bytes, headers: Headers = ()) -> Response:
        """A page with the headers that every page has."""
        response = Response(body)
        response.raw_headers += [*self.pages.headers, *headers]
        return response

    def refused(self, refusal: Refusal) -> Response:
        """The page that says what was refused, and the line in the log that says why."""
        log_refusal(refusal)
        return _with(refusal, self.page(self.pages.error(refusal.problem)))

    def seen(self, path: str, show: Show) -> Route:
        """A page without a form that leads back to its own address."""
        return Route(path, self.answering(self._seeing(show)), methods=["GET"])

    def sent(self, path: str, act: Act, again: Show, *, limit: int = FORM_LIMIT) -> Route:
        """Where a form goes, of at most `limit` bytes; whatever is refused of it, its page comes again.

        Only what another site sent is none of that: it gets no page of ours that could set a cookie.
        """
        return Route(path, self.answering(self._taking(act, again, limit)), methods=["POST"])

    def seen_and_sent(
        self, path: str, show: Show, act: Act, *, again: Show | None = None, limit: int = FORM_LIMIT
    ) -> Route:
        """Both in one: a page whose form goes to its own address; `again` where that is another page."""
        see, take = self._seeing(show), self._taking(act, again or show, limit)

        async def either(request: Request) -> Response:
            return await (take if request.method == "POST" else see)(request)

        return Route(path, self.answering(either), methods=["GET", "POST"])

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

    def _seeing(self, show: Show) -> Endpoint:
        async def see(request: Request) -> Response:
            return await show(request, parse_form(request.scope["query_string"]), "")

        return see

    def _taking(self, act: Act, again: Show, limit: int) -> Endpoint:
        async def take(request: Request) -> Response:
            self._forms.check_origin(request.scope)
            fields, refusal = await take_form(request.scope, request.receive, limit=limit)
            if refusal is None:
                try:
                    return await act(request, fields)
                except Refusal as refused:
                    refusal = refused
            log_refusal(refusal)
            response = await again(request, fields, told(refusal))
            # Who may no longer see the page is on the way to where they may.
            return response if response.status_code == 303 else _with(refusal, response)

        return take


def see_other(location: str, headers: Headers = ()) -> Response:
    """303, so that the browser does not send the password on (RFC 9700 §4.12)."""
    response = Response(status_code=303)
    response.raw_headers += [
        (b"location", location.encode("ascii")),
        (b"cache-control", b"no-store"),
        *headers,
    ]
    return response


def told(refusal: Refusal) -> str:
    """What a page says of a refusal: where input breaks a rule, which one, as a sentence."""
    if refusal.problem is not INVALID_INPUT:
        return refusal.problem.text
    return f"{refusal.detail[:1].upper()}{refusal.detail[1:]}."


def log_refusal(refusal: Refusal) -> None:
    """One line; a refusal's detail never holds what was typed."""
    _log.info("refused: %s (%s)", refusal.problem.code, refusal.detail)


def _with(refusal: Refusal, response: Response) -> Response:
    """The response with a refusal's status, and with the moment to try again where there is one."""
    response.status_code = refusal.problem.status
    if refusal.retry_after is not None:
        response.raw_headers.append((b"retry-after", str(refusal.retry_after).encode()))
    return response
