"""Who gets to a page of an account: its person, and to change factors only who has just shown all of them."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.asgi import Headers
from tokenward.base.forms import parse_form, read_form
from tokenward.base.problems import EXPIRED_FORM, Refusal
from tokenward.identity.answers import see_other
from tokenward.identity.continuing import ACCOUNT, safe_continue
from tokenward.identity.parts import Parts
from tokenward.identity.people import Person
from tokenward.identity.progress import PAGES
from tokenward.identity.steps import Aim, Step
from tokenward.store.people_records import User

FRESH = 5 * 60.0
"""Seconds for which a change of factors needs no new proof."""

FORM = "account"

_LIMIT = 64 * 1024

Show = Callable[[Request, Person], Awaitable[Response]]
Change = Callable[[Request, Person, Mapping[str, str]], Awaitable[Response]]


class AccountDoor:
    """Makes routes of account pages."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def showing(self, path: str, show: Show, *, fresh: bool = False) -> Route:
        """A page."""

        async def endpoint(request: Request) -> Response:
            person = await self._parts.sessions.current(request.scope)
            if person is None or (fresh and not await self._is_fresh(person)):
                return self._sign_in(path, parse_form(request.scope["query_string"]), fresh=fresh)
            return await show(request, person)

        return Route(path, self._parts.answers.answering(endpoint), methods=["GET"])

    def changing(self, path: str, change: Change, *, back: str, fresh: bool = True) -> Route:
        """Where a form of an account page goes; `back` is the page, for who has to show something first."""

        async def endpoint(request: Request) -> Response:
            self._parts.forms.check_origin(request.scope)
            form = await read_form(request.scope, request.receive, limit=_LIMIT)
            person = await self._parts.sessions.current(request.scope)
            if person is None or (fresh and not await self._is_fresh(person)):
                return self._sign_in(back, form, fresh=fresh)
            self._parts.forms.check_of_session(FORM, person, request.scope, form)
            return await change(request, person, form)

        return Route(path, self._parts.answers.answering(endpoint), methods=["POST"])

    def field(self, person: Person, form: str = FORM) -> str:
        """The hidden field of the forms on this person's pages."""
        return self._parts.forms.of_session(form, person)

    async def user(self, person: Person) -> User:
        """The person's record.

        Raises:
            Refusal: EXPIRED_FORM, it is gone.
        """
        user = await self._parts.store.user(person.user_id)
        if user is None:
            raise Refusal(EXPIRED_FORM, f"user_id={person.user_id} is gone")
        return user

    def page(self, body: bytes, status: int = 200, headers: Headers = ()) -> Response:
        """A page."""
        return self._parts.answers.page(status, body, headers)

    async def _is_fresh(self, person: Person) -> bool:
        aim = Aim(ACCOUNT, since=self._parts.clock.time() - FRESH)
        return await self._parts.progress.suffices(person, aim)

    def _sign_in(self, back: str, fields: Mapping[str, str], *, fresh: bool) -> Response:
        since = self._parts.clock.time() - FRESH / 2 if fresh else 0.0
        # On their way to a new factor, people take along where that leads; what is too long, they do without.
        back_on_the_way = f"{back}?{Aim.read(dict(fields)).query}" if "continue" in fields else back
        to = back_on_the_way if safe_continue(back_on_the_way) == back_on_the_way else back
        return see_other(f"{PAGES[Step.FIRST]}?{Aim(to, since=since).query}")
