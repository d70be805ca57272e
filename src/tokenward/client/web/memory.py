"""Sessions in memory: for one process, until it ends."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.client.errors import ServerUnavailable
from tokenward.client.web.store import StoredSession
from tokenward.tokens.logout_token import LogoutNotice
from tokenward.tokens.replays import MemoryReplays

LOCK_SECONDS = 30.0
"""How long one request waits for another that is refreshing the tokens of its session."""
MAX_SESSIONS = 100_000

_STRIPES = 64


class MemorySessions:
    """A bounded number of sessions. When it is full, those end that would end first.

    Args:
        max_sessions: how many.
        clock: what time it is.
    """

    blocking = False
    shared = False

    def __init__(self, *, max_sessions: int = MAX_SESSIONS, clock: Clock = SYSTEM_CLOCK) -> None:
        self._max = max_sessions
        self._lock = threading.Lock()
        self._sessions: dict[bytes, StoredSession] = {}
        self._logouts: list[tuple[str, LogoutNotice, float]] = []
        self._used = MemoryReplays(clock=clock)
        self._stripes = [threading.Lock() for _ in range(_STRIPES)]

    def add(self, session: StoredSession, *, now: float) -> bool:
        """As `SessionStore`."""
        with self._lock:
            self._logouts = [each for each in self._logouts if each[2] > now]
            if any(party == session.party and _means(notice, session) for party, notice, _ in self._logouts):
                return False
            if len(self._sessions) >= self._max:
                self._make_room(now)
            self._sessions[session.key] = session
            return True

    def _make_room(self, now: float) -> None:
        self._sessions = {key: each for key, each in self._sessions.items() if each.until > now}
        while len(self._sessions) >= self._max:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].until)]

    def find(self, key: bytes, *, now: float) -> StoredSession | None:
        """As `SessionStore`."""
        session = self._sessions.get(key)
        if session is not None and session.until <= now:
            self.remove(key)
            return None
        return session

    def touch(self, key: bytes, until: float) -> None:
        """As `SessionStore`."""
        with self._lock:
            if (session := self._sessions.get(key)) is not None:
                self._sessions[key] = replace(session, until=until)

    def keep(self, key: bytes, content: bytes) -> bool:
        """As `SessionStore`."""
        with self._lock:
            if (session := self._sessions.get(key)) is None:
                return False
            self._sessions[key] = replace(session, content=content)
            return True

    def remove(self, key: bytes) -> bytes | None:
        """As `SessionStore`."""
        with self._lock:
            gone = self._sessions.pop(key, None)
        return gone.content if gone is not None else None

    def end(self, party: str, notice: LogoutNotice, *, kept_until: float) -> int:
        """As `SessionStore`."""
        with self._lock:
            self._logouts = [each for each in self._logouts if not _covers(party, notice, each)]
            self._logouts.append((party, notice, kept_until))
            meant = [
                key for key, each in self._sessions.items() if each.party == party and _means(notice, each)
            ]
            for key in meant:
                del self._sessions[key]
            return len(meant)

    def use_once(self, key: bytes, *, until: float, now: float) -> bool:  # noqa: ARG002 - by its own clock
        """As `SessionStore`."""
        return self._used.first_use(key, until)

    @contextmanager
    def locked(self, key: bytes) -> Generator[None]:
        """As `SessionStore`."""
        stripe = self._stripes[key[0] % _STRIPES]
        if not stripe.acquire(timeout=LOCK_SECONDS):
            raise ServerUnavailable("busy", f"another request refreshes for more than {LOCK_SECONDS:g} s")
        try:
            yield
        finally:
            stripe.release()


def _means(notice: LogoutNotice, session: StoredSession) -> bool:
    return notice.means(subject=session.subject, sid=session.sid, issued_at=session.issued_at)


def _covers(party: str, newer: LogoutNotice, told: tuple[str, LogoutNotice, float]) -> bool:
    """Whether it leaves nothing to what was told before: told again and again, it is kept once."""
    whose, older, _ = told
    same = (whose, older.subject, older.sid) == (party, newer.subject, newer.sid)
    return same and older.issued_at <= newer.issued_at
