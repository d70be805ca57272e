"""The canonical path: whatever two programs could read in two ways is refused, never repaired.

A gateway that normalises guesses how the backend normalises, and the difference is the attack. So a path
that needs interpretation (dot segments, encoded separators, path parameters, double encoding) gets a 400.
What remains has one reading; it is spelt in one way (RFC 3986 §6.2.2): unreserved characters bare, every
other percent-encoded byte with upper-case digits.
"""

import re
import unicodedata

from tokenward.base.problems import AMBIGUOUS_PATH, TOO_LARGE, Refusal

MAX_LENGTH = 8192
"""Longest path in bytes, as sent."""

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_BARE = _UNRESERVED | frozenset(b"!$&'()*+,=:@")  # RFC 3986 §3.3 pchar, without ";": path parameters
_SEPARATORS = "/\\.;%?#"
# Not folded by NFKC, but by "best fit" code pages: fraction and division slashes, set minus, big solidus.
_LOOKALIKES = frozenset("\u2044\u2215\u2216\u29f5\u29f8\u29f9")

# Nothing to decode and nothing to doubt: what nearly every request sends.
_PLAIN = re.compile(rb"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*/?")
_DOTS = re.compile(r"(?:\.|%20)+")  # spaces too: some file systems ignore them at the end of a name


def canonical_path(raw: bytes) -> str:
    """The one spelling of a path, percent-encoded, ASCII.

    Args:
        raw: the path as sent, without the query.

    Raises:
        Refusal: AMBIGUOUS_PATH, there is more than one reading; TOO_LARGE, above `MAX_LENGTH`.
    """
    if len(raw) > MAX_LENGTH:
        raise Refusal(TOO_LARGE, f"a path of {len(raw)} bytes")
    if raw and _PLAIN.fullmatch(raw):
        return raw.decode("ascii")
    if not raw.startswith(b"/"):
        raise _ambiguous("it does not begin with a slash")
    *inner, last = [_segment(segment) for segment in raw[1:].split(b"/")]
    if "" in inner:
        raise _ambiguous("an empty segment")
    return "/" + "/".join([*inner, last])


def _segment(raw: bytes) -> str:
    text: list[str] = []
    decoded = bytearray()
    position = 0
    while position < len(raw):
        byte = raw[position]
        if byte == 0x25:
            byte = _escaped(raw[position + 1 : position + 3])
            position += 2
            text.append(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}")
        elif byte in _BARE:
            text.append(chr(byte))
        else:
            raise _ambiguous(f"byte 0x{byte:02x} must not stand in a path")
        decoded.append(byte)
        position += 1
    if not decoded.isascii():
        _check_unicode(bytes(decoded))
    spelt = "".join(text)
    if _DOTS.fullmatch(spelt):
        raise _ambiguous("a dot segment")
    return spelt


def _escaped(digits: bytes) -> int:
    if len(digits) != 2 or not all(digit in b"0123456789abcdefABCDEF" for digit in digits):
        raise _ambiguous("a malformed percent-encoding")
    byte = int(digits, 16)
    if byte < 0x20 or byte == 0x7F:
        raise _ambiguous(f"an encoded control character 0x{byte:02x}")
    if byte in b"/\\;%?#":
        raise _ambiguous(f"an encoded {chr(byte)}")
    return byte


def _check_unicode(segment: bytes) -> None:
    try:
        text = segment.decode("utf-8")  # strict: over-long forms and surrogates fail too
    except UnicodeDecodeError:
        raise _ambiguous("it is not UTF-8") from None
    if not unicodedata.is_normalized("NFC", text):
        raise _ambiguous("it is not in Unicode normalisation form C")
    for character in text:
        if character.isascii():
            continue
        folded = unicodedata.normalize("NFKC", character)
        if character in _LOOKALIKES or any(separator in folded for separator in _SEPARATORS):
            raise _ambiguous(f"U+{ord(character):04X} looks like a separator")
        if unicodedata.category(character) == "Cc":
            raise _ambiguous(f"the control character U+{ord(character):04X}")


def _ambiguous(why: str) -> Refusal:
    return Refusal(AMBIGUOUS_PATH, why)
