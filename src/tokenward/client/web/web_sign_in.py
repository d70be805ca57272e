"""Signing in to a web application by an OpenID provider: what an application makes, and a door asks."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

from tokenward.base.asgi import Scope, header_values
from tokenward.base.origins import SAFE, origin_of, require_own_page
from tokenward.base.problems import LOGIN_REQUIRED, Problem, Refusal
from tokenward.client.authentication import Authentication, Unproven
from tokenward.client.server import Server
from tokenward.client.web.answers import WebAnswer, refused, see_other
from tokenward.client.web.memory import MemorySessions
from tokenward.client.web.parts import Demands, Place, assembled
from tokenward.client.web.person import Person
from tokenward.client.web.sealed import AppKey
from tokenward.client.web.sessions import IDLE, LIFETIME
from tokenward.client.web.store import SessionStore
from tokenward.flows.login import RelyingParty, safe_next

_T = TypeVar("_T")

# An application's own JSON endpoints answer 401 and not 303; so the row has another status here.
NOT_SIGNED_IN = Problem(
    LOGIN_REQUIRED.code, 401, LOGIN_REQUIRED.text, LOGIN_REQUIRED.spec, LOGIN_REQUIRED.oauth
)


class WebSignIn:
    """Sign-in at one provider, for one application. It can be shared by threads and event loops.

    It answers four paths below `path`: `sign-in?next=/somewhere` (GET), `callback`, `sign-out` (POST, of a
    page of the application's own) and `backchannel-logout` (POST, of the provider). At the provider, register
    `URL/auth/callback` as the redirect URI, `URL/` for after the sign-out, and the last one for its logouts.

    Args:
        server: the provider.
        client_id: the application's name there.
        authentication: how it proves that: `PrivateKeyJwt`, `ClientSecret` or `ClientCertificate`.
        url: the origin under which the world knows the application, such as `https://shop.example.com`.
            What a request says of that is never believed.
        path: below which the paths are; of its own for each provider (RFC 9700 §4.4.2.2).
        scope: what is asked for; `openid` among it.
        resource: the API that access tokens are for (RFC 8707), an absolute URL, or "".
        key: a reference to a secret of 32 characters or more, such as `env:SESSION_KEY`, by which cookies and
            sessions are sealed; by default a new one for the life of this process.
        sessions: where they are kept; by default in memory, which is for one process.
        idle: seconds without a request after which a session ends.
        lifetime: seconds after which it ends in any case.
        max_age: how many seconds ago a person may have signed in at the provider, or None.
        acr_values: how well they must have, the best first; the ID token must name one of them.
        prompt: what the provider should do each time, such as `consent`, without which some give no
            `offline_access` (OpenID Connect Core §11); or "".
        userinfo: whether claims are asked of the userinfo endpoint as well.
        after_sign_out: where people are after they signed out; a path.

    Raises:
        ValueError: a setting is bad. A web application has a server, and so it can keep a secret: a client
            that proves nothing is refused.
    """

    def __init__(
        self,
        server: Server,
        *,
        client_id: str,
        authentication: Authentication,
        url: str,
        path: str = "/auth",
        scope: Iterable[str] = ("openid",),
        resource: str = "",
        key: str = "",
        sessions: SessionStore | None = None,
        idle: float = IDLE,
        lifetime: float = LIFETIME,
        max_age: int | None = None,
        acr_values: Iterable[str] = (),
        prompt: str = "",
        userinfo: bool = False,
        after_sign_out: str = "/",
    ) -> None:
        _check(authentication, url, path, idle, lifetime)
        self.url = origin_of(url)
        self.path = path
        party = RelyingParty(
            issuer=server.issuer,
            client_id=client_id,
            redirect_uri=f"{self.url}{path}/callback",
            scope=tuple(scope.split() if isinstance(scope, str) else scope),
            resource=resource,
        )
        store = sessions or MemorySessions(clock=server.own_clock)
        if store.shared and not key:
            raise ValueError(
                "sessions that others share need a `key` that they share, such as env:SESSION_KEY"
            )
        parts = assembled(
            server,
            party,
            authentication,
            store=store,
            app_key=AppKey.kept(key),
            place=Place(self.url, path, idle, lifetime, after_sign_out),
            demands=Demands(max_age, tuple(acr_values), prompt, userinfo),
            name=hashlib.sha256(f"{party.issuer}\n{client_id}\n{path}".encode()).hexdigest()[:8],
        )
        self._clock = server.own_clock
        self._sessions = parts.sessions
        self._routes = parts.routes

    def handles(self, path: str) -> bool:
        """Whether a path is one of those that `answer` answers."""
        return path.startswith(f"{self.path}/") and path.removeprefix(f"{self.path}/") in self._routes.table

    def answer(self, scope: Scope, body: bytes) -> WebAnswer:
        """The answer to a request of one of those paths.

        Args:
            scope: the request, as ASGI has it: `method`, `path`, `query_string` and `headers` are read.
            body: its body, of 32 kB at most.
        """
        return self._routes.answer(scope, body)

    async def answer_async(self, scope: Scope, body: bytes) -> WebAnswer:
        """As `answer`, without blocking the event loop."""
        return await asyncio.to_thread(self._routes.answer, scope, body)

    def person(self, scope: Scope) -> Person | None:
        """Who is signed in, by the request's cookie."""
        found = self._sessions.find(scope)
        return found.person if found is not None else None

    async def person_async(self, scope: Scope) -> Person | None:
        """As `person`, without blocking the event loop."""
        return await self._apart(lambda: self.person(scope))

    def admit(
        self, scope: Scope, *, max_age: int | None = None, acr_values: Iterable[str] = ()
    ) -> Person | WebAnswer:
        """Who is signed in, or what a door answers instead of asking the application.

        A browser that goes to a page is sent to sign in, and comes back to it; whatever else asks is told
        401. What changes something (a method that is not GET, a WebSocket) must come from a page of the
        application's own, whoever is signed in: 400 if it does not.

        Args:
            scope: the request, as ASGI has it.
            max_age: how many seconds ago they may have signed in, for what matters more; or None.
            acr_values: one of which the provider's `acr` must be; empty for any.
        """
        wanted = tuple(acr_values)
        try:
            if scope["type"] == "websocket" or scope["method"] not in SAFE:
                require_own_page(scope, self.url)
        except Refusal as refusal:
            return refused(refusal.problem)
        person = self.person(scope)
        if person is not None and person.meets(now=self._clock.time(), max_age=max_age, acr_values=wanted):
            return person
        if not _is_navigation(scope):
            return refused(NOT_SIGNED_IN)
        return see_other(self.url + self.sign_in_path(_address(scope), max_age=max_age, acr_values=wanted))

    async def admit_async(
        self, scope: Scope, *, max_age: int | None = None, acr_values: Iterable[str] = ()
    ) -> Person | WebAnswer:
        """As `admit`, without blocking the event loop."""
        wanted = tuple(acr_values)
        return await self._apart(lambda: self.admit(scope, max_age=max_age, acr_values=wanted))

    def sign_in_path(
        self,
        next: str = "/",  # noqa: A002 - what the parameter is called everywhere
        *,
        max_age: int | None = None,
        acr_values: Iterable[str] = (),
    ) -> str:
        """A path to link or redirect to, for who is to sign in.

        Args:
            next: where they are led afterwards: a path of the application, or else "/".
            max_age: how many seconds ago they may have signed in at the provider; 0 asks them again.
            acr_values: how well they should, the best first.
        """
        asked = {
            "next": safe_next(next),
            "max_age": "" if max_age is None else str(max_age),
            "acr_values": " ".join(acr_values),
        }
        return f"{self.path}/sign-in?" + urlencode({name: value for name, value in asked.items() if value})

    async def _apart(self, look: Callable[[], _T]) -> _T:
        return await asyncio.to_thread(look) if self._sessions.store.blocking else look()


def _check(authentication: Authentication, url: str, path: str, idle: float, lifetime: float) -> None:
    if isinstance(authentication, str):
        raise ValueError(  # noqa: TRY004 - the message is what matters, and must not repeat it
            "authentication must say where the secret is kept, as ClientSecret('env:NAME'); a secret written "
            "into code is refused"
        )
    if isinstance(authentication, Unproven) or authentication.method == "none":
        raise ValueError(
            "a web application can keep a secret, and proves who it is: give PrivateKeyJwt or ClientSecret"
        )
    if urlsplit(url).path not in {"", "/"}:
        raise ValueError("url must be an origin, such as https://shop.example.com; paths come after it")
    if not path.startswith("/") or path.endswith("/") or safe_next(path) != path or "?" in path:
        raise ValueError("path must be one of the application's, such as /auth")
    if not 0 < idle <= lifetime:
        raise ValueError("idle and lifetime must be seconds, and idle not the longer of the two")


def _is_navigation(scope: Scope) -> bool:
    """Whether a person looks at what is answered: a script that fetches cannot follow to a provider."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    modes = header_values(scope, b"sec-fetch-mode")
    if modes:
        return modes == [b"navigate"]
    return any(b"text/html" in value for value in header_values(scope, b"accept"))


def _address(scope: Scope) -> str:
    """The path and query that were asked for."""
    query = scope["query_string"].decode("latin-1")
    return quote(scope["path"]) + (f"?{query}" if query else "")
