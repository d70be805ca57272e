"""The name by which a secret is known again, without anybody learning it from the name.

A format with a valid checksum holds enough randomness for a plain SHA-256; that is also what an issuer knows
our own tokens by when they are reported (`POST /leaks`). Of everything else a hash would let people try
guesses against a committed file: it gets an HMAC under a key that is not committed.
"""

import hashlib
import hmac


def fingerprint(secret: bytes, *, checksum_valid: bool, key: bytes) -> str:
    """Either "sha256:" or "hmac:", and 64 hex digits.

    Args:
        secret: its bytes, without quotes and escapes.
        checksum_valid: its format has a checksum, and this one's is right.
        key: of the baseline, or made up for this run: then no other run gives the same "hmac:".
    """
    if checksum_valid:
        return "sha256:" + hashlib.sha256(secret).hexdigest()
    return "hmac:" + hmac.digest(key, secret, "sha256").hex()
