"""For whom an access token stands (RFC 9068 §2.2)."""

from tokenward.issuer.context import Issuer
from tokenward.store.records import AccessToken
from tokenward.tokens.subjects import subject


def token_subject(issuer: Issuer, token: AccessToken, sector: str) -> str:
    """The `sub` under which that sector knows the person; a client that acts for itself is the subject."""
    if token.user_id:
        return subject(issuer.pairwise_key, token.user_id, sector)
    return token.subject_client or token.client_id
