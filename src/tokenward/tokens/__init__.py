"""Token rules without I/O: formats, keys, signatures and the strict validator."""

from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.jws import verify_jws

__all__ = ["InvalidToken", "verify_jws"]
