"""A link for whoever forgot the password: always the same answer, whoever asks and for whom."""

import asyncio
import logging
from math import ceil

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.asgi import Scope
from tokenward.base.problems import MISSING_PARAMETER, TOO_MANY_REQUESTS, Refusal
from tokenward.base.throttle import TokenBuckets, peer_of
from tokenward.identity.answers import Fields
from tokenward.identity.parts import Parts
from tokenward.identity.people import MAX_USERNAME, typed_username, why_no_username
from tokenward.store.port import StoreUnavailable

PATH = "/sign-in/forgotten"
_FORM = "forgotten"

_log = logging.getLogger(__name__)


class ForgottenPage:
    """`/sign-in/forgotten`. There is no such page where mail goes nowhere."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._peers = TokenBuckets(burst=10, every=60, clock=parts.clock)
        self._names = TokenBuckets(burst=3, every=600, clock=parts.clock)
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def routes(self) -> list[Route]:
        """What to mount."""
        if not self._parts.letters.work:
            return []
        return [self._parts.answers.seen_and_sent(PATH, self._show, self._act)]

    async def _show(self, request: Request, _fields: Fields, error: str) -> Response:
        return self._page(request.scope, error=error)

    async def _act(self, request: Request, form: Fields) -> Response:
        scope = request.scope
        self._parts.forms.check(scope, _FORM, form)
        username = self._admitted(scope, typed_username(form.get("username", "")))
        # Beside the request, so that the time of the answer does not tell who exists, and has an address.
        task = asyncio.create_task(self._send(username[: MAX_USERNAME + 1]))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return self._page(scope, sent=True)

    def _admitted(self, scope: Scope, username: str) -> str:
        if not username:
            raise Refusal(MISSING_PARAMETER, "user name")
        if wait := self._peers.take(peer_of(scope)):
            raise Refusal(TOO_MANY_REQUESTS, "links asked for from this address", retry_after=ceil(wait))
        return username

    async def _send(self, username: str) -> None:
        try:
            user = await self._parts.store.user_by_name(username) if not why_no_username(username) else None
            if user is None or user.disabled_at is not None:
                _log.info("a link was asked for, and nobody has the name")
                return
            if self._names.take(user.user_id):
                _log.info("no link: user_id=%s has been sent enough", user.user_id)
                return
            # A new link voids those before: not for somebody who would not get it.
            if not await self._parts.letters.reach(user):
                _log.info("no link: user_id=%s has no verified address", user.user_id)
                return
            sent = await self._parts.letters.send_link(
                user, "reset", await self._parts.links.new(user.user_id, "reset")
            )
            _log.info("a link was asked for: user_id=%s sent=%s", user.user_id, sent)
        except (Refusal, StoreUnavailable) as error:
            _log.warning("no link was sent: %s", error)

    def _page(self, scope: Scope, *, sent: bool = False, error: str = "") -> Response:
        bound = self._parts.forms.bound(scope)
        body = self._parts.pages.forgotten(field=bound.field(_FORM), sent=sent, error=error)
        return self._parts.answers.page(body, bound.headers)
