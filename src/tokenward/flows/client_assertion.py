"""How a client proves with its own key who it is (`private_key_jwt`), from the client's side."""

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.entropy import identifier
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
LIFETIME = 60  # seconds


def client_assertion(
    key: SigningKey, *, client_id: str, audience: str, clock: Clock = SYSTEM_CLOCK
) -> dict[str, str]:
    """The parameters with which one request authenticates its client (RFC 7523 §2.2).

    Args:
        key: the client's; its `kid` is the one in the JWK Set that is registered.
        client_id: who it is.
        audience: the authorization server's issuer identifier, and nothing else, so that the assertion is
            good nowhere else (draft-ietf-oauth-rfc7523bis).
        clock: what time it is.
    """
    now = int(clock.time())
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": identifier(), "iat": now}
    assertion = sign_jwt(key, claims | {"exp": now + LIFETIME}, typ="client-authentication+jwt")
    return {"client_assertion_type": TYPE, "client_assertion": assertion}
