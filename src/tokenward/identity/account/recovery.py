"""`/account/recovery-codes`: ten codes for the day on which every other second factor is lost."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.identity.account.door import AccountDoor
from tokenward.identity.answers import Fields, see_other
from tokenward.identity.parts import Parts
from tokenward.identity.people import Person
from tokenward.identity.progress import PAGES
from tokenward.identity.steps import Aim, Step, has_second
from tokenward.store.people_port import Factors

PATH = "/account/recovery-codes"


class RecoveryPage:
    """Makes recovery codes, which are shown once. New ones replace all before."""

    def __init__(self, parts: Parts, door: AccountDoor) -> None:
        self._parts = parts
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """What to mount."""
        return [
            self._door.showing(PATH, self._page, fresh=True),
            self._door.changing(f"{PATH}/make", self._make, self._page, back=PATH),
        ]

    async def _make(self, request: Request, person: Person, form: Fields) -> Response:
        aim = Aim.read(form)
        if not await self._has_second(person):
            return _to_second_factor(aim)
        codes = await self._parts.factors.new_recovery_codes(person.user_id)
        user = await self._door.user(person)
        self._parts.told.of(request.scope, user, "recovery_made")
        return await self._shown(person, aim, codes=[code.reveal() for code in codes])

    async def _has_second(self, person: Person) -> bool:
        """Whether there is something whose loss they would be for; the last one takes them along."""
        return has_second(await self._parts.store.has_factors(person.user_id))

    async def _page(self, person: Person, fields: Fields, error: str) -> Response:
        aim = Aim.read(fields)
        if not await self._has_second(person):
            return _to_second_factor(aim)
        return await self._shown(person, aim, error=error)

    async def _shown(
        self, person: Person, aim: Aim, *, codes: Sequence[str] = (), error: str = ""
    ) -> Response:
        body = self._parts.pages.recovery(
            aim=aim,
            field=self._door.field(person),
            left=await self._parts.store.recovery_codes_left(person.user_id),
            codes=codes,
            error=error,
        )
        return self._door.page(body)


def _to_second_factor(aim: Aim) -> Response:
    return see_other(f"{PAGES[Step.ENROL]}?{aim.query}")


async def after_enrolment(store: Factors, user_id: str, aim: Aim) -> str:
    """Where a person goes on who has one more factor: past the recovery codes, if they have none yet.

    Raises:
        StoreUnavailable: nobody can know.
    """
    return aim.continue_to if await store.recovery_codes_left(user_id) else f"{PATH}?{aim.query}"
