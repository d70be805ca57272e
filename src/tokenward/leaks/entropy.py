"""How much a secret's characters differ."""

from collections import Counter
from math import log2


def entropy(secret: bytes) -> float:
    """Shannon entropy in bits a character; 0 of nothing."""
    size = len(secret)
    return -sum(count / size * log2(count / size) for count in Counter(secret).values())
