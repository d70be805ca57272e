"""What a grant type declares about itself."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tokenward.base.asgi import Scope
from tokenward.issuer.client_auth.authenticate import authenticate
from tokenward.issuer.client_auth.method import AuthenticatedClient, Form
from tokenward.issuer.context import Issuer
from tokenward.issuer.issue import TokenResponse
from tokenward.store.records import ClientType

Authenticate = Callable[[Issuer, Scope, Form], Awaitable[AuthenticatedClient]]
Redeem = Callable[[Issuer, AuthenticatedClient, Mapping[str, str]], Awaitable[TokenResponse]]


@dataclass(frozen=True, slots=True)
class GrantType:
    """One value of `grant_type`.

    Attributes:
        name: the value.
        client_types: who may use it.
        required: parameters that must be there.
        optional: parameters that may be there. Nothing else reaches `redeem` (RFC 6749 §3.2).
        redeem: gives the tokens, or raises a `Refusal`.
        proven: whether it is for those alone who prove who they are (RFC 6749 §4.4); a type can have both.
        authenticate: finds out who asks, or raises a `Refusal`.
    """

    name: str
    client_types: frozenset[ClientType]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    redeem: Redeem
    proven: bool = False
    authenticate: Authenticate = authenticate
