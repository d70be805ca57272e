"""`/account`: how a person signs in, where they are signed in, and what acts for them."""

import asyncio
import logging
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.identity.account.door import AccountDoor
from tokenward.identity.account_view import AccountView, Allowed, Api, Application, Key
from tokenward.identity.answers import Fields, see_other
from tokenward.identity.continuing import ACCOUNT, LANDING
from tokenward.identity.parts import Parts
from tokenward.identity.people import Person
from tokenward.store.records import Grant
from tokenward.tokens.authorization_details.parameter import read_written
from tokenward.tokens.authorization_details.types import Detail
from tokenward.tokens.authorization_details.wording import Piece, Told

_SIGN_OUT = "sign-out"

_log = logging.getLogger(__name__)


class Overview:
    """The page, and what can be ended on it."""

    def __init__(self, parts: Parts, door: AccountDoor) -> None:
        self._parts = parts
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """What to mount. Ending something takes no new proof: it can only make things safer."""
        return [
            self._door.showing(ACCOUNT, self._page),
            self._door.changing("/account/sessions/end", self._end, self._page, back=ACCOUNT, fresh=False),
            self._door.changing(
                "/account/sessions/end-others", self._end_others, self._page, back=ACCOUNT, fresh=False
            ),
            self._door.changing(
                "/account/applications/withdraw", self._withdraw, self._page, back=ACCOUNT, fresh=False
            ),
            self._door.sent("/sign-out", self._sign_out, self._page, back=ACCOUNT),
        ]

    async def _page(self, person: Person, _fields: Fields, error: str) -> Response:
        user_id, now = person.user_id, self._parts.clock.time()
        factors, accounts, sessions, applications, keys = await asyncio.gather(
            self._parts.store.has_factors(user_id),
            self._parts.accounts_of(user_id),
            self._parts.store.sessions_of(user_id),
            self._applications(user_id, now),
            self._api_keys(person, now),
        )
        view = AccountView(
            username=person.username,
            field=self._door.field(person),
            factors=factors,
            accounts=accounts,
            providers_work=bool(self._parts.upstreams.providers),
            sessions=list(filter(self._parts.sessions.is_live, sessions)),
            this_session=person.session_id,
            applications=applications,
            api_keys=keys,
        )
        return self._door.page(
            self._parts.pages.account(
                view,
                sign_out=self._door.field(person, _SIGN_OUT),
                passkeys=self._parts.party is not None,
                passwords=self._parts.password_sign_in,
                error=error,
            )
        )

    async def _end(self, _request: Request, person: Person, form: Fields) -> Response:
        wanted = form.get("session", "")
        mine = {session.session_id for session in await self._parts.store.sessions_of(person.user_id)}
        if wanted in mine - {person.session_id}:  # one's own ends by signing out, which also ends the cookie
            await self._parts.store.end_session(wanted)
        return see_other(ACCOUNT)

    async def _end_others(self, _request: Request, person: Person, _form: Fields) -> Response:
        await self._parts.store.end_other_sessions(person.user_id, person.session_id)
        return see_other(ACCOUNT)

    async def _withdraw(self, _request: Request, person: Person, form: Fields) -> Response:
        await self._parts.store.withdraw_consent(
            person.user_id, form.get("client", ""), self._parts.clock.time()
        )
        return see_other(ACCOUNT)

    async def _sign_out(self, request: Request, form: Fields) -> Response:
        # Also where nobody is signed in: then there may be a cookie of a session that is over.
        person = await self._parts.current(request.scope)
        if person is not None:
            self._parts.forms.check_of_session(_SIGN_OUT, person, request.scope, form)
            _log.info("signed out: user_id=%s", person.user_id)
        ended = await self._parts.signed_out(request.scope)
        return see_other(ended.onwards or LANDING, ended.headers)

    async def _applications(self, user_id: str, now: float) -> list[Application]:
        consents = await self._parts.store.consents_of(user_id)
        grants = await self._parts.store.grants_of(user_id, now)
        scopes: dict[str, dict[str, dict[str, None]]] = {}  # client → audience → scope, in order
        since: dict[str, float] = {}
        for client_id, audience, names, at in (
            *((it.client_id, it.audience, it.scopes, it.given_at) for it in consents),
            *((it.client_id, it.audience, it.scope, it.created_at) for it in grants),
        ):
            scopes.setdefault(client_id, {}).setdefault(audience, {}).update(dict.fromkeys(names))
            since[client_id] = min(at, since.get(client_id, at))
        acting = {grant.client_id for grant in grants}
        found = []
        for client_id, each in scopes.items():
            client = await self._parts.store.client(client_id)
            name = client.name if client is not None else client_id
            allowed = tuple(
                self._allowed(audience, names, _details(grants, client_id, audience))
                for audience, names in each.items()
            )
            found.append(Application(client_id, name, allowed, since[client_id], client_id in acting))
        return sorted(found, key=lambda it: (it.name.casefold(), it.client_id))

    async def _api_keys(self, person: Person, now: float) -> list[Key]:
        claims = await self._parts.store.user_claims(person.user_id)
        names = {person.username}
        if claims.get("email_verified") is True:
            names.add(str(claims.get("email")))
        states = await self._parts.store.api_keys()
        live = [state.key for state in states if not state.revoked and state.key.expires_at > now]
        mine = sorted((key for key in live if key.owner in names), key=lambda key: key.expires_at)
        return [Key(key, self._allowed(key.audience, key.scopes)) for key in mine]

    def _allowed(self, audience: str, scopes: Iterable[str], details: Iterable[Detail] = ()) -> Allowed:
        api = self._parts.words(audience)
        exactly = dict.fromkeys(_told(api, detail) for detail in details)
        return Allowed(api.name, {scope: api.scopes.get(scope, scope) for scope in scopes}, tuple(exactly))


def _details(grants: Iterable[Grant], client_id: str, audience: str) -> list[Detail]:
    mine = (it for it in grants if (it.client_id, it.audience) == (client_id, audience))
    return [detail for grant in mine for detail in read_written(grant.authorization_details)]


def _told(api: Api, detail: Detail) -> Told:
    """Of a type that is no longer, or no longer like this, there is but the name to tell."""
    kind = api.details.get(detail["type"])
    if kind is None or kind.why_not(detail):
        return Told((Piece(detail["type"], given=True),))
    return kind.told(detail)
