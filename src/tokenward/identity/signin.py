"""Signing in and out: the routes, and the way back to the request that asked for it."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.base.asgi import Headers, Scope
from tokenward.base.entropy import identifier
from tokenward.base.forms import parse_form, read_form
from tokenward.base.problems import BAD_CREDENTIALS, MISSING_PARAMETER, UNAVAILABLE, Refusal
from tokenward.base.secret import Secret
from tokenward.base.throttle import peer_of
from tokenward.identity.cookies import Cookie
from tokenward.identity.csrf import FormGuard
from tokenward.identity.pages import Pages
from tokenward.identity.passwords import MAX_LENGTH, Passwords
from tokenward.identity.people import MAX_USERNAME, Person, typed_username, why_no_username
from tokenward.identity.sessions import Sessions
from tokenward.identity.throttle import SignInThrottle
from tokenward.store.people_port import People
from tokenward.store.people_records import User
from tokenward.store.port import StoreUnavailable

PASSWORD = ("pwd",)  # RFC 8176 §2

SIGN_INS = (PASSWORD,)
"""What people can do to sign in here, each as the `amr` that tells it."""

LANDING = "/"
MAX_CONTINUE = 4096
# Path and query of one endpoint, in the characters that browsers leave in a query (WHATWG URL §1.3), and no
# backslash. With the path fixed there is no host, no scheme and no line break to smuggle in.
_CONTINUE = re.compile(r"/authorize\?[!$-;=?-\[\]-~]*")
# What a form can come to with every character escaped: 3 bytes for one of `continue`, 12 beyond ASCII.
_FORM_LIMIT = 3 * MAX_CONTINUE + 12 * (MAX_LENGTH + MAX_USERNAME) + 1024
_BINDING = re.compile(r"[0-9A-Za-z]{22}")

_log = logging.getLogger(__name__)
_Endpoint = Callable[[Request], Awaitable[Response]]


class SignIn:
    """The browser's session, and the way to one.

    Args:
        people: where persons are looked up.
        sessions: what a sign-in begins.
        passwords: what it takes.
        throttle: who has guessed too often.
        guard: which forms are ours.
        before: the cookie that binds a sign-in form to a browser that has no session yet.
        pages: what people see.
    """

    def __init__(
        self,
        people: People,
        *,
        sessions: Sessions,
        passwords: Passwords,
        throttle: SignInThrottle,
        guard: FormGuard,
        before: Cookie,
        pages: Pages,
    ) -> None:
        self._people = people
        self._sessions = sessions
        self._passwords = passwords
        self._throttle = throttle
        self._guard = guard
        self._before = before
        self._pages = pages

    async def current(self, scope: Scope) -> Person | None:
        """Whose session the request's cookie names; None if there is no live one.

        Raises:
            StoreUnavailable: nobody can know.
        """
        return await self._sessions.current(scope)

    def sign_in_url(self, continue_to: str) -> str:
        """The sign-in page that returns to `continue_to`, a path with query of this issuer, when done."""
        return "/sign-in?continue=" + quote(safe_continue(continue_to), safe="")

    @property
    def routes(self) -> list[Route]:
        """`/`, `/sign-in` and `/sign-out`."""
        return [
            Route("/", self._answering(self._landing), methods=["GET"]),
            Route("/sign-in", self._answering(self._sign_in), methods=["GET", "POST"]),
            Route("/sign-out", self._answering(self._sign_out), methods=["POST"]),
        ]

    async def _landing(self, request: Request) -> Response:
        person = await self.current(request.scope)
        if person is None:
            return self._page(200, self._pages.landing(username=None))
        field = self._guard.field("sign-out", person.session_id)
        return self._page(200, self._pages.landing(username=person.username, field=field))

    async def _sign_in(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._submit(request)
        query = parse_form(request.scope["query_string"])
        return self._sign_in_page(request.scope, 200, continue_to=safe_continue(query.get("continue", "")))

    async def _submit(self, request: Request) -> Response:
        scope = request.scope
        form = await read_form(scope, request.receive, limit=_FORM_LIMIT)
        continue_to = safe_continue(form.get("continue", ""))
        username = typed_username(form.get("username", ""))
        try:
            self._guard.check(scope, "sign-in", self._binding(scope), form.get("form", ""))
            user = await self._authenticate(peer_of(scope), username, Secret(form.get("password", "")))
            token = await self._sessions.start(user, PASSWORD)
        except Refusal as refusal:
            _log_refusal(refusal)
            return self._sign_in_page(
                scope,
                refusal.problem.status,
                continue_to=continue_to,
                username=username[:MAX_USERNAME],
                error=refusal.problem.text,
                headers=_retry_after(refusal),
            )
        await self._sessions.end(scope)  # of the one that the browser had before
        _log.info("signed in: user_id=%s peer=%s", user.user_id, peer_of(scope))
        return _see_other(continue_to, [self._sessions.cookie.set(token.reveal()), self._before.clear()])

    async def _authenticate(self, peer: str, username: str, password: Secret) -> User:
        """The person who has this name and this password.

        Raises:
            Refusal: MISSING_PARAMETER, TOO_MANY_REQUESTS, BAD_CREDENTIALS or UNAVAILABLE.
            StoreUnavailable: nobody can know.
        """
        if not username or not password:
            raise Refusal(MISSING_PARAMETER, "user name or password")
        # Whatever cannot be a name counts as one and the same, and is not asked for.
        name = "" if why_no_username(username) else username
        if delay := self._throttle.admit(peer, name):
            await asyncio.sleep(delay)
        try:
            user = await self._people.user_by_name(name) if name else None
            right = await self._passwords.verify(user.password_hash if user else None, password)
        except (StoreUnavailable, Refusal):  # our trouble, and no guess
            self._throttle.give_back(peer, name, delay)
            raise
        if user is None or not right:
            # What was typed stays out of the log: sooner or later it is a password in the wrong field.
            who = f"user_id={user.user_id}" if user else "no such person"
            raise Refusal(BAD_CREDENTIALS, f"{who} peer={peer}")
        self._throttle.give_back(peer, name, delay)
        return user

    async def _sign_out(self, request: Request) -> Response:
        # Also where nobody is signed in: another site's form comes without our SameSite=Lax cookie, and the
        # answer to it could still remove the cookie.
        self._guard.check_origin(request.scope)
        form = await read_form(request.scope, request.receive)
        person = await self.current(request.scope)
        if person is not None:
            self._guard.check(request.scope, "sign-out", person.session_id, form.get("form", ""))
            await self._sessions.end(request.scope)
            _log.info("signed out: user_id=%s", person.user_id)
        return _see_other(LANDING, [self._sessions.cookie.clear()])

    def _sign_in_page(
        self,
        scope: Scope,
        status: int,
        *,
        continue_to: str,
        username: str = "",
        error: str = "",
        headers: Headers = (),
    ) -> Response:
        # A browser keeps its binding while it has one, so that two open tabs both work.
        known = self._binding(scope)
        binding = known or identifier()
        field = self._guard.field("sign-in", binding)
        body = self._pages.sign_in(continue_to=continue_to, field=field, username=username, error=error)
        return self._page(status, body, [*headers, *([] if known else [self._before.set(binding)])])

    def _binding(self, scope: Scope) -> str | None:
        value = self._before.read(scope)
        return value if value and _BINDING.fullmatch(value) else None

    def _page(self, status: int, body: bytes, headers: Headers = ()) -> Response:
        response = Response(body, status)
        response.raw_headers += [*self._pages.headers, *headers]
        return response

    def _answering(self, endpoint: _Endpoint) -> _Endpoint:
        """The endpoint, with a page for whatever it refuses."""

        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Refusal as error:
                refusal = error
            except StoreUnavailable:
                refusal = Refusal(UNAVAILABLE, "the store does not answer", retry_after=1)
            _log_refusal(refusal)
            return self._page(
                refusal.problem.status, self._pages.error(refusal.problem), _retry_after(refusal)
            )

        return answer


def safe_continue(text: str) -> str:
    """`text` if it leads back to the authorization endpoint of this issuer, else the landing page."""
    return text if len(text) <= MAX_CONTINUE and _CONTINUE.fullmatch(text) else LANDING


def _see_other(location: str, headers: Headers) -> Response:
    # 303, so that the browser does not send the password on (RFC 9700 §4.12).
    response = Response(status_code=303)
    response.raw_headers += [
        (b"location", location.encode("ascii")),
        (b"cache-control", b"no-store"),
        *headers,
    ]
    return response


def _retry_after(refusal: Refusal) -> Headers:
    return () if refusal.retry_after is None else [(b"retry-after", str(refusal.retry_after).encode())]


def _log_refusal(refusal: Refusal) -> None:
    _log.info("refused: %s (%s)", refusal.problem.code, refusal.detail)
