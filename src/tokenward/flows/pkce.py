"""Proof Key for Code Exchange, method S256 (RFC 7636)."""

import hashlib
import re

from tokenward.base.entropy import random_bytes
from tokenward.base.secret import Secret
from tokenward.tokens import base64url

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # §4.1


def new_verifier() -> Secret:
    """A fresh code verifier: 256 random bits in 43 characters (§4.1)."""
    return Secret(base64url.encode(random_bytes(32)))


def challenge(verifier: str) -> str:
    """The S256 code challenge of a verifier (§4.2).

    Raises:
        ValueError: the verifier breaks the syntax of §4.1.
    """
    if not is_verifier(verifier):
        raise ValueError("a code verifier has 43 to 128 unreserved characters")
    return base64url.encode(hashlib.sha256(verifier.encode("ascii")).digest())


def is_verifier(text: str) -> bool:
    """Whether `text` has the syntax of a code verifier."""
    return _VERIFIER.fullmatch(text) is not None


def is_challenge(text: str) -> bool:
    """Whether `text` can be an S256 challenge: the base64url of 32 bytes."""
    try:
        return len(base64url.decode(text)) == 32
    except ValueError:
        return False
