"""To a provider and back, and what it says when somebody signs out there."""

import hashlib
import logging
from math import ceil

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.asgi import Scope
from tokenward.base.forms import read_form
from tokenward.base.problems import (
    EXPIRED_FORM,
    MALFORMED,
    PROVIDER_REFUSED,
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
    Problem,
    Refusal,
    oauth_json,
)
from tokenward.base.throttle import TokenBuckets, peer_of
from tokenward.identity.answers import Fields, Show, log_refusal, see_other
from tokenward.identity.continuing import MAX_CONTINUE
from tokenward.identity.parts import Parts
from tokenward.identity.people import Person
from tokenward.identity.sessions import FromUpstream
from tokenward.identity.signin import PROVIDERS
from tokenward.identity.steps import Aim
from tokenward.identity.upstream.accounts import Accounts
from tokenward.identity.upstream.client import UpstreamClient, VouchedFor
from tokenward.identity.upstream.under_way import UnderWay, UnderWayCookie
from tokenward.store.people_records import UpstreamLogout
from tokenward.store.port import StoreUnavailable
from tokenward.tokens.errors import InvalidToken

_FORM_LIMIT = 3 * MAX_CONTINUE + 2048
_LOGOUT_LIMIT = 32 * 1024

_UNDER_WAY = 60 * 60.0
"""Seconds for which a sign-in may rest on what a provider said before: more than `pending` keeps any."""

_log = logging.getLogger(__name__)


