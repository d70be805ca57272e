"""The one seam through which the house takes randomness."""

import secrets

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE62_PAIRS = tuple(first + second for first in BASE62 for second in BASE62)
"""Every group of two digits, by its value: 62² = 3844 of them."""

LOCATOR_BITS = 21
"""The random part of a locator."""


def random_bytes(count: int) -> bytes:
    """`count` bytes from the operating system's generator."""
    return secrets.token_bytes(count)


def random_bits(bits: int) -> int:
    """An integer of `bits` random bits."""
    return secrets.randbits(bits)


def base62(number: int, width: int) -> str:
    """`number` in the alphabet 0-9A-Za-z, zero-padded to `width` characters.

    The alphabet is in ASCII order, so equally wide texts sort as their numbers do.

    Raises:
        ValueError: the number is negative or does not fit.
    """
    if not 0 <= number < 62**width:
        raise ValueError(f"does not fit into {width} base62 characters")
    groups = []
    rest = number
    while rest:
        rest, group = divmod(rest, 3844)
        groups.append(BASE62_PAIRS[group])
    return "".join(reversed(groups)).rjust(width, "0")[-width:]


def locator(milliseconds: int, bits: int | None = None) -> str:
    """Eleven base62 characters: 44 bits of time, then `LOCATOR_BITS` random bits; drawn here if not given.

    Rows keyed by it are appended where the last ones were, instead of dirtying a page each.
    Two can collide within a millisecond, so whoever inserts one retries on conflict.
    """
    chance = random_bits(LOCATOR_BITS) if bits is None else bits
    return base62(milliseconds << LOCATOR_BITS | chance, 11)


def identifier() -> str:
    """Twenty-two base62 characters (130 bits) for things whose age is nobody's business."""
    return base62(random_bits(130), 22)
