"""Tokenward: the whole life of an API token. What is exported here needs no server part."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenward.tokens.claims import VerifiedClaims
    from tokenward.tokens.errors import InvalidToken
    from tokenward.tokens.jwks import JwksSource
    from tokenward.tokens.validator import JwtValidator

__all__ = ["InvalidToken", "JwksSource", "JwtValidator", "VerifiedClaims"]

_ROOMS = {
    "InvalidToken": "errors",
    "JwksSource": "jwks",
    "JwtValidator": "validator",
    "VerifiedClaims": "claims",
}


def __getattr__(name: str) -> object:
    """Import a name when it is asked for (PEP 562): a commit hook needs none, and may not wait for all."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"tokenward.tokens.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
