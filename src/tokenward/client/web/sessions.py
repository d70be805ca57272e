"""Sessions: a random name in a cookie, everything else on the server."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from tokenward.base.asgi import Scope
from tokenward.base.clock import Clock
from tokenward.base.cookies import Cookie
from tokenward.base.entropy import random_base62
from tokenward.base.secret import Secret
from tokenward.client.authentication import Authentication
from tokenward.client.errors import ServerUnavailable
from tokenward.client.record import Record
from tokenward.client.server import Server
from tokenward.client.web.answers import Header
from tokenward.client.web.person import Person
from tokenward.client.web.sealed import AppKey, Content, opened, row_key
from tokenward.client.web.session_tokens import SessionTokens, SessionVault
from tokenward.client.web.store import SessionStore, StoredSession
from tokenward.flows.login import RelyingParty

IDLE = 30 * 60
"""Seconds without a request after which a session ends."""
LIFETIME = 12 * 60 * 60
"""Seconds after which it ends in any case."""

_WIDTH = 43  # digits of base 62: 256 bits
_SOURCES = 10_000  # sessions whose tokens are at hand in this process


@dataclass(frozen=True, slots=True)
class Open:
    """A session that a request showed.

    Attributes:
        session_id: its name, as in the cookie.
        content: what it holds.
        person: who is signed in.
        tokens: in their name; those of `person`.
    """

    session_id: str = field(repr=False)
    content: Content
    person: Person
    tokens: SessionTokens = field(repr=False)


class Sessions:
    """The sessions of one application at one provider.

    Attributes:
        store: where they are.
        party: provider and client, as rows name them.
        cookie: in which browsers keep their names.

    Args:
        store: where they are.
        cookie: in which browsers keep their names.
        app_key: what seals them.
        server: the provider.
        party: who asks it for sign-ins.
        authentication: how the application proves who it is, when tokens are refreshed.
        revoke: ends tokens at the provider, as far as it takes that.
        grants_apart: whether the provider keeps what came of each sign-in apart. Many keep one grant for a
            person and a client, and whoever revokes what an older sign-in gave ends the newer one as well.
        idle: seconds without a request after which one ends.
        lifetime: seconds after which it ends in any case.
        clock: what time it is.
    """

    def __init__(
        self,
        store: SessionStore,
        *,
        cookie: Cookie,
        app_key: AppKey,
        server: Server,
        party: RelyingParty,
        authentication: Authentication,
        revoke: Callable[[bytes | None], None],
        grants_apart: bool,
        idle: float,
        lifetime: float,
        clock: Clock,
    ) -> None:
        self.store = store
        self.party = f"{party.issuer} {party.client_id}"
        self.cookie = cookie
        self._app_key = app_key
        self._server = server
        self._asks = party
        self._authentication = authentication
        self._revoke = revoke
        self._grants_apart = grants_apart
        self._idle = idle
        self._lifetime = lifetime
        self._clock = clock
        self._lock = threading.Lock()
        # One source a session, so that requests in parallel wait for the same refresh.
        self._sources: OrderedDict[str, SessionTokens] = OrderedDict()

    def start(
        self, scope: Scope, claims: Mapping[str, Any], id_token: Secret, record: Record
    ) -> Header | None:
        """Begin a session under a new name, and end the one that the browser had: nobody chose its name.

        Returns:
            The cookie; None where the provider said meanwhile that this person signed out.
        """
        self._replace(scope, str(claims["sub"]))
        now = self._clock.time()
        session_id = random_base62(_WIDTH)
        key = row_key(session_id)
        content = Content(claims, id_token, record.written(), now, now + self._lifetime)
        row = StoredSession(
            key=key,
            party=self.party,
            subject=str(claims["sub"]),
            sid=str(claims.get("sid", "")),
            issued_at=float(claims["iat"]),
            until=min(now + self._idle, content.ends_at),
            content=content.sealed(self._app_key.of_session(session_id), key),
        )
        if not self.store.add(row, now=now):
            self._revoke(content.record)
            return None
        return self.cookie.set(session_id)

    def find(self, scope: Scope) -> Open | None:
        """The session that the request shows, if it is one and has not ended."""
        session_id = self.cookie.read(scope)
        return self.open(session_id) if session_id is not None else None

    def open(self, session_id: str, *, used: bool = True) -> Open | None:
        """The session of that name, if it is one and has not ended; `used` unless somebody only looks."""
        if len(session_id) != _WIDTH:
            return None
        now, key = self._clock.time(), row_key(session_id)
        row = self.store.find(key, now=now)
        if row is None or row.party != self.party:
            return None
        content = opened(row.content, self._app_key.of_session(session_id), key)
        if content is None:
            self.store.remove(key)
            return None
        until = min(now + self._idle, content.ends_at)
        if used and until - row.until > min(60.0, self._idle / 10):  # not a write for each request
            self.store.touch(key, until)
        tokens = self._source(session_id)
        person = Person(
            issuer=self._asks.issuer,
            subject=row.subject,
            claims=content.claims,
            signed_in_at=content.signed_in_at,
            tokens=tokens,
        )
        return Open(session_id, content, person, tokens)

    def end(self, scope: Scope) -> Header:
        """End the session that the request shows, if it is one, and its tokens at the provider.

        What is being refreshed meanwhile ends as well: whoever does finds no session to keep it in.

        Returns:
            The cookie that forgets it.
        """
        held = self._removed(self.cookie.read(scope))
        if held is not None:
            self._revoke(held.record)
        return self.cookie.clear()

    def _replace(self, scope: Scope, subject: str) -> None:
        """End the session that the browser had, for that of a person."""
        session_id = self.cookie.read(scope)
        if session_id is None or len(session_id) != _WIDTH:
            return
        with ExitStack() as refreshing:
            with suppress(ServerUnavailable):
                # Who finds no session to keep a token in ends it, and perhaps the new session's with it.
                refreshing.enter_context(self.store.locked(row_key(session_id)))
            held = self._removed(session_id)
        if held is not None and (self._grants_apart or held.claims.get("sub") != subject):
            self._revoke(held.record)

    def _removed(self, session_id: str | None) -> Content | None:
        """What a session of ours held that is none any more."""
        if session_id is None or len(session_id) != _WIDTH:
            return None
        key = row_key(session_id)
        row = self.store.find(key, now=self._clock.time())
        if row is None or row.party != self.party:
            return None
        with self._lock:
            self._sources.pop(session_id, None)
        sealed = self.store.remove(key)
        return opened(sealed, self._app_key.of_session(session_id), key) if sealed is not None else None

    def _source(self, session_id: str) -> SessionTokens:
        with self._lock:
            source = self._sources.get(session_id)
            if source is None:
                vault = SessionVault(self.store, self._app_key, session_id, self._revoke, self._clock)
                source = SessionTokens(self._server, self._asks, self._authentication, vault)
                self._sources[session_id] = source
                if len(self._sources) > _SOURCES:
                    self._sources.popitem(last=False)
            else:
                self._sources.move_to_end(session_id)
            return source
