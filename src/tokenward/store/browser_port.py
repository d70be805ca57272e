"""What the house may ask of the store about sessions of browser apps. The promises of `port` hold here, too.

However many processes share a store, each sees at its next look what another did: a session that ended is
found by nobody any more.
"""

from typing import Protocol

from tokenward.store.browser_records import BrowserLogout, BrowserSession


class BrowserSessions(Protocol):
    """Sessions by the hash of their name, and who may refresh their tokens."""

    async def add_browser_session(self, session: BrowserSession, *, at: float) -> bool:
        """Keep it; False, and nothing kept, where a logout means it: that came first, or came meanwhile."""

    async def browser_session(self, key: bytes, *, at: float) -> BrowserSession | None:
        """The session, or None if there is none or it has ended."""

    async def use_browser_session(self, key: bytes, *, until: float) -> None:
        """Move its end. One that is gone stays gone."""

    async def keep_browser_session(self, key: bytes, content: bytes) -> bool:
        """Change its content; False if it is gone."""

    async def end_browser_session(self, key: bytes) -> bytes | None:
        """End it, and give what it held last; None if it was gone. Of several callers one is given it."""

    async def end_browser_sessions(self, logout: BrowserLogout) -> int:
        """End all that a logout means, and remember it for sessions that are about to begin; how many ended.

        Two units: it is remembered first, so that what begins meanwhile finds either that, or its end.
        """

    async def lease_browser_session(self, key: bytes, holder: str, *, at: float, until: float) -> bool | None:
        """Let one of any number of processes refresh its tokens, for some time at most.

        Args:
            key: the session.
            holder: who asks; a name that nobody else has.
            at: now.
            until: when it ends by itself, since its holder may have died.

        Returns:
            True, it is the caller's; False, another one has it; None, the session is gone.
        """

    async def release_browser_session(self, key: bytes, holder: str) -> None:
        """Let the next one. Nothing happens where it is not the holder's any more."""
