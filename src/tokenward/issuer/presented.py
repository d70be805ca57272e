"""The access token of ours that somebody shows to the issuer, opaque or JWT, if it is alive."""

from tokenward.issuer.context import Issuer
from tokenward.store.live import live_access_token
from tokenward.store.records import AccessToken
from tokenward.tokens.presented import claimed_token_id, is_jwt, signing_kid


async def presented_access_token(issuer: Issuer, text: str) -> AccessToken | None:
    """The token; None for what is unknown, expired, revoked, of somebody else or of another kind.

    A JWT whose key was removed is none: with a compromised key goes all that it signed.

    Raises:
        StoreUnavailable: nobody can know.
    """
    token_id = claimed_token_id(text, prefix=issuer.settings.token_prefix)
    if token_id is None or (is_jwt(text) and not issuer.signing_keys.publishes(signing_kid(text))):
        return None
    return await live_access_token(issuer.store, issuer.peppers, text, token_id, at=issuer.clock.time())
