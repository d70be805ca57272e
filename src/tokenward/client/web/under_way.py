"""Sign-ins that are under way, each in a cookie of its own: several tabs do not disturb each other."""

import hashlib
import re

from tokenward.base.asgi import Scope, header_values
from tokenward.base.clock import Clock
from tokenward.base.cookies import Cookie, cookie
from tokenward.base.forms import parse_form
from tokenward.base.problems import Refusal
from tokenward.client.web.answers import Header
from tokenward.client.web.sealed import AppKey
from tokenward.flows.errors import FlowError
from tokenward.flows.login import LIFETIME, PendingLogin, RelyingParty, resumed
from tokenward.tokens import base64url
from tokenward.tokens.sealing import SealBroken

MOST = 8
"""Sign-ins that one browser may have begun; a further one takes the place of others."""
MAX_VALUE = 3_900
"""Characters of a cookie's value: browsers keep 4096 bytes, the name included (RFC 6265bis §6.1)."""


class UnderWay:
    """Keeps them. Who has not been sent away from here has nothing to come back with (login CSRF).

    Args:
        prefix: with which the names of the cookies begin.
        secure: whether they are for TLS only.
        app_key: what seals them.
        party: who asks; what was begun for another is not opened.
        clock: what time it is.
    """

    def __init__(
        self, prefix: str, *, secure: bool, app_key: AppKey, party: RelyingParty, clock: Clock
    ) -> None:
        self._prefix = prefix
        self._secure = secure
        self._sealer = app_key.logins
        self._party = party
        self._context = f"{party.issuer}\n{party.client_id}\n{party.redirect_uri}".encode()
        self._clock = clock

    def keep(self, scope: Scope, login: PendingLogin) -> tuple[Header, ...]:
        """The response headers that keep it."""
        if len(value := self._sealed(login)) > MAX_VALUE:
            value = self._sealed(PendingLogin(login.party, login.request, "/", login.end))
        others = self._names(scope)
        dropped = others if len(others) >= MOST else ()
        return (
            self._cookie(login.request.state).set(value),
            *(Cookie(name, self._secure).clear() for name in dropped),
        )

    def find(self, scope: Scope) -> PendingLogin:
        """The one that the request is the answer to, by its `state`.

        Raises:
            FlowError: this browser began none such.
        """
        nobody = FlowError("unknown_state", "this browser did not begin this sign-in, or it has ended")
        try:
            state = parse_form(scope["query_string"]).get("state", "")
        except Refusal as refusal:
            raise FlowError("malformed_response", refusal.problem.text) from None
        value = self._cookie(state).read(scope)
        try:
            content = self._sealer.open(base64url.decode(value or ""), context=self._context)
        except (SealBroken, ValueError):
            raise nobody from None
        return resumed(content, self._party)

    def drop(self, login: PendingLogin) -> Header:
        """The response header that forgets it."""
        return self._cookie(login.request.state).clear()

    def use_key(self, login: PendingLogin) -> bytes:
        """By which a store knows that its answer was used."""
        return hashlib.sha256(self._context + b"\nstate\n" + login.request.state.encode()).digest()

    def _sealed(self, login: PendingLogin) -> str:
        return base64url.encode(self._sealer.seal(login.written(), context=self._context))

    def _cookie(self, state: str) -> Cookie:
        name = hashlib.sha256(state.encode()).hexdigest()[:16]
        return cookie(f"{self._prefix}-{name}", secure=self._secure, max_age=LIFETIME)

    def _names(self, scope: Scope) -> tuple[str, ...]:
        # Names that a browser tells are put into an answer again: ours, and nothing that looks different.
        ours = re.compile(re.escape(cookie(f"{self._prefix}-", secure=self._secure).name) + "[0-9a-f]{16}")
        pairs = (pair for header in header_values(scope, b"cookie") for pair in header.split(b";"))
        names = {pair.partition(b"=")[0].strip().decode("latin-1") for pair in pairs}
        return tuple(sorted(name for name in names if ours.fullmatch(name)))
