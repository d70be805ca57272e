"""Reads the private keys of OpenSSL and OpenSSH (RFC 7468, 8017 A.1, 5915, 5958, PROTOCOL.key)."""

import warnings
from typing import TYPE_CHECKING, Final

from tokenward.leaks.detectors.private_keys import fingerprints
from tokenward.leaks.detectors.private_keys.armor import Armored
from tokenward.leaks.detectors.private_keys.key import Key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_OPENSSH_MAGIC: Final = b"openssh-key-v1\0"
_SSH_KINDS: Final = {
    b"ssh-rsa": "RSA",
    b"ssh-dss": "DSA",
    b"ssh-ed25519": "Ed25519",
    b"ecdsa-sha2-nistp256": "EC P-256",
    b"ecdsa-sha2-nistp384": "EC P-384",
    b"ecdsa-sha2-nistp521": "EC P-521",
}
_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
# The smallest that make sense: an Ed25519 key of PKCS#8 has 48 octets, an encrypted block of it 32 more.
_SMALLEST: Final = 32


def read(block: Armored) -> Key | None:
    """What the block holds; None where it is none of these, or broken."""
    if len(block.data) < _SMALLEST:
        return None
    if block.label == b"ENCRYPTED PRIVATE KEY":
        return Key("PKCS#8", encrypted=True) if _is_sequence(block.data) else None
    if b"ENCRYPTED" in block.headers.get(b"proc-type", b"") or b"dek-info" in block.headers:
        return Key(block.label.decode().removesuffix("PRIVATE KEY").strip() or "PEM", encrypted=True)
    if block.label == b"OPENSSH PRIVATE KEY" or block.data.startswith(_OPENSSH_MAGIC):
        return _openssh(block.data)
    return _der(block.data)


def _is_sequence(data: bytes) -> bool:
    """Whether it is one DER sequence from its first octet to its last (X.690 §8.1.3)."""
    if data[0] != 0x30:
        return False
    if data[1] < 0x80:
        return len(data) == 2 + data[1]
    size = data[1] & 0x7F
    return len(data) == 2 + size + int.from_bytes(data[2 : 2 + size], "big")


def _openssh(data: bytes) -> Key | None:
    if not data.startswith(_OPENSSH_MAGIC):
        return None
    try:
        cipher, rest = _string(data[len(_OPENSSH_MAGIC) :])
        _derivation, rest = _string(rest)
        _options, rest = _string(rest)
        public, rest = _string(rest[4:])
        name, fields = _string(public)
        _private, _ = _string(rest)
    except ValueError:
        return None
    kind = _SSH_KINDS.get(name)
    if kind is None:
        return None
    if kind in {"RSA", "DSA"}:
        try:
            number = _string(fields)[0] if kind == "DSA" else _string(_string(fields)[1])[0]
        except ValueError:
            return None
        kind = f"{kind} {int.from_bytes(number, 'big').bit_length()}"
    return Key(kind, encrypted=cipher != b"none", fingerprint=fingerprints.of_wire(public))


def _string(data: bytes) -> tuple[bytes, bytes]:
    """The first string of ssh's wire form and the rest (RFC 4251 §5)."""
    size = int.from_bytes(data[:4], "big")
    if len(data) < 4 + size:
        raise ValueError("cut off")
    return data[4 : 4 + size], data[4 + size :]


def _der(data: bytes) -> Key | None:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - takes longer than a small scan
    from cryptography.hazmat.primitives.serialization import load_der_private_key  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of keys that are short or old-fashioned: they leak all the same
            # Whether p and q are prime takes milliseconds and matters to nobody here.
            key = load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
            return Key(kind(key), fingerprint=fingerprints.of_key(key.public_key()))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def kind(key: "PrivateKeyTypes") -> str:
    """The kind and size of a key, in words."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa  # noqa: PLC0415

    match key:
        case rsa.RSAPrivateKey():
            return f"RSA {key.key_size}"
        case dsa.DSAPrivateKey():
            return f"DSA {key.key_size}"
        case ec.EllipticCurvePrivateKey():
            return f"EC {_CURVES.get(key.curve.name, key.curve.name)}"
    return type(key).__name__.lstrip("_").removesuffix("PrivateKey")
