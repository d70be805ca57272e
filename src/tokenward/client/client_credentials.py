"""Tokens for the application itself, no person being involved (RFC 6749 §4.4)."""

# ruff: noqa: PLC0415 - what does the work is imported when a token is asked for

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tokenward.client.authentication import Authentication
from tokenward.client.server import Server
from tokenward.client.source import ServerSource

if TYPE_CHECKING:
    from tokenward.client.flow import Flow
    from tokenward.client.token_request import Requester
    from tokenward.client.vault import Vault
    from tokenward.flows.metadata import ServerMetadata
    from tokenward.flows.token import TokenResponse


class ClientCredentials(ServerSource):
    """The client credentials grant.

    Args:
        server: the authorization server.
        client_id: the client's name there.
        authentication: how it proves that: `PrivateKeyJwt`, `ClientCertificate` or `ClientSecret`.
        scope: what is asked for, a list or a text with spaces.
        resource: the API that the tokens are for (RFC 8707), an absolute URL.
        dpop: whether tokens are bound to a key (RFC 9449), so that a copy is worth nothing.
        vault: where processes share them and a next run finds them; by default they are in memory only.

    Raises:
        ValueError: a secret was given in the place of a reference to it.
    """

    def __init__(
        self,
        server: Server,
        *,
        client_id: str,
        authentication: Authentication,
        scope: Iterable[str] = (),
        resource: str = "",
        dpop: bool = False,
        vault: "Vault | None" = None,
    ) -> None:
        super().__init__(
            server,
            client_id=client_id,
            authentication=authentication,
            scope=scope,
            resource=resource,
            dpop=dpop,
            vault=vault,
        )

    def _grant(
        self, requester: "Requester", server: "ServerMetadata", _stored: object
    ) -> "Flow[TokenResponse]":
        from tokenward.flows.token import client_credentials

        form = client_credentials(scope=self.scope, resource=self.resource)
        return requester.ask(server, lambda: form)
