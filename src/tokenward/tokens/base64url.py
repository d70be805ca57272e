"""base64url as JOSE uses it (RFC 7515 §2): no padding, no white space, and one spelling only.

The usual decoders skip foreign characters and ignore stray trailing bits, so that many texts mean the same
bytes. Here each byte string has exactly one text.
"""

import base64
import binascii


def encode(data: bytes) -> str:
    """The text, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes.

    Raises:
        ValueError: `text` is not what `encode` writes for any bytes.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
