"""Introspection responses that are signed (RFC 9701), for resource servers that must be able to show one.

Such a JWT is never taken for the token that it is about: it has a `typ` of its own, what was told stands in
one claim, and there is neither `sub` nor `exp` beside it (§5, §8.1).
"""

from collections.abc import Mapping

from tokenward.issuer.context import Issuer
from tokenward.store.records import Client
from tokenward.tokens.jws import sign_jwt

MEDIA_TYPE = "application/token-introspection+jwt"  # RFC 9701 §4
INTROSPECTION_TYPE = "token-introspection+jwt"


def introspection_jwt(issuer: Issuer, caller: Client, answer: Mapping[str, object]) -> str:
    """The answer, signed for the client that asked and for nobody else, by the algorithm that it registered.

    Raises:
        Refusal: UNAVAILABLE, no key signs now.
    """
    claims = {
        "iss": issuer.settings.url,
        "aud": caller.client_id,
        "iat": int(issuer.clock.time()),
        "token_introspection": answer,
    }
    signer = issuer.signing_keys.signer(caller.introspection_signed_response_alg)
    return sign_jwt(signer, claims, typ=INTROSPECTION_TYPE)
