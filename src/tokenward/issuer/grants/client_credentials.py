"""RFC 6749 §4.4: a client acts in its own name. No refresh token: it can authenticate again (§4.4.3)."""

from collections.abc import Mapping

from tokenward.issuer.client_auth.method import CONFIDENTIAL, AuthenticatedClient
from tokenward.issuer.context import Issuer
from tokenward.issuer.grants.grant import GrantType
from tokenward.issuer.issue import TokenResponse, client_access_token
from tokenward.issuer.scopes import own_access
from tokenward.issuer.token_type import token_type
from tokenward.store.locators import with_fresh_locators


async def redeem(issuer: Issuer, caller: AuthenticatedClient, parameters: Mapping[str, str]) -> TokenResponse:
    """An access token for the client itself."""
    access = own_access(issuer.settings, caller.client, parameters)

    async def attempt() -> TokenResponse:
        token, record = client_access_token(issuer, caller, access)
        await issuer.store.add_access_token(record)
        return TokenResponse(
            token.reveal(),
            token_type(record.cnf),
            record.expires_at,
            record.scope,
            authorization_details=record.authorization_details,
        )

    return await with_fresh_locators(attempt)


GRANT = GrantType(
    "client_credentials",
    client_types=CONFIDENTIAL | {"agent"},
    required=(),
    optional=("scope", "resource", "authorization_details"),
    redeem=redeem,
    proven=True,
)
