"""What a page's script asks about its session: who is signed in, and to end it. No token is in any answer."""

import json

from tokenward.base.asgi import JSON, NO_STORE, Scope
from tokenward.base.origins import require_own_script
from tokenward.client.web.answers import WebAnswer
from tokenward.client.web.parts import Parts
from tokenward.client.web.routes import Handler

LOOK, SIGN_OUT = "session", "logout"
"""What the paths are called."""


class ScriptRoutes:
    """Answers it.

    Args:
        parts: of the application.
        url: its origin.
        back: the path on which people are after they signed out.
        claims: names of what its pages are told of a person, beside who it is.
    """

    def __init__(self, parts: Parts, url: str, *, back: str, claims: tuple[str, ...]) -> None:
        self._provider = parts.provider
        self._sessions = parts.sessions
        self._url = url
        self._back = back
        self._claims = claims
        self.table: dict[str, tuple[str, Handler]] = {
            LOOK: ("GET", self._look),
            SIGN_OUT: ("POST", self._sign_out),
        }

    def _look(self, scope: Scope, _body: bytes) -> WebAnswer:
        """Who is signed in. A tab that asks now and then keeps no session alive by that."""
        require_own_script(scope, self._url)
        shown = self._sessions.cookie.read(scope)
        found = self._sessions.open(shown, used=False) if shown is not None else None
        if found is None:
            gone = (self._sessions.cookie.clear(),) if shown is not None else ()
            return WebAnswer(200, (NO_STORE, JSON, *gone), json.dumps({"signed_in": False}).encode())
        said = found.person.claims
        told = {
            "signed_in": True,
            "issuer": found.person.issuer,
            "subject": found.person.subject,
            "claims": {name: said[name] for name in self._claims if name in said},
            "ends_at": int(found.content.ends_at),
        }
        return WebAnswer(200, (NO_STORE, JSON), json.dumps(told).encode())

    def _sign_out(self, scope: Scope, _body: bytes) -> WebAnswer:
        """End it here, and say where the browser goes to end the provider's as well.

        That address would usually hold the ID token (RP-Initiated Logout §2). Here a script reads it, so it
        names the client instead, and the provider may ask the person once more.
        """
        require_own_script(scope, self._url)
        found = self._sessions.find(scope)
        gone = self._sessions.end(scope)
        back = self._url + self._back
        where = back
        if found is not None:
            where = self._provider.sign_out_url(None, back) or back
        return WebAnswer(200, (NO_STORE, JSON, gone), json.dumps({"location": where}).encode())
