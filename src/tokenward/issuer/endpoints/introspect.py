"""Token introspection (RFC 7662), for resource servers without our gateway before them.

Who may ask: the client that the token was issued to, or a service client that is registered for the token's
audience by the reserved scope `introspect:<audience>`. For everybody else a token is inactive (§4: a caller
must not be able to try out tokens that are not its business).

Only access tokens are ever active here. A resource server that was told so about a refresh token might take
it for an access token.
"""

import json

from tokenward.base.asgi import Receive, Scope
from tokenward.base.problems import MISSING_PARAMETER, Refusal
from tokenward.issuer.client_auth import authenticate_confidential
from tokenward.issuer.context import Issuer
from tokenward.issuer.endpoints.token import endpoint_form
from tokenward.issuer.response import Response, private_json
from tokenward.issuer.settings import INTROSPECT
from tokenward.store.live import live_access_token
from tokenward.store.records import AccessToken, Client
from tokenward.tokens import opaque

INACTIVE = b'{"active": false}'


async def introspect(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: the state of an access token.

    Raises:
        Refusal: INVALID_CLIENT, MISSING_PARAMETER and what reading the form raises.
    """
    form = await endpoint_form(scope, receive)
    caller = await authenticate_confidential(issuer, scope, form)
    if "token" not in form:
        raise Refusal(MISSING_PARAMETER, "token")
    parsed = opaque.parse(form["token"], kind="at", prefix=issuer.settings.token_prefix)
    if parsed is None:
        return private_json(INACTIVE)
    token = await live_access_token(
        issuer.store, issuer.peppers, form["token"], parsed.token_id, at=issuer.clock.time()
    )
    if token is None or not _may_know(caller, token):
        return private_json(INACTIVE)
    return private_json(_active(issuer, token))


def _may_know(caller: Client, token: AccessToken) -> bool:
    return caller.client_id == token.client_id or f"{INTROSPECT}{token.audience}" in caller.scopes


def _active(issuer: Issuer, token: AccessToken) -> bytes:
    """RFC 7662 §2.2."""
    return json.dumps(
        {
            "active": True,
            "iss": issuer.settings.url,
            "sub": token.user_id
            or token.client_id,  # RFC 9068 §2.2: a client that acts for itself is the subject
            "aud": token.audience,
            "client_id": token.client_id,
            "scope": " ".join(token.scope),
            "iat": int(token.issued_at),
            "exp": int(token.expires_at),
            "token_type": "Bearer",
        }
    ).encode()
