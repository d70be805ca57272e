"""Access tokens in the form of a JWT (RFC 9068), for clients that are configured for it.

Whoever holds one reads it, and what it says cannot be taken back until it expires. So it carries the minimum
and nothing that a policy releases; and it is revoked like any other token, for whoever asks us: the `jti` is
the `token_id` of its row, and the row has the keyed hash of the whole text.
"""

import json

from tokenward.base.problems import CREDENTIAL_IN_CLAIM, Refusal
from tokenward.issuer.context import Issuer
from tokenward.issuer.token_subject import token_subject
from tokenward.store.records import AccessToken, Client
from tokenward.tokens.credential_guard import CredentialInClaim
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.release import MEANINGS, MINIMUM, composed

ACCESS_TOKEN_ALGORITHM = "ES256"  # noqa: S105 - the name of an algorithm
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068 §2.1


def access_jwt(issuer: Issuer, client: Client, record: AccessToken) -> str:
    """The token of that record as a signed JWT.

    `sub` is the person as the client knows them, or where that is public, as the API does: pairwise for
    whoever of the two must not know more.

    Raises:
        Refusal: CREDENTIAL_IN_CLAIM; UNAVAILABLE, no key signs now.
    """
    resource = issuer.settings.resources.get(record.audience)
    sector = client.sector or (resource.sector if resource else "")
    claims = {
        "iss": issuer.settings.url,
        "aud": record.audience,
        "sub": token_subject(issuer, record, sector),
        "client_id": record.client_id,
        "scope": " ".join(record.scope),
        "iat": int(record.issued_at),
        "exp": int(record.expires_at),
        "jti": record.token_id,
    }
    if record.cnf is not None:
        claims["cnf"] = record.cnf.claim()
    if record.act is not None:
        claims["act"] = json.loads(record.act)  # RFC 8693 §4.1
    if record.authorization_details is not None:
        claims["authorization_details"] = json.loads(record.authorization_details)  # RFC 9396 §9.1
    try:
        claims = composed(claims, {})
    except CredentialInClaim as found:
        raise Refusal(CREDENTIAL_IN_CLAIM, f"token {record.token_id}, {found}") from None
    key = issuer.signing_keys.signer(ACCESS_TOKEN_ALGORITHM)
    return sign_jwt(key, claims, typ=ACCESS_TOKEN_TYPE)


def exposure(client: Client) -> tuple[str, ...]:
    """What the access tokens of this client give away to whoever holds one, in plain words, a line each.

    Nothing for opaque ones.
    """
    if client.access_token_format == "opaque":  # noqa: S105 - a form, not a token
        return ()
    pairwise = "whom it stands for, by a number that only applications of the same sector see"
    meanings = {**MEANINGS, "sub": pairwise} if client.sector else MEANINGS
    return (
        *(f"{claim}: {meanings[claim]}" for claim in MINIMUM["outside"]),
        *(
            f"authorization_details: what exactly it allows, every value of it ({kind})"
            for kind in client.authorization_details_types
        ),
        "whoever holds the token reads all of this, and it cannot be unsaid before the token expires",
        "who checks the JWT alone, and asks neither gateway nor introspection, accepts it after a revocation",
    )
