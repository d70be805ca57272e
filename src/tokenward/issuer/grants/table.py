"""Every grant type that the token endpoint knows."""

from tokenward.issuer.grants import (
    authorization_code,
    client_credentials,
    device_code,
    jwt_bearer,
    refresh_token,
    token_exchange,
)
from tokenward.issuer.grants.grant import GrantType

GRANTS: dict[str, GrantType] = {
    grant.name: grant
    for grant in (
        client_credentials.GRANT,
        authorization_code.GRANT,
        refresh_token.GRANT,
        token_exchange.GRANT,
        jwt_bearer.GRANT,
        device_code.GRANT,
    )
}
