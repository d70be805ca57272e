"""The first step of signing in: the routes, and the way back to the request that asked."""

import asyncio
import logging
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.asgi import Headers, Scope
from tokenward.base.problems import BAD_CREDENTIALS, MISSING_PARAMETER, Refusal
from tokenward.base.secret import Secret
from tokenward.base.throttle import peer_of
from tokenward.identity.answers import Fields, see_other
from tokenward.identity.continuing import ACCOUNT, MAX_CONTINUE, UNSENT, safe_continue
from tokenward.identity.parts import Parts
from tokenward.identity.passkey_step import PasskeyStep
from tokenward.identity.passwords import MAX_LENGTH
from tokenward.identity.people import MAX_USERNAME, Person, typed_username, why_no_username
from tokenward.identity.progress import PAGES
from tokenward.identity.signing_out import SignedOut
from tokenward.identity.steps import Aim, Step
from tokenward.identity.throttle import SignInThrottle
from tokenward.store.people_records import User
from tokenward.store.port import StoreUnavailable
from tokenward.tokens.acr import Level

PASSWORD = ("pwd",)  # RFC 8176 §2

PROVIDERS = "upstream"
"""The name of the forms whose buttons lead to identity providers."""

HINT = "hint"
"""In the query of the first page: what an application says that the person may be called."""

AGAIN = "again"
"""In the query of the first page: forget what this sign-in has shown so far."""

# What a form can come to with every character escaped: 3 bytes for one of `continue`, 12 beyond ASCII.
_FORM_LIMIT = 3 * MAX_CONTINUE + 12 * (MAX_LENGTH + MAX_USERNAME) + 1024

_log = logging.getLogger(__name__)


