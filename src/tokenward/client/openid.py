"""What one OpenID provider signs for one client: ID tokens and logout tokens, with its keys kept."""

import threading
from dataclasses import dataclass

from tokenward.client.server import Server
from tokenward.flows.metadata import ServerMetadata
from tokenward.tokens.algorithms import ASYMMETRIC
from tokenward.tokens.id_token import IdTokenValidator
from tokenward.tokens.jwks import JwksSource
from tokenward.tokens.logout_token import LogoutTokenValidator


@dataclass(frozen=True, slots=True)
class Validators:
    """Of one state of the metadata."""

    id_tokens: IdTokenValidator
    logout_tokens: LogoutTokenValidator


class ProviderTokens:
    """Makes validators by what the provider says of itself, and keeps them while it says the same.

    It may name algorithms, and never a symmetric one or `none`: a secret that is known to a client signs
    nothing, and the public key is no secret (RFC 8725 §2.1).
    """

    def __init__(self, server: Server, client_id: str) -> None:
        self._server = server
        self._client_id = client_id
        self._lock = threading.Lock()
        self._made: tuple[tuple[object, ...], Validators] | None = None

    def validators(self, metadata: ServerMetadata) -> Validators:
        """The validators for that state of it.

        Raises:
            ValueError: it publishes no keys.
        """
        if not metadata.jwks_uri:
            raise ValueError("the provider publishes no keys")
        known = tuple(name for name in metadata.id_token_algorithms if name in ASYMMETRIC) or ("RS256",)
        state = (metadata.jwks_uri, known)
        with self._lock:
            if self._made is None or self._made[0] != state:
                self._made = (state, self._make(*state))
            return self._made[1]

    def _make(self, jwks_uri: str, algorithms: tuple[str, ...]) -> Validators:
        server, client_id = self._server, self._client_id
        keys = JwksSource(jwks_uri, fetch=server.plain_http.get)
        return Validators(
            IdTokenValidator(
                issuer=server.issuer,
                client_id=client_id,
                keys=keys,
                algorithms=algorithms,
                clock=server.clock,
            ),
            LogoutTokenValidator(
                issuer=server.issuer,
                client_id=client_id,
                keys=keys,
                algorithms=algorithms,
                clock=server.clock,
            ),
        )
