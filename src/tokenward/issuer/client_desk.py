"""What managing clients needs, and what all of it has in common."""

import asyncio
from dataclasses import dataclass

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import NOT_FOUND, Refusal
from tokenward.issuer.settings import IssuerSettings
from tokenward.store.port import ClientStore
from tokenward.store.records import Client

ATTEMPTS = 3  # to find a locator that is free
SETTLED_SECONDS = 1.0
"""What a client is issued for so long after the end of a compromised secret or key is void, too.

Another process takes the secret for up to `CLIENT_SECONDS` more, and a request that passed it may still be
under way.
"""


@dataclass(frozen=True, slots=True)
class ClientDesk:
    """What managing clients needs.

    Attributes:
        store: where clients are kept.
        settings: which scopes there are, and the prefix of secrets.
        peppers: the first hashes new secrets.
        clock: time.
    """

    store: ClientStore
    settings: IssuerSettings
    peppers: tuple[bytes, ...]
    clock: Clock = SYSTEM_CLOCK


async def known_client(desk: ClientDesk, client_id: str) -> Client:
    """The client.

    Raises:
        Refusal: NOT_FOUND.
    """
    client = await desk.store.client(client_id)
    if client is None:
        raise Refusal(NOT_FOUND, f"no client {client_id}")
    return client


async def settle(*, compromised: bool) -> None:
    """Come back when the cut-off lies behind, so that nobody uses what is new before and finds it void."""
    if compromised:
        await asyncio.sleep(SETTLED_SECONDS)
