"""What a method of client authentication declares about itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tokenward.base.asgi import Scope
from tokenward.issuer import agents
from tokenward.issuer.context import Issuer
from tokenward.issuer.workloads import Vouched
from tokenward.store.records import ApiKey, AuthMethod, Client, ClientType, Credential
from tokenward.tokens.binding import Confirmation

CONFIDENTIAL: frozenset[ClientType] = frozenset({"web", "service"})
"""Client types that can keep a credential of their own, and must authenticate with it (RFC 6749 §2.1)."""

_OF_DEVICES: frozenset[AuthMethod] = frozenset(
    {"none", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}
)


def may_prove_itself(client_type: ClientType, method: AuthMethod) -> bool:
    """Whether clients of that type can authenticate so.

    A device may have a key of its own, made or put into it where it was made. A secret would be in all
    devices the same, and whoever opens one has it.
    """
    if client_type == "device":
        return method in _OF_DEVICES
    if client_type == "agent":
        return method in agents.METHODS
    return (method == "none") is not (client_type in CONFIDENTIAL)


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """A client, and how it proved who it is: "none" for a public client, which proved nothing.

    `binding` is the key that what it is issued will be bound to (`bindings.token_binding`),
    `vouched` what a platform said of a workload, `api_key` the key of whoever holds one and is no client.
    `peer` is the address that it came from, "" where none is known.
    """

    client: Client
    credential: Credential
    binding: Confirmation | None = None
    vouched: Vouched | None = None
    api_key: ApiKey | None = None
    peer: str = ""


class Evidence(Protocol):
    """What one method found in a request, not yet believed."""

    async def client(self, issuer: Issuer) -> Client:
        """The client that it proves.

        Raises:
            Refusal: INVALID_CLIENT, it proves none; whoever sent it is throttled.
        """
        ...


Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stated:
    """A method whose evidence stands in the request itself.

    Attributes:
        name: in metadata (RFC 8414 §2).
        registered: what a client must be registered for to use it.
        credential: what it is worth.
        read: the evidence, or None where the request does not use this method. Raises a `Refusal` where it
            does so wrongly.
    """

    name: str
    registered: AuthMethod
    credential: Credential
    read: Callable[[Scope, Form], Evidence | None]


@dataclass(frozen=True, slots=True)
class Silent:
    """A method of requests that state nothing but `client_id`; which one it is, the registration says.

    Attributes:
        name: in metadata, and what a client must be registered for.
        credential: what it is worth.
        check: looks at what came with the connection; raises a `Refusal` of INVALID_CLIENT where it is not
            this client's.
    """

    name: AuthMethod
    credential: Credential
    check: Callable[[Issuer, Scope, Client], None]
