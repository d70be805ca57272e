"""The ID token (OpenID Connect Core §2): who signed in, told to the client and to nobody else."""

import hashlib
from collections.abc import Mapping
from typing import Any

from tokenward.base.problems import CREDENTIAL_IN_CLAIM, Refusal
from tokenward.issuer.claims_request import claims_of_grant
from tokenward.issuer.context import Issuer
from tokenward.store.facts import person_facts
from tokenward.store.records import Client, Grant
from tokenward.tokens import base64url
from tokenward.tokens.acr import acr_of
from tokenward.tokens.credential_guard import CredentialInClaim
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.release import composed, released, within_scope
from tokenward.tokens.subjects import subject

ID_TOKEN_TYPE = "JWT"  # noqa: S105 - of the header; what relying parties know (OpenID Connect Core §2)


async def released_to_client(issuer: Issuer, client: Client, grant: Grant) -> dict[str, object]:
    """The claims of the ID token beyond the minimum.

    That is what the client's policy names, and the scopes cover or the person allowed one by one.

    Raises:
        StoreUnavailable: the person cannot be looked up.
    """
    asked = claims_of_grant(grant.claims, "id_token")
    names = within_scope(client.id_token_claims, grant.scope, asked)
    facts = await person_facts(issuer.store, names, user_id=grant.user_id, grant_id=grant.grant_id)
    return released(names, facts)


def id_token(
    issuer: Issuer,
    client: Client,
    grant: Grant,
    more: Mapping[str, object],
    *,
    nonce: str | None,
    access_token: str,
) -> str:
    """A signed ID token. Its audience is the client, so it is no access token anywhere.

    Args:
        issuer: who signs.
        client: whom it is for.
        grant: who signed in, when and how.
        more: what is released beyond the minimum.
        nonce: the client's, or None.
        access_token: the one that goes with it.

    Raises:
        Refusal: CREDENTIAL_IN_CLAIM; UNAVAILABLE, no key signs now.
    """
    now = int(issuer.clock.time())
    minimum: dict[str, Any] = {
        "iss": issuer.settings.url,
        "sub": subject(issuer.pairwise_key, grant.user_id, client.sector),
        "aud": grant.client_id,
        "exp": now + issuer.settings.access_token_lifetime,
        "iat": now,
        "auth_time": int(grant.auth_time),
        "amr": list(grant.amr),
        "acr": acr_of(grant.amr),
    }
    try:
        claims = composed(minimum, more)
    except CredentialInClaim as found:
        raise Refusal(CREDENTIAL_IN_CLAIM, f"grant {grant.grant_id}, {found}") from None
    claims["at_hash"] = _half_hash(access_token)
    if grant.sid is not None:
        claims["sid"] = grant.sid
    if nonce is not None:  # what the client sent is no news to it, whatever it looks like
        claims["nonce"] = nonce
    signer = issuer.signing_keys.signer(client.openid.id_token_signed_response_alg)
    return sign_jwt(signer, claims, typ=ID_TOKEN_TYPE)


def _half_hash(access_token: str) -> str:
    """`at_hash` for RS256 and ES256 (OpenID Connect Core §3.1.3.6): half of the SHA-256, base64url."""
    return base64url.encode(hashlib.sha256(access_token.encode()).digest()[:16])
