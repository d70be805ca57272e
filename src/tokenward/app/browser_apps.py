"""Browser apps at the gateway: the library's sign-in, put in front of the door and behind its decision.

What answers below `/bff` and what exchanges a session for a token are the parts of `client.web`, which any
Python application uses; the gateway only knows its own small port (`gateway.browser_sessions`).
"""

import asyncio
import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tokenward.app.browser_consistency import app_origin
from tokenward.app.browser_limits import BrowserLimits
from tokenward.app.browser_session_store import SharedSessions
from tokenward.app.browser_settings import BrowserAppSettings
from tokenward.app.foundation import Foundation
from tokenward.app.trust import read_private_key
from tokenward.base import references
from tokenward.base.asgi import App, Receive, Scope, Send, header_values, read_body, respond
from tokenward.base.clock import Clock
from tokenward.base.problems import SESSION_ENDED, UNAVAILABLE, Refusal
from tokenward.base.throttle import peer_of
from tokenward.client.authentication import Authentication, ClientSecret, PrivateKeyJwt
from tokenward.client.errors import SignInRequired, TokenError
from tokenward.client.server import Server
from tokenward.client.token_source import TokenSource
from tokenward.client.web.answers import WebAnswer
from tokenward.client.web.answers import refused as as_answer
from tokenward.client.web.parts import Demands, Parts, Place, assembled
from tokenward.client.web.routes import BODY_SECONDS, MAX_BODY, Names, Routes
from tokenward.client.web.script_routes import ScriptRoutes
from tokenward.client.web.sealed import AppKey
from tokenward.client.web.sessions import Sessions
from tokenward.client.web.store import SessionStore
from tokenward.flows.login import RelyingParty
from tokenward.gateway.answer_headers import DEFAULTS
from tokenward.gateway.browser_sessions import BrowserApp
from tokenward.gateway.policy import Policy
from tokenward.tokens.sealing import derive_key

_NAMES = Names(sign_in="login", sign_out="")  # the sign-out is a script's, and so `ScriptRoutes` answers it
# Of their own: a slow provider must not take the threads for which everything else of the process waits.
_THREADS = ThreadPoolExecutor(64, thread_name_prefix="browser-apps")
# What anybody can ask for, apart from the calls of those who are signed in.
_AT_THE_DOOR = ThreadPoolExecutor(32, thread_name_prefix="browser-apps-door")
_HSTS = b"strict-transport-security"


@dataclass(frozen=True, slots=True)
class _Served:
    """One application, as the gateway serves it.

    Attributes:
        app: itself, with tokens for the first of its APIs.
        apis: it, with tokens for each.
        path: below which its paths are.
        routes: what answers there.
    """

    app: BrowserApp
    apis: Mapping[str, BrowserApp]
    path: str
    routes: Routes


class _Tokens:
    """What the sessions of one application are exchanged for, at one API.

    Args:
        sessions: of the application.
        resource: the API, where it is another one than that of the sign-in; or "".
    """

    def __init__(self, sessions: Sessions, resource: str = "") -> None:
        self._sessions = sessions
        self._resource = resource

    async def token(self, session: str, *, refused: str = "") -> str:
        """As `gateway.browser_sessions.SessionTokens`."""
        return await asyncio.get_running_loop().run_in_executor(_THREADS, self._token, session, refused)

    def _token(self, session: str, refused: str) -> str:
        try:
            source = self._opened(session)
            token = source.at_hand()
            if token is not None and token.value.reveal() != refused:
                return token.value.reveal()
            token = source.token()
            if refused and token.value.reveal() == refused:
                source.reject(token)
                token = source.token()
            self._opened(session)  # that took a while, and the person may have signed out meanwhile
        except SignInRequired as error:
            raise Refusal(SESSION_ENDED, error.code) from None
        except TokenError as error:
            raise Refusal(UNAVAILABLE, f"no token of {self._sessions.party}: {error.code}") from None
        return token.value.reveal()

    def _opened(self, session: str) -> TokenSource:
        found = self._sessions.open(session)
        if found is None:
            raise Refusal(SESSION_ENDED, "no session, or one that has ended")
        return found.tokens.exchanged(self._resource) if self._resource else found.tokens


