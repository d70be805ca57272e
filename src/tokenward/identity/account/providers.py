"""`/account/providers`: accounts at identity providers, each a way into this one, to link and to unlink."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.problems import EXPIRED_FORM, INVALID_INPUT, Refusal
from tokenward.identity.account.door import AccountDoor
from tokenward.identity.account_view import LinkedAccount
from tokenward.identity.answers import Fields, see_other
from tokenward.identity.parts import Parts
from tokenward.identity.people import Person
from tokenward.identity.upstream_step import UpstreamStep
from tokenward.store.people_records import User

PATH = "/account/providers"


class ProvidersPage:
    """A person's accounts elsewhere.

    Args:
        parts: the room's.
        door: of the account.
        steps: the way to each provider, by its name.
    """

    def __init__(self, parts: Parts, door: AccountDoor, steps: Mapping[str, UpstreamStep]) -> None:
        self._parts = parts
        self._door = door
        self._steps = steps

    @property
    def routes(self) -> list[Route]:
        """What to mount."""
        return [
            self._door.showing(PATH, self._page, fresh=True),
            self._door.changing(f"{PATH}/link", self._link, self._page, back=PATH),
            self._door.changing(f"{PATH}/unlink", self._unlink, self._page, back=PATH),
        ]

    async def _link(self, request: Request, person: Person, form: Fields) -> Response:
        step = self._steps.get(form.get("provider", ""))
        return await step.link(request.scope, person, PATH) if step is not None else see_other(PATH)

    async def _unlink(self, request: Request, person: Person, form: Fields) -> Response:
        named = (form.get("provider", ""), form.get("subject", ""))
        mine = {(it.name, it.subject): it for it in await self._parts.accounts_of(person.user_id)}
        account = mine.get(named)
        if account is None:
            return see_other(PATH)
        user = await self._unlinked(person, account)
        self._parts.told.of(request.scope, user, "upstream_removed", account.label)
        return see_other(PATH)

    async def _unlinked(self, person: Person, account: LinkedAccount) -> User:
        """The person, without the account.

        Raises:
            Refusal: INVALID_INPUT, it is their last way in, or says what they can allow; EXPIRED_FORM, how
                they sign in was changed meanwhile.
            StoreUnavailable: it may be unlinked.
        """
        user = await self._door.user(person)  # first: what is found below holds for this version of them
        provider = next((it for it in self._parts.upstreams.providers if it.name == account.name), None)
        if provider is not None:  # otherwise it signs nobody in any more
            if provider.groups is not None:
                raise Refusal(
                    INVALID_INPUT,
                    "your groups there say what you can allow; the people who run this service can unlink it",
                )
            await self._parts.check_other_way_in(person.user_id)
        if not await self._parts.store.remove_upstream_link(
            account.name, account.subject, version=user.version
        ):
            raise Refusal(EXPIRED_FORM, f"user_id={person.user_id}: changed meanwhile")
        return user

    async def _page(self, person: Person, _fields: Fields, error: str) -> Response:
        linked = await self._parts.accounts_of(person.user_id)
        names = {each.name for each in linked}
        body = self._parts.pages.providers(
            field=self._door.field(person),
            linked=linked,
            others=[each for each in self._parts.upstreams.providers if each.name not in names],
            error=error,
        )
        return self._door.page(body)
