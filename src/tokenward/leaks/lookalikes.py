"""What has the shape of a secret and stands for one: `sk_live_xxxxxxxxxxxxxxxxxxxxxxxx`, `AKIA…EXAMPLE`.

Narrower than what is asked of a value that nothing but its name speaks for: here a format speaks for it, and
of the secrets that a generator makes, not one in a million may be taken for a placeholder.
"""

import re

_WORDS = re.compile(rb"x{6}|example|your[_-]|placeholder|redacted|changeme", re.IGNORECASE)
_RUN = re.compile(rb"([^A])\1{7}")  # the same character eight times; zeros in base64 are As
_ORDERS = tuple(
    order[at : at + 8]
    for order in (b"0123456789abcdefghijklmnopqrstuvwxyz", b"1234567890abcdef", b"zyxwvutsrqponmlkjihgfedcba")
    for at in range(len(order) - 7)
)
_TAIL = 16
_FEW = 2


def lookalike(secret: bytes) -> str:
    """Why it is none, or ""."""
    if _WORDS.search(secret):
        return "a placeholder's words"
    if _RUN.search(secret) or len(set(secret[-_TAIL:])) <= _FEW:
        return "hardly two characters differ"
    lower = secret.lower()
    if any(order in lower for order in _ORDERS):
        return "characters in their order"
    return ""
