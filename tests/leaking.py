"""Whether a log holds a secret."""

import re

# A whole opaque token of any kind, or a signed JWT: nothing else tells those that other processes made.
_TOKEN = re.compile(rb"_[a-z]{2}_[0-9A-Za-z]{60}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")
_WORD = re.compile(rb"[\w.~+-]{16,}")


def leaks(log: bytes, secrets: set[bytes]) -> bool:
    """Whether `log` holds one of the secrets as a word, or any text that has the shape of a token."""
    return bool(_TOKEN.search(log)) or not secrets.isdisjoint(_WORD.findall(log))