class SignIn:
    """The browser's session, and the way to one."""

    def __init__(self, parts: Parts, passkeys: PasskeyStep) -> None:
        self._parts = parts
        self._passkeys = passkeys
        self._throttle = SignInThrottle(clock=parts.clock)

    async def current(self, scope: Scope) -> Person | None:
        """Whose session the request's cookie names; None if there is no live one.

        Raises:
            StoreUnavailable: nobody can know.
        """
        return await self._parts.current(scope)

    def sign_in_url(
        self,
        continue_to: str,
        *,
        level: Level | None = None,
        since: float = 0.0,
        hint: str = "",
        choose: bool = False,
    ) -> str:
        """The page that asks for what is missing of `level`, or older than `since`.

        It returns to `continue_to`, a path with query of this issuer, when that is done or cannot be. `hint`
        is what the person may be called; with `choose`, whoever is signed in may go on as somebody else.
        """
        said = {HINT: _usable(hint), AGAIN: "1" if choose else ""}
        more = urlencode({name: value for name, value in said.items() if value})
        url = f"{PAGES[Step.FIRST]}?{Aim(safe_continue(continue_to), level, since).query}"
        return f"{url}&{more}" if more else url

    async def sign_out(self, scope: Scope) -> SignedOut:
        """End the session that the request's cookie names, if there is one.

        Raises:
            StoreUnavailable: it may go on.
        """
        return await self._parts.signed_out(scope)

    @property
    def routes(self) -> list[Route]:
        """`/` and `/sign-in`."""
        answers, path = self._parts.answers, PAGES[Step.FIRST]
        if not self._parts.password_sign_in:
            return [answers.seen("/", self._landing), answers.seen(path, self._see)]
        return [
            answers.seen("/", self._landing),
            answers.seen_and_sent(path, self._see, self._act, again=self.again, limit=_FORM_LIMIT),
        ]

    async def _landing(self, request: Request, _fields: Fields, _error: str) -> Response:
        if await self.current(request.scope) is None:
            return self._parts.answers.page(self._parts.pages.landing())
        return see_other(ACCOUNT)

    async def _see(self, request: Request, query: Fields, _error: str) -> Response:
        aim = Aim.read(query)
        error = self._parts.pages.unsent if UNSENT in query else ""
        hint = _usable(query.get(HINT, ""))
        if AGAIN in query:
            person = await self.current(request.scope)
            is_enough = person is not None and await self._parts.progress.suffices(person, aim)
            return self._page(
                request.scope,
                aim,
                username=hint,
                signed_in_as=person.username if person is not None and is_enough else "",
                error=error,
                headers=[self._parts.progress.forget()],
            )
        so_far = await self._parts.progress.so_far(request.scope)
        step = await self._parts.progress.next(so_far, aim)
        if step is Step.DONE:
            # By the session, or by what an abandoned sign-in showed and nobody finished: that must not count
            # here and be missing there.
            return see_other(aim.continue_to, [self._parts.progress.forget()])
        if step is not Step.FIRST:
            return see_other(f"{PAGES[step]}?{aim.query}")
        known = await self._parts.store.user(so_far.user_id) if so_far is not None else None
        username = known.username if known is not None else hint
        return self._page(request.scope, aim, username=username, confirming=known is not None, error=error)

    async def again(self, request: Request, fields: Fields, error: str) -> Response:
        """The page, for who sent one of its forms; see `Show`."""
        username = typed_username(fields.get("username", ""))[:MAX_USERNAME]
        return self._page(request.scope, Aim.read(fields), username=username, error=error)

    async def _act(self, request: Request, form: Fields) -> Response:
        scope = request.scope
        self._parts.forms.check(scope, "sign-in", form)
        username, password = typed_username(form.get("username", "")), Secret(form.get("password", ""))
        user = await self._authenticate(scope, username, password)
        so_far = await self._parts.progress.so_far(scope)
        return await self._parts.progress.proved(scope, so_far, user, PASSWORD, Aim.read(form))

    async def _authenticate(self, scope: Scope, username: str, password: Secret) -> User:
        """The person who has this name and this password.

        Raises:
            Refusal: MISSING_PARAMETER, TOO_MANY_REQUESTS, BAD_CREDENTIALS or UNAVAILABLE.
            StoreUnavailable: nobody can know.
        """
        if not username or not password:
            raise Refusal(MISSING_PARAMETER, "user name or password")
        # Whatever cannot be a name counts as one and the same, and is not asked for.
        name = "" if why_no_username(username) else username
        peer = peer_of(scope)
        user = await self._parts.store.user_by_name(name) if name else None
        device = self._parts.devices.id_for(scope, user.user_id) if user is not None else ""
        if delay := self._throttle.admit(peer, name, device):
            await asyncio.sleep(delay)
        try:
            right = await self._parts.passwords.verify(user.password_hash if user else None, password)
        except (StoreUnavailable, Refusal):  # our trouble, and no guess
            self._throttle.give_back(peer, name, delay, device)
            raise
        if user is None or not right or user.disabled_at is not None:
            # What was typed stays out of the log: sooner or later it is a password in the wrong field.
            who = f"user_id={user.user_id}" if user else "no such person"
            raise Refusal(BAD_CREDENTIALS, f"{who} peer={peer}")
        self._throttle.give_back(peer, name, delay, device)
        await self._renew_hash(user, password)
        return user

    async def _renew_hash(self, user: User, password: Secret) -> None:
        """Hash a password that was right under today's parameters, if it was hashed under others."""
        if not self._parts.passwords.outdated(user.password_hash):
            return
        try:
            new = await self._parts.passwords.rehash(password)
            await self._parts.store.rehash_password(user.user_id, user.password_hash, new)
        except (Refusal, StoreUnavailable):  # the next sign-in will do
            _log.info("a password hash was not renewed: user_id=%s", user.user_id)

    def _page(
        self,
        scope: Scope,
        aim: Aim,
        *,
        username: str = "",
        confirming: bool = False,
        signed_in_as: str = "",
        error: str = "",
        headers: Headers = (),
    ) -> Response:
        bound = self._parts.forms.bound(scope)
        body = self._parts.pages.sign_in(
            aim=aim,
            field=bound.field("sign-in"),
            passkey=self._passkeys.offer(bound),
            username=username,
            confirming=confirming,
            signed_in_as=signed_in_as,
            passwords=self._parts.password_sign_in,
            forgotten=self._parts.letters.work,
            providers=self._parts.upstreams.providers,
            provider_field=bound.field(PROVIDERS),
            error=error,
        )
        return self._parts.answers.page(body, [*headers, *bound.headers])


def _usable(hint: str) -> str:
    """A hint as it may stand in the field; whether anybody is called so makes no difference to it."""
    name = typed_username(hint)
    return "" if why_no_username(name) else name
