"""Where a CBOR item ends, for the narrow CBOR that authenticators may write (CTAP 2.1 §8, RFC 8949 §4.2).

A general decoder gives tags a meaning (it compiles regular expressions, computes fractions) and stops at the
end of the first item, whatever follows. Here tags, floats and indefinite lengths are no CBOR, nesting is
bounded, and what follows is told; a decoder sees only what passed.
"""

from typing import NoReturn

MAX_DEPTH = 4  # CTAP 2.1 §8
_SIMPLE = {0xF4, 0xF5, 0xF6}  # false, true, null
_WIDTHS = {24: 1, 25: 2, 26: 4, 27: 8}


def item_end(data: bytes, at: int = 0, *, depth: int = MAX_DEPTH) -> int:
    """The offset behind the item that begins at `at`.

    Raises:
        ValueError: there is no item, or it is longer than the data, deeper than `depth`, or beyond what
            authenticators write.
    """
    if at >= len(data):
        _refuse("ends early")
    first = data[at]
    at += 1
    if first in _SIMPLE:
        return at
    major, argument = first >> 5, first & 31
    if major > 5 or argument > 27:
        _refuse("a tag, a float or an indefinite length")
    if argument >= 24:
        width = _WIDTHS[argument]
        argument = int.from_bytes(data[at : at + width])
        at += width
    if major < 2:  # an integer
        end, items = at, 0
    elif major < 4:  # a string of bytes or of text
        end, items = at + argument, 0
    else:  # an array; a map has twice as many
        end, items = at, argument * (major - 3)
    if end + items > len(data):
        _refuse("ends early")
    if items and not depth:
        _refuse("nested too deep")
    for _ in range(items):
        end = item_end(data, end, depth=depth - 1)
    return end


def _refuse(why: str) -> NoReturn:
    raise ValueError(f"not an authenticator's CBOR: {why}")