class BrowserAppRoutes:
    """Answers the paths of browser apps, and hands everything else to the door as it is."""

    def __init__(self, served: tuple[_Served, ...], clock: Clock) -> None:
        self._served = served
        self._routes: Mapping[tuple[bytes, bytes], Routes] = {
            (each.app.host.encode(), f"{each.path}/{name}".encode()): each.routes
            for each in served
            for name in each.routes.table
        }
        self._limits = BrowserLimits(clock)

    def admitted(self, policy: Policy) -> Policy:
        """The policy, with whose sessions are good at each API."""
        return Policy(
            [
                replace(
                    api, apps={it.app.host: it.apis[api.name] for it in self._served if api.name in it.apis}
                )
                for api in policy.apis
            ]
        )

    def before(self, door: App) -> App:
        """The door, behind these paths; itself where there are none."""
        if not self._routes:
            return door

        async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
            routes = self._found(scope) if scope["type"] == "http" else None
            if routes is None:
                await door(scope, receive, send)
                return
            answer = await self._answer(routes, scope, receive)
            stays = ((_HSTS, DEFAULTS[_HSTS.decode()].encode()),) if scope["scheme"] == "https" else ()
            await respond(send, answer.status, answer.body, (*answer.headers, *stays))

        return dispatch

    async def _answer(self, routes: Routes, scope: Scope, receive: Receive) -> WebAnswer:
        """What is answered there. Nobody has proved anything yet, and most of it waits for a provider."""
        loop = asyncio.get_running_loop()
        try:
            with self._limits.admitted(peer_of(scope), scope["path"].rpartition("/")[2]):
                body = await read_body(receive, limit=MAX_BODY, seconds=BODY_SECONDS)
                return await loop.run_in_executor(_AT_THE_DOOR, routes.answer, scope, body)
        except Refusal as refusal:
            return as_answer(refusal.problem, refusal.retry_after)

    def _found(self, scope: Scope) -> Routes | None:
        """By the path exactly as sent, which has one reading, and by the host that browsers name."""
        hosts = header_values(scope, b"host")
        return self._routes.get((hosts[0].lower(), scope["raw_path"])) if len(hosts) == 1 else None


def browser_apps(ground: Foundation) -> BrowserAppRoutes:
    """All that the configuration names, for the event loop that runs. No provider is asked yet.

    Raises:
        ValueError: a key cannot be used.
    """
    said = ground.configuration.settings.browser_apps
    if not said:
        return BrowserAppRoutes((), ground.clock)
    store = SharedSessions(ground.store, asyncio.get_running_loop(), ground.clock)
    served = tuple(_served(ground, name, app, store) for name, app in said.items())
    return BrowserAppRoutes(served, ground.clock)


def _served(ground: Foundation, name: str, said: BrowserAppSettings, store: SessionStore) -> _Served:
    settings = ground.configuration.settings
    origin = app_origin(settings, said)
    own = said.issuer in {None, settings.issuer.url}
    issuer = said.issuer or settings.issuer.url
    party = RelyingParty(
        issuer=issuer,
        client_id=said.client_id,
        redirect_uri=f"{origin}{said.path}/callback",
        scope=said.scopes,
        resource=settings.audience(said.apis[0]) if own else "",
    )
    parts = assembled(
        Server(issuer, inside_networks=said.networks, clock=ground.clock),
        party,
        _authentication(said, ground.configuration.base_dir),
        store=store,
        app_key=AppKey(derive_key(ground.data_key, info=f"tokenward/browser-sessions/{name}".encode())),
        place=Place(origin, said.path, said.idle, said.absolute, said.after_logout, _NAMES),
        demands=Demands(prompt=said.prompt or ""),
        name=hashlib.sha256(f"{issuer}\n{said.client_id}\n{name}".encode()).hexdigest()[:8],
        grants_apart=own,
    )
    first, *others = said.apis
    app = BrowserApp(name, origin, parts.sessions.cookie, _Tokens(parts.sessions))
    # Of our own issuer, a token is for one API; those of others are for as many as trust them.
    elsewhere = {each: settings.audience(each) if own else "" for each in others}
    apis = {
        first: app,
        **{each: replace(app, tokens=_Tokens(parts.sessions, to)) for each, to in elsewhere.items()},
    }
    return _Served(app, apis, said.path, _with_scripts(parts, origin, said))


def _with_scripts(parts: Parts, origin: str, said: BrowserAppSettings) -> Routes:
    scripts = ScriptRoutes(parts, origin, back=said.after_logout, claims=said.claims)
    parts.routes.table |= scripts.table
    return parts.routes


def _authentication(said: BrowserAppSettings, base_dir: Path) -> Authentication:
    if said.private_key is None:
        return ClientSecret(_from(base_dir, said.client_secret or ""))
    place = _from(base_dir, said.private_key)
    key = read_private_key(references.resolve(place, base_dir=base_dir))
    return PrivateKeyJwt(place, algorithm=key.algorithm)


def _from(base_dir: Path, reference: str) -> str:
    """The same place, wherever the process is."""
    parsed = references.parse(reference)
    return f"file:{base_dir / parsed.place}" if parsed.scheme == "file" else reference
