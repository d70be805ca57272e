"""`/account/password`: another password, for who has just shown who they are."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.problems import EXPIRED_FORM, Refusal
from tokenward.identity.account.door import AccountDoor
from tokenward.identity.answers import Fields
from tokenward.identity.continuing import ACCOUNT
from tokenward.identity.parts import Parts
from tokenward.identity.people import Person
from tokenward.identity.signin import PASSWORD

PATH = "/account/password"


class PasswordPage:
    """Sets another password, and ends every other session with it."""

    def __init__(self, parts: Parts, door: AccountDoor) -> None:
        self._parts = parts
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """What to mount."""
        return [
            self._door.showing(PATH, self._page, fresh=True),
            self._door.changing(f"{PATH}/change", self._change, self._page, back=PATH),
        ]

    async def _change(self, request: Request, person: Person, form: Fields) -> Response:
        password_hash = await self._parts.chosen_password(form, person.username)
        if not await self._parts.store.change_password(
            person.user_id, password_hash, at=self._parts.clock.time(), keep_session=person.session_id
        ):
            raise Refusal(EXPIRED_FORM, f"user_id={person.user_id} is gone")
        user = await self._door.user(person)
        self._parts.told.of(request.scope, user, "password_changed")
        # Their own session gets another token, too: a thief may have this one.
        return await self._parts.progress.enrolled(request.scope, user, PASSWORD, ACCOUNT)

    async def _page(self, person: Person, _fields: Fields, error: str) -> Response:
        pages = self._parts.pages
        return self._door.page(
            pages.password(username=person.username, field=self._door.field(person), error=error)
        )
