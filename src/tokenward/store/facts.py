"""What there is to release about a person: the one place that gathers it, for every destination."""

from collections.abc import Collection, Mapping
from typing import Protocol

from tokenward.store.people_records import User
from tokenward.store.records import Grant
from tokenward.tokens.acr import acr_of


class Facts(Protocol):
    """The part of the store that knows about persons and grants."""

    async def user(self, user_id: str) -> User | None:
        """See `people_port.People`."""

    async def user_claims(self, user_id: str) -> dict[str, object]:
        """See `people_port.People`."""

    async def grant(self, grant_id: str) -> Grant | None:
        """See `port.Tokens`."""


async def person_facts(
    store: Facts, names: Collection[str], *, user_id: str | None, grant_id: str | None
) -> Mapping[str, object]:
    """The facts of these names, as far as there are any, and perhaps others: `tokens.release.released` picks.

    Nothing is looked up that no name asks for; a client that acts for itself has no facts.

    Raises:
        StoreUnavailable: nobody can know.
    """
    if not names or user_id is None:
        return {}
    facts: dict[str, object] = {}
    if not _OF_GRANT.isdisjoint(names) and grant_id is not None:
        grant = await store.grant(grant_id)
        if grant is not None:
            facts |= {
                "auth_time": int(grant.auth_time),
                "amr": list(grant.amr),
                "acr": acr_of(grant.amr),
            }
    if _USERNAME in names:
        user = await store.user(user_id)
        if user is not None:
            facts[_USERNAME] = user.username
    if not set(names) <= _OF_GRANT | {_USERNAME}:
        facts = {**await store.user_claims(user_id), **facts}  # what we know ourselves wins
    return facts


_OF_GRANT = frozenset({"auth_time", "amr", "acr"})
_USERNAME = "preferred_username"
