"""Who gets to a page of an account: its person, and to change factors only who has just shown all of them."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.problems import EXPIRED_FORM, Refusal
from tokenward.identity.answers import Act, Fields, Show, see_other
from tokenward.identity.continuing import ACCOUNT, UNSENT, safe_continue
from tokenward.identity.parts import Parts
from tokenward.identity.people import Person
from tokenward.identity.progress import PAGES
from tokenward.identity.steps import Aim, Step
from tokenward.store.people_records import User

FRESH = 5 * 60.0
"""Seconds for which a change of factors needs no new proof."""

FORM = "account"

_LIMIT = 64 * 1024

ShowTo = Callable[[Person, Fields, str], Awaitable[Response]]
"""As `Show`, to a person."""
ActFor = Callable[[Request, Person, Fields], Awaitable[Response]]
"""As `Act`, for a person."""


class AccountDoor:
    """Makes routes of account pages."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def showing(self, path: str, show: ShowTo, *, fresh: bool = False) -> Route:
        """A page."""
        return self._parts.answers.seen(path, self._to(path, show, fresh=fresh))

    def changing(self, path: str, act: ActFor, show: ShowTo, *, back: str, fresh: bool = True) -> Route:
        """Where a form of an account page goes; its page is `show`, at `back`."""

        async def changed(request: Request, fields: Fields) -> Response:
            person = await self._let_in(request, fresh=fresh)
            if person is None:
                return self._sign_in(back, fields, fresh=fresh, unsent=True)
            self._parts.forms.check_of_session(FORM, person, request.scope, fields)
            return await act(request, person, fields)

        return self.sent(path, changed, show, back=back, fresh=fresh)

    def sent(self, path: str, act: Act, show: ShowTo, *, back: str, fresh: bool = False) -> Route:
        """As `changing`, for an `act` that finds out itself who sends the form, and whether it is ours."""
        again = self._to(back, show, fresh=fresh, unsent=True)
        return self._parts.answers.sent(path, act, again, limit=_LIMIT)

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

    def page(self, body: bytes) -> Response:
        """A page."""
        return self._parts.answers.page(body)

    def _to(self, path: str, show: ShowTo, *, fresh: bool, unsent: bool = False) -> Show:
        async def shown(request: Request, fields: Fields, error: str) -> Response:
            person = await self._let_in(request, fresh=fresh)
            if person is None:
                return self._sign_in(path, fields, fresh=fresh, unsent=unsent)
            return await show(person, fields, error)

        return shown

    async def _let_in(self, request: Request, *, fresh: bool) -> Person | None:
        person = await self._parts.sessions.current(request.scope)
        return None if person is None or (fresh and not await self._is_fresh(person)) else person

    async def _is_fresh(self, person: Person) -> bool:
        aim = Aim(ACCOUNT, since=self._parts.clock.time() - FRESH)
        return await self._parts.progress.suffices(person, aim)

    def _sign_in(self, back: str, fields: Fields, *, fresh: bool, unsent: bool) -> Response:
        since = self._parts.clock.time() - FRESH / 2 if fresh else 0.0
        # On their way to a new factor, people take along where that leads; what is too long, they do without.
        back_on_the_way = f"{back}?{Aim.read(dict(fields)).query}" if "continue" in fields else back
        to = back_on_the_way if safe_continue(back_on_the_way) == back_on_the_way else back
        told = f"&{UNSENT}=1" if unsent else ""
        return see_other(f"{PAGES[Step.FIRST]}?{Aim(to, since=since).query}{told}")
