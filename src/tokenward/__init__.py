"""Tokenward: the whole life of an API token. What is exported here needs no server part."""

from tokenward.tokens.claims import VerifiedClaims
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.jwks import JwksSource
from tokenward.tokens.validator import JwtValidator

__all__ = ["InvalidToken", "JwksSource", "JwtValidator", "VerifiedClaims"]
