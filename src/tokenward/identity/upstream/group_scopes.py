"""What people can allow applications to do, where that follows from their groups at a provider."""

from collections.abc import Iterable

from tokenward.identity.upstream.provider import Groups, Provider
from tokenward.store.people_port import People


class GroupScopes:
    """Scopes by groups, as they were at the last sign-in there.

    What counts is to which accounts a person is linked and not how this session began: otherwise a passkey
    would get around it.
    """

    def __init__(self, people: People, providers: Iterable[Provider]) -> None:
        self._people = people
        self._rules: dict[str, Groups] = {each.name: each.groups for each in providers if each.groups}

    async def of(self, user_id: str) -> frozenset[str] | None:
        """All scopes that their groups give; None for who has no account at a provider with such a rule.

        Raises:
            StoreUnavailable: nobody can know.
        """
        if not self._rules:
            return None
        links = await self._people.upstream_links(user_id)
        rules = [self._rules[link.upstream] for link in links if link.upstream in self._rules]
        if not rules:
            return None
        claims = await self._people.user_claims(user_id)
        return frozenset[str]().union(*(_given(rule, claims.get(rule.claim)) for rule in rules))


def _given(rule: Groups, groups: object) -> frozenset[str]:
    known = groups if isinstance(groups, list) else []
    return frozenset[str]().union(*(rule.scopes.get(group, ()) for group in known if isinstance(group, str)))
