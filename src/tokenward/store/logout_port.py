"""What the rest of the house may ask of the store about sessions as relying parties know them.

A session of ours has another name (`sid`) at each relying party, so that two of them that compare notes find
no common one. The names are random, made when the party is first told of a sign-in (`Tokens.add_grant`), and
go with the session. Whatever ends it leaves, in the same unit, a notice for each party that wants to be told
(OpenID Connect Back-Channel Logout 1.0): whoever ends a session need not know of them, and no crash loses
any. The end that comes by itself, when a session is too old, is told to nobody.
"""

from typing import Protocol

from tokenward.store.logout_records import LogoutNotice


class Logouts(Protocol):
    """Names of sessions, and ends that are still to be told."""

    async def sid_of(self, session_id: str, client_id: str) -> str | None:
        """Under which name a client knows the session; None if it was not told of it, or it has ended."""

    async def take_logouts(self, *, at: float, until: float, limit: int) -> list[LogoutNotice]:
        """Notices that are due, at most `limit`, the longest waiting first; they count as tried once more.

        Of any number of processes one gets each. Until `until` no other takes it; if nobody settles it by
        then, since that process died, it is due again.
        """

    async def settle_logout(self, notice_id: str, *, again_at: float | None) -> None:
        """Forget a notice, or with `again_at` let it be due then."""
