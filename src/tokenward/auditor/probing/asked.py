"""What to probe and with what, and who is told how far it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tokenward.auditor.openapi.view import Api
from tokenward.auditor.probing.callers import Certificate
from tokenward.base.secret import Secret
from tokenward.tokens.keys import SigningKey


@dataclass(frozen=True, slots=True)
class Asked:
    """What to probe, and with what.

    Attributes:
        url: of the operation.
        method: of it.
        token: a good token; None where a test issuer signs, or a cookie is the credential.
        jwks: the public keys of the token's issuer, for attacks that are made of them.
        document: the API's, whose operations are called one by one; None for none.
        dpop_key: the key that the token is bound to (RFC 9449); None where it is a bearer token.
        certificate: of the caller, which the target asks for or the token is bound to; None for none.
        other_token: a good token of another user, who must not get what the first one gets: from `url`, or
            where there is a document from every operation whose path names one thing.
        cookie: a good `Cookie` header field.
        test_issuer: host and port (0 for any) of an issuer that the target trusts; None for none.
        issuer: its identifier; "" for its URL.
        audience: who its tokens are for.
        claims: what its tokens say beside that.
        reachable: whether the target can reach our loopback addresses.
        unsafe: whether methods that change things may be used.
        rate: requests a second, at most.
        limit: seconds for all of it.
        timeout: seconds for an answer.
        patience: seconds that the target may take until it knows the test issuer's keys.
        authorities: a file of certificates; "" for the system's.
        revoke: revokes the token; None where nobody can.
        withdraw_keys: at the end, see how long withdrawn keys live.
        within: seconds that a revocation may take.
    """

    url: str
    method: str = "GET"
    token: Secret | None = None
    jwks: Mapping[str, Any] = field(default_factory=lambda: {"keys": []})
    dpop_key: SigningKey | None = None
    certificate: Certificate | None = None
    document: Api | None = None
    other_token: Secret | None = None
    cookie: Secret | None = None
    test_issuer: tuple[str, int] | None = None
    issuer: str = ""
    audience: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)
    reachable: bool = True
    unsafe: bool = False
    rate: float = 10.0
    limit: float = 600.0
    timeout: float = 10.0
    patience: float = 10.0
    authorities: str = ""
    revoke: Callable[[], None] | None = None
    withdraw_keys: bool = False
    within: float = 10.0


class Watcher:
    """Is told how far a probe is. This one does not listen."""

    def begins(self, trials: int) -> None:
        """So many trials are going to be fired."""

    def fired(self) -> None:
        """One was."""

    def listens(self, issuer: str) -> None:
        """The test issuer answers at this URL."""

    def waits(self) -> None:
        """The target does not take its tokens yet."""
