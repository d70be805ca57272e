"""The outside public keys (RFC 7517 §5)."""

import json

from tokenward.base.asgi import Receive, Scope
from tokenward.issuer.context import Issuer
from tokenward.issuer.response import Response, public_json


async def jwks(issuer: Issuer, _scope: Scope, _receive: Receive) -> Response:
    """GET: the JWK Set that verifies what this issuer signs."""
    return public_json(json.dumps({"keys": [key.public_jwk() for key in issuer.signing_keys]}).encode())
