"""The one seam through which the house takes randomness."""

import os
import threading
from collections.abc import Callable
from io import BytesIO

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE62_PAIRS = tuple(first + second for first in BASE62 for second in BASE62)
"""Every group of two digits, by its value: 62² = 3844 of them."""

LOCATOR_BITS = 21
"""The random part of a locator."""

_FETCHED = 4096  # bytes at a time
_LARGE = 256  # bytes that are worth a call of their own

# A byte below 248 = 4 · 62 gives each of the 62 digits with the same chance; the others are left out.
_DIGIT_OF_BYTE = bytes(ord(BASE62[byte % 62]) for byte in range(256))
_LEFT_OUT = bytes(range(248, 256))


class _Reserve:
    """What is made of the operating system's random bytes, many at a time. Each is handed out once.

    A call of the system lets go of the interpreter's lock, and waits for it whenever another thread, such as
    the store's writer, is busy: for each token that took longer than all else that it is made of.
    """

    def __init__(self, made_of: Callable[[bytes], bytes]) -> None:
        self._lock = threading.Lock()
        self._made_of = made_of
        self._left = BytesIO()

    def take(self, count: int) -> bytes:
        with self._lock:
            taken = self._left.read(count)
            while len(taken) < count:
                self._left = BytesIO(self._made_of(os.urandom(_FETCHED)))
                taken += self._left.read(count - len(taken))
            return taken


def _themselves(random: bytes) -> bytes:
    return random


def _digits(random: bytes) -> bytes:
    return random.translate(_DIGIT_OF_BYTE, _LEFT_OUT)


_bytes_reserve, _digits_reserve = _Reserve(_themselves), _Reserve(_digits)


def _start_anew() -> None:
    """For a forked child, which would hand out the same as its parent."""
    # Not emptied: a lock that another thread held at the fork stays locked for ever.
    global _bytes_reserve, _digits_reserve
    _bytes_reserve, _digits_reserve = _Reserve(_themselves), _Reserve(_digits)


os.register_at_fork(after_in_child=_start_anew)


def random_bytes(count: int) -> bytes:
    """`count` bytes from the operating system's generator."""
    return _bytes_reserve.take(count) if 0 < count <= _LARGE else os.urandom(count)


def random_bits(bits: int) -> int:
    """An integer of `bits` random bits."""
    return int.from_bytes(random_bytes((bits + 7) // 8)) >> (-bits % 8)


def random_base62(width: int) -> str:
    """`width` random digits of base 62: 5.95 bits each, 256 in 43 of them."""
    return _digits_reserve.take(width).decode()


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


def locator(milliseconds: int) -> str:
    """Eleven base62 characters: 44 bits of time, then `LOCATOR_BITS` random bits.

    Rows keyed by it are appended where the last ones were, instead of dirtying a page each.
    Two can collide within a millisecond, so whoever inserts one retries on conflict.
    """
    return base62(milliseconds << LOCATOR_BITS | random_bits(LOCATOR_BITS), 11)


def identifier() -> str:
    """Twenty-two base62 characters (130 bits) for things whose age is nobody's business."""
    return random_base62(22)
