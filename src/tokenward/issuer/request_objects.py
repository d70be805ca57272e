"""Request objects (RFC 9101): an authorization request that the client has signed.

Judged by the strict validator, under keys that the client registered and nothing that the object names. Every
parameter is in the object, and whatever stands beside it counts for nothing (§6.3).
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tokenward.base.forms import parse_form
from tokenward.base.problems import INVALID_REQUEST_OBJECT, REQUEST_NOT_SUPPORTED, UNAVAILABLE, Refusal
from tokenward.issuer.context import Issuer
from tokenward.store.records import Client
from tokenward.tokens.claims import VerifiedClaims
from tokenward.tokens.errors import InvalidToken

# Of the JWT itself, and no parameters of the request.
_OF_THE_JWT = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})
_OURS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


async def signed_parameters(issuer: Issuer, client: Client, request: str) -> dict[str, str]:
    """The parameters in a request object of this client.

    Raises:
        Refusal: as `signed_claims`; INVALID_REQUEST_OBJECT, a value is no parameter's.
    """
    return parameters_of(await signed_claims(issuer, client, request))


async def signed_claims(issuer: Issuer, client: Client, request: str) -> VerifiedClaims:
    """The claims of a request object, if this client signed it for this issuer, and a moment ago.

    Raises:
        Refusal: INVALID_REQUEST_OBJECT; REQUEST_NOT_SUPPORTED, the client has no keys; UNAVAILABLE, they
            cannot be had now.
    """
    try:
        judge = issuer.client_keys.requests(client)
    except ValueError as error:
        raise Refusal(REQUEST_NOT_SUPPORTED, f"client {client.client_id}: {error}") from None
    try:
        return await judge.validate_async(request, None)
    except InvalidToken as error:
        if error.code == "keys_unavailable" and not issuer.client_keys.why_unusable(client):
            raise Refusal(UNAVAILABLE, "a client's keys cannot be had", retry_after=1) from None
        raise Refusal(
            INVALID_REQUEST_OBJECT, f"a request of client {client.client_id} was refused: {error.code}"
        ) from None


def parameters_of(claims: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that the claims are (§4): each reads as if it had come in a form.

    Raises:
        Refusal: INVALID_REQUEST_OBJECT.
    """
    written = {name: _written(value) for name, value in claims.items() if name not in _OF_THE_JWT | _OURS}
    try:
        return parse_form(urlencode(written).encode())
    except Refusal as refusal:
        raise Refusal(INVALID_REQUEST_OBJECT, f"a claim is no parameter: {refusal.detail}") from None


def _written(value: object) -> str:
    """§4: texts are texts, numbers are numbers; a parameter that is JSON in a form is that JSON here."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | float) or value is None:
        raise Refusal(INVALID_REQUEST_OBJECT, "a claim that is no text, integer, object or array")
    return json.dumps(_thawed(value), separators=(",", ":"), ensure_ascii=False)


def _thawed(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _thawed(member) for name, member in value.items()}
    return [_thawed(member) for member in value] if isinstance(value, tuple) else value
