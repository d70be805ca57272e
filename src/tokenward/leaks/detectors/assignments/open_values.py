"""Values that everybody may see: made to be public, or sealed so that nobody can read them."""

import re
from typing import Final

_OPEN: Final = (
    ("a version", rb"[\^~=<>]{0,2}v?\d{1,4}(?:\.\d{1,6}){1,4}(?:[.+-]?[A-Za-z0-9]{1,12}){0,2}"),
    ("an address on a block chain", rb"0x[0-9a-fA-F]{40}"),
    ("a publishable key", rb"pk_(?:live|test)_\w+"),
    ("an id that goes with a secret", rb"(?:SK|AC)[0-9a-f]{32}|SCW[A-Z0-9]{17}|EXO[0-9a-f]{24}"),
    ("a public key of age", rb"age1[02-9ac-hj-np-z]{58}"),
    ("a public key of P-256", rb"B[A-P][A-Za-z0-9_-]{85}(?:=|[A-Za-z0-9_-])?"),  # SEC 1 §2.3.3: 4, x, y
    ("encrypted under a passphrase by OpenSSL", rb"U2FsdGVkX1[A-Za-z0-9+/\\n]+={0,2}"),
    ("sealed for a cluster", rb"Ag[A-Za-z0-9+/]{200,}={0,2}"),
    ("a password's hash of MySQL", rb"\*[0-9A-F]{40}"),
    ("a path", rb"(?:exec:)?/(?:[\w.@-]+/)+[\w.@:-]*"),
)
_PATTERNS: Final = tuple((why, re.compile(pattern)) for why, pattern in _OPEN)


def open_to_all(value: bytes) -> str:
    """Why the value is no secret, or ""."""
    return next((why for why, pattern in _PATTERNS if pattern.fullmatch(value)), "")
