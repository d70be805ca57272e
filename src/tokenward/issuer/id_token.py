"""The ID token (OpenID Connect Core §2): who signed in, told to the client and to nobody else."""

import hashlib
from typing import Any

from tokenward.issuer.context import Issuer
from tokenward.store.records import Grant
from tokenward.tokens import base64url
from tokenward.tokens.jws import sign_jwt

ID_TOKEN_ALGORITHM = "RS256"  # noqa: S105 - the one that every relying party knows (OpenID Discovery §3)


def id_token(issuer: Issuer, grant: Grant, nonce: str | None, access_token: str) -> str:
    """A signed ID token. Its audience is the client, so it is no access token anywhere.

    Raises:
        Refusal: UNAVAILABLE, no key signs now.
    """
    now = int(issuer.clock.time())
    claims: dict[str, Any] = {
        "iss": issuer.settings.url,
        "sub": grant.user_id,
        "aud": grant.client_id,
        "exp": now + issuer.settings.access_token_lifetime,
        "iat": now,
        "auth_time": int(grant.auth_time),
        "amr": list(grant.amr),
        "at_hash": _half_hash(access_token),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    return sign_jwt(issuer.signing_keys.signer(ID_TOKEN_ALGORITHM), claims, typ="JWT")


def _half_hash(access_token: str) -> str:
    """`at_hash` for RS256: the left half of the SHA-256, base64url (OpenID Connect Core §3.1.3.6)."""
    return base64url.encode(hashlib.sha256(access_token.encode()).digest()[:16])
