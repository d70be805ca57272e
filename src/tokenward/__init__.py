"""Tokenward: the whole life of an API token. What is exported here needs no server part."""

from typing import TYPE_CHECKING

from tokenward.base.deferred import deferred

if TYPE_CHECKING:
    from tokenward.tokens.claims import VerifiedClaims
    from tokenward.tokens.errors import InvalidToken
    from tokenward.tokens.jwks import JwksSource
    from tokenward.tokens.validator import JwtValidator

__all__ = ["InvalidToken", "JwksSource", "JwtValidator", "VerifiedClaims"]

__getattr__ = deferred(
    __name__,
    {
        "InvalidToken": "tokenward.tokens.errors",
        "JwksSource": "tokenward.tokens.jwks",
        "JwtValidator": "tokenward.tokens.validator",
        "VerifiedClaims": "tokenward.tokens.claims",
    },
)
