"""Authenticated encryption for what the database holds and only we may read.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce in front. One key seals at most 2³² messages (§8.3);
keys here are derived per purpose, or per token, and stay far below that.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tokenward.base.entropy import random_bytes

_NONCE = 12
_TAG = 16


class SealBroken(ValueError):  # noqa: N818 - the domain's word
    """The sealed bytes were changed, moved to another context, or sealed under another key."""

    def __init__(self) -> None:
        super().__init__("the seal is broken")


class Sealer:
    """Seals and opens under one 256-bit key."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("the sealing key must have 32 bytes")
        self._aead = AESGCM(key)

    def seal(self, plaintext: bytes, *, context: bytes) -> bytes:
        """Nonce ‖ ciphertext ‖ tag. `context` is authenticated, not stored: open with the same bytes."""
        nonce = random_bytes(_NONCE)
        return nonce + self._aead.encrypt(nonce, plaintext, context)

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """The plaintext.

        Raises:
            SealBroken: for whatever reason; which one is nobody's business.
        """
        if len(sealed) < _NONCE + _TAG:
            raise SealBroken
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], context)
        except InvalidTag:
            raise SealBroken from None


def derive_key(secret: bytes, *, info: bytes, salt: bytes = b"") -> bytes:
    """32 bytes by HKDF-SHA256 (RFC 5869). `secret` must be high-entropy; `info` names the purpose."""
    return HKDF(algorithm=SHA256(), length=32, salt=salt or None, info=info).derive(secret)
