"""`/account/second-factor`: for who needs one more factor than they have."""

from starlette.responses import Response
from starlette.routing import Route

from tokenward.identity.account.door import AccountDoor
from tokenward.identity.answers import Fields
from tokenward.identity.parts import Parts
from tokenward.identity.people import Person
from tokenward.identity.progress import PAGES
from tokenward.identity.steps import Aim, Step


class SecondFactorPage:
    """Says what is needed and which ways there are; each of them leads on to where the person wanted to go.

    Whoever wants none goes on, too: what asked for it is told what was reached, and decides.
    """

    def __init__(self, parts: Parts, door: AccountDoor) -> None:
        self._parts = parts
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """What to mount."""
        return [self._door.showing(PAGES[Step.ENROL], self._show)]

    async def _show(self, _person: Person, fields: Fields, _error: str) -> Response:
        aim = Aim.read(fields)
        body = self._parts.pages.second_factor(
            aim=aim,
            passkeys=self._parts.party is not None,
            app=aim.level != "phishing-resistant",
            passwords=self._parts.password_sign_in,
        )
        return self._door.page(body)
