"""Sessions of browser apps: a cookie of ours is a credential of its own kind, and here is what it has to be.

The browser holds the name of a session and nothing else. The tokens are on the server: a decision exchanges
the one for the other and judges the token like any. A browser sends cookies for whatever page asks it to, so
a session counts only where the browser says that a page of the application itself is calling, and where that
page has set a header that no form, link or image can (draft-ietf-oauth-browser-based-apps §6.1.3.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from tokenward.base.asgi import header_values
from tokenward.base.cookies import Cookie
from tokenward.base.origins import CSRF_HEADER, SAFE, require_own_script
from tokenward.base.problems import FOREIGN_ORIGIN, Refusal
from tokenward.gateway.access import AccessRequest


class SessionTokens(Protocol):
    """The sessions of one application. Wired in `app`."""

    async def token(self, session: str, *, refused: str = "") -> str:
        """An access token in the name of who is signed in, refreshed if it has to be.

        Args:
            session: what the cookie holds; anybody can have written it.
            refused: the token that this gave a moment ago, and that is none any more.

        Raises:
            Refusal: SESSION_ENDED, there is no such session, or no way to a token but a new sign-in;
                UNAVAILABLE, that cannot be known.
        """


@dataclass(frozen=True, slots=True)
class BrowserApp:
    """An application that runs in browsers and signs people in at the gateway.

    Attributes:
        name: as the configuration has it.
        origin: of its pages, as browsers write it.
        cookie: in which its sessions are named.
        tokens: what a session is exchanged for.
    """

    name: str
    origin: str
    cookie: Cookie
    tokens: SessionTokens = field(repr=False)

    @property
    def host(self) -> str:
        """The `Host` of requests by its pages."""
        return self.origin.partition("://")[2]


BrowserApps = Mapping[str, BrowserApp]
"""By host: those whose sessions are good at one API."""


class Shown(NamedTuple):
    """A session that a request shows.

    Attributes:
        app: whose.
        session: what the cookie holds.
    """

    app: BrowserApp
    session: str

    def __repr__(self) -> str:
        return f"Shown({self.app.name})"


def shown(apps: BrowserApps, request: AccessRequest, *, needless: bool) -> list[Shown]:
    """The sessions that a request shows; more than one is nobody's.

    Args:
        apps: whose sessions are good at the API.
        request: as it arrived.
        needless: the operation asks nobody who they are. Browsers send cookies to it as well; whoever follows
            a link to it has shown none, since only a page can.
    """
    app = apps.get(request.host.lower())
    if app is None:
        return []
    scope = {"headers": request.headers}
    if needless and request.method in SAFE and not header_values(scope, CSRF_HEADER):
        return []
    return [Shown(app, value) for value in app.cookie.values(scope)]


def check_page(app: BrowserApp, request: AccessRequest, *, websocket: bool) -> None:
    """Whether it is a page of the application that calls.

    No header can be set on the handshake of a WebSocket, and no CORS keeps anybody from it: there it is the
    exact `Origin` that counts (RFC 6455 §10.2).

    Raises:
        Refusal: FOREIGN_PAGE; FOREIGN_ORIGIN, for a WebSocket.
    """
    scope = {"method": request.method, "headers": request.headers}
    if websocket:
        if header_values(scope, b"origin") != [app.origin.encode()]:
            raise Refusal(FOREIGN_ORIGIN, f"not a page of {app.name}")
        return
    require_own_script(scope, app.origin)
