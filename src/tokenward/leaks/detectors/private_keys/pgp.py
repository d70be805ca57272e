"""Reads the first packet of an armoured OpenPGP secret key (RFC 9580 §4.2, §5.5.3)."""

import hashlib
from typing import Final

from tokenward.leaks.detectors.private_keys.armor import Armored
from tokenward.leaks.detectors.private_keys.key import Key

_SECRET_KEY: Final = 5
_KINDS: Final = {
    1: "RSA",
    2: "RSA",
    3: "RSA",
    16: "ElGamal",
    17: "DSA",
    18: "ECDH",
    19: "ECDSA",
    22: "EdDSA",
    27: "Ed25519",
}
# How many numbers of arbitrary size the public half has (§5.5.5); elliptic curves put their name before.
_NUMBERS: Final = {1: 2, 2: 2, 3: 2, 16: 3, 17: 4}
_VERSION: Final = 4


def read(block: Armored) -> Key | None:
    """What the block holds; None where it does not begin with a secret key."""
    try:
        packet = _first_packet(block.data)
        if packet is None or packet[0] != _VERSION or packet[5] not in _KINDS:
            # Keys of version 6 are too new to be met; they would be read as the same with other lengths.
            return None
        algorithm = packet[5]
        kind = _KINDS[algorithm]
        at = 6
        if algorithm in _NUMBERS:
            bits = int.from_bytes(packet[6:8], "big")
            kind = f"{kind} {bits}"
            for _ in range(_NUMBERS[algorithm]):
                at += 2 + (int.from_bytes(packet[at : at + 2], "big") + 7) // 8
        elif algorithm == 27:
            at += 32
        else:
            at += 1 + packet[at]
            at += 2 + (int.from_bytes(packet[at : at + 2], "big") + 7) // 8
            if algorithm == 18:
                at += 1 + packet[at]
        encrypted = packet[at] != 0  # §3.7.2.1: the S2K usage
    except IndexError:
        return None
    public = packet[:at]
    digest = hashlib.sha1(b"\x99" + len(public).to_bytes(2, "big") + public, usedforsecurity=False)
    return Key(f"OpenPGP {kind}", encrypted, "PGP:" + digest.hexdigest().upper())


def _first_packet(data: bytes) -> bytes | None:
    """The body of the first packet if it is a secret key."""
    first = data[0]
    if not first & 0x80:
        return None
    if first & 0x40:
        if first & 0x3F != _SECRET_KEY:
            return None
        if data[1] < 192:
            return data[2 : 2 + data[1]]
        if data[1] < 224:
            return data[3 : 3 + ((data[1] - 192) << 8) + data[2] + 192]
        return data[6 : 6 + int.from_bytes(data[2:6], "big")] if data[1] == 255 else None
    if first >> 2 & 0x0F != _SECRET_KEY:
        return None
    size = 1 << (first & 3)
    if size > 4:
        return data[1:]
    return data[1 + size : 1 + size + int.from_bytes(data[1 : 1 + size], "big")]
