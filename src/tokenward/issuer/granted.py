"""The first tokens of a grant, for what stood in its place until it was fetched: a code of some kind."""

from collections.abc import Awaitable, Callable

from tokenward.base.problems import INVALID_GRANT, Refusal
from tokenward.issuer.client_auth.method import AuthenticatedClient
from tokenward.issuer.context import Issuer
from tokenward.issuer.id_token import id_token, released_to_client
from tokenward.issuer.issue import TokenResponse, granted_access_token, granted_refresh_token
from tokenward.issuer.scopes import Share
from tokenward.issuer.settings import OFFLINE_ACCESS, OPENID
from tokenward.issuer.token_type import token_type
from tokenward.store.locators import with_fresh_locators
from tokenward.store.records import AccessToken, Consumption, Grant, RefreshToken

Consume = Callable[[AccessToken, RefreshToken | None], Awaitable[Consumption]]


async def first_tokens(
    issuer: Issuer,
    caller: AuthenticatedClient,
    grant: Grant,
    consume: Consume,
    *,
    share: Share,
    nonce: str | None,
    named: str,
) -> TokenResponse:
    """All tokens that the grant gives, once.

    Args:
        issuer: the parts.
        caller: who fetches them, whose the grant was found to be.
        grant: what the person allowed.
        consume: uses the code up and stores these tokens, by one unit of the store.
        share: what the access token gets of the grant; the refresh token keeps all.
        nonce: for the ID token.
        named: what the log calls the code.

    Raises:
        Refusal: INVALID_GRANT, it was used, is revoked or over; whatever keeps a token from being made.
    """
    told = await released_to_client(issuer, caller.client, grant) if OPENID in grant.scope else {}

    async def attempt() -> TokenResponse:
        token, access = granted_access_token(issuer, caller, grant, share)
        successor, refresh = (
            granted_refresh_token(issuer, caller, grant) if OFFLINE_ACCESS in grant.scope else (None, None)
        )
        # What is slow, or can fail, comes before anything is consumed.
        response = TokenResponse(
            access_token=token.reveal(),
            token_type=token_type(access.cnf),
            expires_at=access.expires_at,
            scope=access.scope,
            refresh_token=successor.secret.reveal() if successor else None,
            id_token=id_token(issuer, caller.client, grant, told, nonce=nonce, access_token=token.reveal())
            if OPENID in grant.scope
            else None,
            authorization_details=access.authorization_details,
        )
        # Whether the code is unused, in time and unrevoked is for this one statement to say.
        outcome = await consume(access, refresh)
        if outcome is not Consumption.WON:
            raise Refusal(INVALID_GRANT, f"{named}: {outcome.value}")
        return response

    return await with_fresh_locators(attempt)
