"""base64url as JOSE uses it (RFC 7515 §2): no padding, no white space, and one spelling only.

The usual decoders skip foreign characters and ignore stray trailing bits, so that many texts mean the same
bytes. Here each byte string has exactly one text.
"""

import base64
from binascii import a2b_base64

# The two characters that differ, and those of the other alphabet made foreign.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"", b"==", b"=")
# RFC 4648 §3.5: the last characters that leave no stray bits, by the length of the last group.
_LAST = (frozenset[str](), frozenset[str](), frozenset("AQgw"), frozenset("AEIMQUYcgkosw048"))


def encode(data: bytes) -> str:
    """The text, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes.

    Raises:
        ValueError: `text` is not what `encode` writes for any bytes.
    """
    rest = len(text) % 4
    if rest and text[-1] not in _LAST[rest]:
        raise ValueError("not canonical base64url")
    try:
        return a2b_base64(text.encode("ascii").translate(_TO_STANDARD) + _PADDING[rest], strict_mode=True)
    except ValueError:  # also what encoding and decoding raise
        raise ValueError("not base64url") from None
