"""The part of the store that knows what was used, when, and from where."""

from collections.abc import Sequence
from typing import Protocol

from tokenward.store.records import Usage, UsageKind

USED_AT_ONCE = 500
"""How many uses one unit writes at most, so that nobody else waits long."""


class Usages(Protocol):
    """Uses of credentials. What `port` promises of all methods holds here, too."""

    async def record_usage(self, usages: Sequence[Usage]) -> None:
        """Add uses, at most `USED_AT_ONCE`, in one unit. A first use only moves back, a last one forward.

        API keys and client secrets know their last use themselves, and API keys how often they were used; of
        unknown ones nothing is kept there. Beyond `records.ADDRESSES_KEPT` addresses of one credential at one
        door (some more, where several processes write at once) further ones count together, as
        `records.OTHERS`.

        Raises:
            ValueError: there are more.
        """

    async def usages(self, kind: UsageKind, subject: str) -> list[Usage]:
        """From where a credential was used, as far as that is still known, the latest first."""
