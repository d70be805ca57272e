"""Sessions of browser apps in the store of the house, for the threads on which the library works."""

import asyncio
import time
from collections.abc import Coroutine, Generator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from tokenward.base.clock import Clock
from tokenward.base.entropy import identifier
from tokenward.client.errors import ServerUnavailable
from tokenward.client.web.memory import LOCK_SECONDS
from tokenward.client.web.store import StoredSession
from tokenward.store.browser_port import BrowserSessions
from tokenward.store.browser_records import BrowserLogout, BrowserSession
from tokenward.store.port import Store, StoreUnavailable
from tokenward.tokens.logout_token import LogoutNotice

LEASE_SECONDS = 60.0
"""After which others may refresh, since who was about to has died: longer than any answer is waited for."""
STORE_SECONDS = 10.0
"""How long one question to the store is waited for."""

_FIRST_LOOK, _LAST_LOOK = 0.02, 0.25  # seconds between two looks whether a refresh is over

_T = TypeVar("_T")


class SharedSessions:
    """`client.web.store.SessionStore`, of however many processes share the store.

    Args:
        store: it.
        loop: the event loop on which it lives; no method may be called from there.
        clock: what time it is.
    """

    blocking = True
    shared = True

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        self._sessions: BrowserSessions = store
        self._uses = store
        self._loop = loop
        self._clock = clock

    def add(self, session: StoredSession, *, now: float) -> bool:
        """As `SessionStore`."""
        return self._done(self._sessions.add_browser_session(_kept(session), at=now))

    def find(self, key: bytes, *, now: float) -> StoredSession | None:
        """As `SessionStore`."""
        found = self._done(self._sessions.browser_session(key, at=now))
        if found is None:
            return None
        return StoredSession(
            found.key, found.party, found.subject, found.sid, found.issued_at, found.until, found.content
        )

    def touch(self, key: bytes, until: float) -> None:
        """As `SessionStore`."""
        self._done(self._sessions.use_browser_session(key, until=until))

    def keep(self, key: bytes, content: bytes) -> bool:
        """As `SessionStore`."""
        return self._done(self._sessions.keep_browser_session(key, content))

    def remove(self, key: bytes) -> bytes | None:
        """As `SessionStore`."""
        return self._done(self._sessions.end_browser_session(key))

    def end(self, party: str, notice: LogoutNotice, *, kept_until: float) -> int:
        """As `SessionStore`."""
        said = BrowserLogout(party, notice.subject, notice.sid, notice.issued_at, kept_until)
        return self._done(self._sessions.end_browser_sessions(said))

    def use_once(self, key: bytes, *, until: float, now: float) -> bool:
        """As `SessionStore`."""
        return self._done(self._uses.first_use(key, until, at=now))

    @contextmanager
    def locked(self, key: bytes) -> Generator[None]:
        """As `SessionStore`, by a lease: whoever dies with it keeps nobody waiting for ever."""
        holder = identifier()
        leased = self._leased(key, holder)
        try:
            yield
        finally:
            if leased:
                with suppress(ServerUnavailable):  # then it ends by itself
                    self._done(self._sessions.release_browser_session(key, holder))

    def _leased(self, key: bytes, holder: str) -> bool:
        """True once it is ours; False where the session is gone, which the next look tells as well."""
        end = self._clock.monotonic() + LOCK_SECONDS
        pause = _FIRST_LOOK
        while True:
            now = self._clock.time()
            asked = self._sessions.lease_browser_session(key, holder, at=now, until=now + LEASE_SECONDS)
            if (got := self._done(asked)) is not False:
                return got is True
            if self._clock.monotonic() >= end:
                raise ServerUnavailable("busy", f"another process refreshes for more than {LOCK_SECONDS:g} s")
            time.sleep(pause)
            pause = min(2 * pause, _LAST_LOOK)

    def _done(self, asked: Coroutine[Any, Any, _T]) -> _T:
        """What the store answers, for a thread.

        Raises:
            ServerUnavailable: it does not.
        """
        try:
            answer = asyncio.run_coroutine_threadsafe(asked, self._loop)
        except RuntimeError:  # the loop is closed
            asked.close()
            raise ServerUnavailable("store_unavailable", "the process is ending") from None
        try:
            return answer.result(STORE_SECONDS)
        except StoreUnavailable as error:
            raise ServerUnavailable("store_unavailable", f"the store cannot answer: {error}") from None
        except (TimeoutError, CancelledError):
            answer.cancel()
            raise ServerUnavailable("store_unavailable", "the store does not answer") from None


def _kept(session: StoredSession) -> BrowserSession:
    return BrowserSession(
        session.key,
        session.party,
        session.subject,
        session.sid,
        session.issued_at,
        session.until,
        session.content,
    )