class UpstreamStep:
    """The routes of one provider.

    Args:
        parts: the room's.
        client: of the provider.
        under_way: what is kept in the browser meanwhile.
        again: the sign-in page, where the way there begins.
    """

    def __init__(self, parts: Parts, client: UpstreamClient, under_way: UnderWayCookie, again: Show) -> None:
        self._again = again
        self._parts = parts
        self._client = client
        self._provider = client.provider
        self._under_way = under_way
        self._accounts = Accounts(parts.store, clock=parts.clock)
        # Each sign-in costs the provider a request, and us a thread that waits for it; each logout, us a
        # signature. A whole office may stand behind one address.
        self._sign_ins = TokenBuckets(burst=100, every=0.5, clock=parts.clock)
        self._logouts = TokenBuckets(burst=100, every=0.1, clock=parts.clock)

    @property
    def routes(self) -> list[Route]:
        """`/sign-in/with/NAME`, `/sign-in/from/NAME` and `/sign-in/from/NAME/logout`."""
        answers, provider = self._parts.answers, self._provider
        return [
            answers.sent(f"/sign-in/with/{provider.name}", self._leave, self._again, limit=_FORM_LIMIT),
            Route(provider.callback, answers.answering(self._come_back), methods=["GET"]),
            Route(f"{provider.callback}/logout", self._logout, methods=["POST"]),
        ]

    async def _leave(self, request: Request, form: Fields) -> Response:
        self._parts.forms.check(request.scope, PROVIDERS, form)
        return await self._away(request.scope, Aim.read(form))

    async def link(self, scope: Scope, person: Person, back: str) -> Response:
        """Send a person there, who has just shown who they are here, to link their account; then to `back`.

        Raises:
            Refusal: TOO_MANY_REQUESTS, PROVIDER_UNAVAILABLE.
        """
        return await self._away(scope, Aim(back), links_to=person.session_id)

    async def _away(self, scope: Scope, aim: Aim, *, links_to: str = "") -> Response:
        if wait := self._sign_ins.take(peer_of(scope)):
            raise Refusal(TOO_MANY_REQUESTS, f"{self._provider.name}: sign-ins", retry_after=ceil(wait))
        asked = await self._client.begin(since=aim.since, level=aim.level)
        kept = self._under_way.keep(self._provider.name, asked, aim, links_to=links_to)
        return see_other(asked.url, [kept])

    async def _come_back(self, request: Request) -> Response:
        scope = request.scope
        under_way = self._under_way.read(scope, self._provider.name)
        asked = self._client.resumed(
            state=under_way.state, nonce=under_way.nonce, verifier=under_way.verifier
        )
        query = scope["query_string"].decode("latin-1")
        code = await self._client.code(query, asked)
        await self._use_up(under_way)
        said = await self._client.redeem(code, asked, since=under_way.aim.since)
        if under_way.links_to:
            return await self._linked(scope, under_way, said)
        found = await self._accounts.find(self._provider, said)
        if found.linked:
            self._parts.told.of(scope, found.user, "upstream_linked", self._provider.label)
        response = await self._parts.progress.proved(
            scope,
            await self._parts.progress.so_far(scope),
            found.user,
            said.amr,
            under_way.aim,
            upstream=FromUpstream(self._provider.name, said.subject, said.sid, said.said_at),
            at=said.at,
        )
        # Not where it was refused: any page can send a browser here with nonsense, and spoil a sign-in by it.
        response.raw_headers.append(self._under_way.drop())
        return response

    async def _linked(self, scope: Scope, under_way: UnderWay, said: VouchedFor) -> Response:
        """Link the account to whose session it was asked for in, which must still be this browser's.

        Raises:
            Refusal: EXPIRED_FORM; ACCOUNT_LINKED and others, as `Accounts.link`.
        """
        person = await self._parts.sessions.current(scope)
        if person is None or person.session_id != under_way.links_to:
            raise Refusal(EXPIRED_FORM, f"{self._provider.name}: the session that wanted a link has ended")
        found = await self._accounts.link(self._provider, said, person.user_id)
        if found.linked:
            self._parts.told.of(scope, found.user, "upstream_added", self._provider.label)
        return see_other(under_way.aim.continue_to, [self._under_way.drop()])

    async def _use_up(self, under_way: UnderWay) -> None:
        """Let an answer count once, whatever the browser does with its cookie.

        Raises:
            Refusal: PROVIDER_REFUSED.
        """
        once = hashlib.sha256(b"identity/upstream-state/" + under_way.state.encode()).digest()
        now = self._parts.clock.time()
        if not await self._parts.store.first_use(once, under_way.end, at=now):
            raise Refusal(PROVIDER_REFUSED, f"{self._provider.name}: the answer was used before")

    async def _logout(self, request: Request) -> Response:
        """OpenID Connect Back-Channel Logout §2.5 to §2.8."""
        try:
            return await self._logged_out(request)
        except Refusal as refusal:
            log_refusal(refusal)
            return _told(refusal.problem)
        except StoreUnavailable:
            return _told(UNAVAILABLE)

    async def _logged_out(self, request: Request) -> Response:
        name = self._provider.name
        if self._logouts.take(peer_of(request.scope)):
            raise Refusal(TOO_MANY_REQUESTS, f"{name}: logout tokens from this address")
        form = await read_form(request.scope, request.receive, limit=_LOGOUT_LIMIT)
        try:
            notice = await self._client.logged_out(form.get("logout_token", ""))
        except InvalidToken as error:
            problem = UNAVAILABLE if error.code == "keys_unavailable" else MALFORMED
            raise Refusal(problem, f"{name}: logout token: {error.code}") from None
        now = self._parts.clock.time()
        once = hashlib.sha256(f"identity/upstream-logout/{name}/{notice.jti}".encode()).digest()
        ended = await self._parts.store.end_upstream_sessions(
            UpstreamLogout(
                name,
                subject=notice.subject or None,
                sid=notice.sid or None,
                at=notice.issued_at,
                kept_until=now + _UNDER_WAY,
            ),
            once=once,
            until=notice.ends_at,
            at=now,
        )
        if ended is None:
            raise Refusal(MALFORMED, f"{name}: the logout token was used before")
        _log.info("signed out at %s: %d sessions ended", name, ended)
        return Response(status_code=200, headers={"cache-control": "no-store"})


def _told(problem: Problem) -> Response:
    return Response(
        oauth_json(problem),
        problem.status,
        headers={"cache-control": "no-store"},
        media_type="application/json",
    )
