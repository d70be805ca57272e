"""All providers of one issuer."""

from collections.abc import Iterable
from dataclasses import replace

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.identity.continuing import LANDING
from tokenward.identity.people import Person
from tokenward.identity.upstream.client import UpstreamClient
from tokenward.identity.upstream.group_scopes import GroupScopes
from tokenward.identity.upstream.provider import Connection, Provider
from tokenward.store.people_port import People


class Upstreams:
    """The providers, in the order in which they are offered.

    Args:
        connections: how each is reached.
        people: where links and groups are kept.
        issuer_url: our own, to which they send people back.
        clock: what time it is.

    Raises:
        ValueError: a setting or a key of one is bad.
    """

    def __init__(
        self,
        connections: Iterable[Connection],
        people: People,
        *,
        issuer_url: str,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._clients = {
            each.provider.name: UpstreamClient(
                each, redirect_uri=issuer_url + each.provider.callback, clock=clock
            )
            for each in connections
        }
        self._back = issuer_url + LANDING
        self._groups = GroupScopes(people, self.providers)

    @property
    def clients(self) -> tuple[UpstreamClient, ...]:
        """What we do as a client of each."""
        return tuple(self._clients.values())

    @property
    def providers(self) -> tuple[Provider, ...]:
        """What is offered on the sign-in page."""
        return tuple(client.provider for client in self.clients)

    async def narrowed(self, person: Person) -> Person:
        """The person, with what they can allow others to do.

        Raises:
            StoreUnavailable: nobody can know.
        """
        return replace(person, scopes=await self._groups.of(person.user_id))

    async def sign_out_url(self, person: Person) -> str | None:
        """Where to sign out, too, after signing out here; None where there is no such place."""
        client = self._clients.get(person.upstream)
        return await client.sign_out_url(self._back) if client is not None else None
