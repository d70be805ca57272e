"""The outside public keys (RFC 7517 §5)."""

import json

from tokenward.base.asgi import Receive, Scope
from tokenward.issuer.context import Issuer
from tokenward.issuer.response import Response, public_json


async def jwks(issuer: Issuer, _scope: Scope, _receive: Receive) -> Response:
    """GET: the JWK Set that verifies what this issuer signs, and will sign soon.

    Raises:
        Refusal: UNAVAILABLE, which keys are good cannot be known now.
    """
    return public_json(json.dumps(issuer.signing_keys.jwks()).encode())
