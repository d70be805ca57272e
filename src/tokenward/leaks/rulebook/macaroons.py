"""Macaroons in the binary format of version 2, as the Python package index issues them.

    2  location: type, length, bytes  identifier: the same  0  { caveat fields  0 }  0  signature: 6, 32, ...

Source: libmacaroons, doc/format.txt; pypi/warehouse, warehouse/macaroons/services.py. The signature is an
HMAC under the index's key, so nobody else can check it; that it is there, and that all before it parses, is
what a look-alike does not do.
"""

import base64
import binascii
from collections.abc import Callable, Iterator

_PREFIX = "pypi-"
_LOCATIONS = frozenset({b"pypi.org", b"test.pypi.org"})
_LOCATION, _IDENTIFIER, _VERIFICATION, _SIGNATURE = 1, 2, 4, 6
_END = 0


def valid(secret: bytes) -> bool:
    """Whether it is "pypi-" and a whole macaroon of the index or of its test site."""
    body = secret.removeprefix(_PREFIX.encode())
    try:
        parsed = base64.b64decode(body + b"=" * (-len(body) % 4), b"-_", validate=True)
    except binascii.Error:
        return False
    if parsed[:1] != b"\2":
        return False
    try:
        fields = list(_fields(parsed[1:]))
    except ValueError:
        return False
    kinds = [kind for kind, _ in fields]
    if kinds[:3] != [_LOCATION, _IDENTIFIER, _END] or kinds[-2:] != [_END, _SIGNATURE]:
        return False
    return fields[0][1] in _LOCATIONS and len(fields[-1][1]) == 32


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each field; ends of sections are of type 0.

    Raises:
        ValueError: the bytes end within a length, or a type is unknown.
    """
    at = 0
    while at < len(data):
        kind = data[at]
        at += 1
        if kind == _END:
            yield kind, b""
            continue
        if kind not in {_LOCATION, _IDENTIFIER, _VERIFICATION, _SIGNATURE}:
            raise ValueError("unknown type of field")
        size, at = _number(data, at)
        yield kind, data[at : at + size]
        at += size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A length in groups of seven bits, the low ones first, and where it ends."""
    number = shift = 0
    while at < len(data) and shift <= 14:
        number |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return number, at
        shift += 7
    raise ValueError("a length without an end")


def make(draw: Callable[[str, int], str], wanted: str) -> bytes:
    """A macaroon of that location ("" is pypi.org) with one caveat, signed by nobody."""
    from uuid import UUID  # noqa: PLC0415 - slow to import, and for examples only

    identifier = str(UUID(hex=draw("0123456789abcdef", 32), version=4)).encode()
    signature = bytes.fromhex(draw("0123456789abcdef", 64))
    location = wanted.encode() or b"pypi.org"
    caveat = b'[3,"' + str(UUID(hex=draw("0123456789abcdef", 32), version=4)).encode() + b'"]'
    parts = (
        (_LOCATION, location),
        (_IDENTIFIER, identifier),
        (_END, b""),
        (_IDENTIFIER, caveat),
        (_END, b""),
    )
    body = b"".join(_field(*part) for part in (*parts, (_END, b""), (_SIGNATURE, signature)))
    return _PREFIX.encode() + base64.urlsafe_b64encode(b"\2" + body).rstrip(b"=")


def _field(kind: int, content: bytes) -> bytes:
    return bytes([kind, len(content)]) + content if kind else b"\0"
