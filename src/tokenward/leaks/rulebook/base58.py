"""Base58Check, in which Bitcoin writes private keys: https://en.bitcoin.it/wiki/Base58Check_encoding."""

from collections.abc import Callable
from hashlib import sha256

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {ord(character): value for value, character in enumerate(ALPHABET)}

# What the bytes begin with -> how many they are without the four of the checksum.
_SIZES = {
    b"\x80": (33, 34),  # a key as a wallet exports it, of an uncompressed or a compressed point
    b"\x04\x88\xad\xe4": (78,),  # an extended private key (BIP 32): xprv, and yprv and zprv (SLIP 132)
    b"\x04\x9d\x78\x78": (78,),
    b"\x04\xb2\x43\x0c": (78,),
}


def valid(secret: bytes) -> bool:
    """Whether it is a private key with a right checksum."""
    number = 0
    for character in secret:
        if character not in _VALUES:
            return False
        number = number * 58 + _VALUES[character]
    decoded = number.to_bytes((number.bit_length() + 7) // 8)
    body, checksum = decoded[:-4], decoded[-4:]
    if not any(body.startswith(head) and len(body) in sizes for head, sizes in _SIZES.items()):
        return False
    return _checksum(body) == checksum


def make(draw: Callable[[str, int], str], wanted: str) -> bytes:
    """A key whose bytes begin with these, in hex."""
    head = bytes.fromhex(wanted)
    body = head + bytes.fromhex(draw("0123456789abcdef", 2 * (_SIZES[head][0] - len(head))))
    number, digits = int.from_bytes(body + _checksum(body)), ""
    while number:
        number, digit = divmod(number, 58)
        digits = ALPHABET[digit] + digits
    return digits.encode()


def _checksum(body: bytes) -> bytes:
    return sha256(sha256(body).digest()).digest()[:4]
