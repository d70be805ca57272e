"""Where sessions are kept: what a store is asked, and must promise."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from tokenward.tokens.logout_token import LogoutNotice


@dataclass(frozen=True, slots=True)
class StoredSession:
    """One row.

    Attributes:
        key: SHA-256 of the session's id, 32 bytes. The id itself is in the browser's cookie and nowhere else.
        party: provider and client, as one text.
        subject: who signed in, by the provider's name for them.
        sid: the provider's name for its own session, or "".
        issued_at: of the ID token, seconds since the epoch.
        until: when it ends unless it is used before; moved by `touch`.
        content: claims and tokens, sealed under the id: who has the row has nothing.
    """

    key: bytes
    party: str
    subject: str
    sid: str
    issued_at: float
    until: float
    content: bytes = field(repr=False)


class SessionStore(Protocol):
    """Keeps sessions, for threads. Its methods block; whatever they raise ends the request with a 500.

    Attributes:
        blocking: whether calls wait for a disk or a network, so that an event loop must not make them.
        shared: whether other processes, or a later run, see the same sessions.
    """

    @property
    def blocking(self) -> bool:
        """See the class."""

    @property
    def shared(self) -> bool:
        """See the class."""

    def add(self, session: StoredSession, *, now: float) -> bool:
        """Keep it; False, and nothing kept, where a logout of `end` means it: that came first."""

    def find(self, key: bytes, *, now: float) -> StoredSession | None:
        """The session, or None if there is none or it has ended."""

    def touch(self, key: bytes, until: float) -> None:
        """Move its end. One that is gone stays gone."""

    def keep(self, key: bytes, content: bytes) -> bool:
        """Change its content; False if it is gone."""

    def remove(self, key: bytes) -> bytes | None:
        """End it, and give the content that it had last; None if it was gone.

        Of several that remove it at once, one is given it.
        """

    def end(self, party: str, notice: LogoutNotice, *, kept_until: float) -> int:
        """End all that a logout means, and remember it until then for sessions that are about to begin.

        Returns:
            How many ended.
        """

    def use_once(self, key: bytes, *, until: float, now: float) -> bool:
        """Whether nobody has used that key (32 bytes) before; atomic, and remembered until then.

        Raises:
            ReplaysUnavailable: it cannot be known.
        """

    def locked(self, key: bytes) -> AbstractContextManager[None]:
        """Let one at a time refresh the tokens of a session, among all who share the store.

        Raises:
            ServerUnavailable: another one takes too long.
        """
