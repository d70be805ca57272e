"""Reads JSON Web Keys with their private members (RFC 7517, RFC 7518 §6, RFC 8037 §2).

The members are read one by one rather than by a JSON parser, as keys also stand in JavaScript and Python
literals, and in JSON strings with escaped quotes.
"""

import base64
import binascii
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from tokenward.leaks.detectors.compiling import compiled
from tokenward.leaks.detectors.private_keys import fingerprints
from tokenward.leaks.detectors.private_keys.key import Key
from tokenward.tokens.key_lint import weak_secret

_LONGEST: Final = 8192
_CURVES: Final = {b"P-256": (b"nistp256", 32), b"P-384": (b"nistp384", 48), b"P-521": (b"nistp521", 66)}
# Fewer octets are no key but an illustration: the shortest HMAC key that anybody configures, an Ed25519 seed.
_SHORTEST_SHARED: Final = 8
_SHORTEST_PRIVATE: Final = 28


@cache
def _patterns() -> tuple[Any, Any, Any]:
    quote = rb"\\{0,3}[\"']?"
    kind = compiled(rb"\bkty" + quote + rb"\s*[:=]>?\s*" + quote + rb"(?:RSA|EC|OKP|oct)\b")
    member = compiled(
        rb"\b([a-z]\w{0,8})" + quote + rb"\s*[:=]>?\s*\\{0,3}[\"']([A-Za-z0-9_+/=-]*)\\{0,3}[\"']"
    )
    seam = compiled(rb"[\"']\s*[+.]?\s*\\?\r?\n\s*[+.]?\s*[bru]{0,2}[\"']")
    return kind, member, seam


def keys(data: bytes, start: int) -> Iterator[tuple[int, int, bytes, Key, str]]:
    """The private keys: beginning and end of the object, the secret member, the key, its weakness."""
    kind, member, seam = _patterns()
    seen = -1
    for match in kind.finditer(data, start):
        begin = data.rfind(b"{", max(0, match.start() - _LONGEST), match.start())
        end = data.find(b"}", match.end(), match.end() + _LONGEST)
        if begin < 0 or end < 0 or begin == seen:
            continue
        seen = begin
        joined = seam.sub(b"", data[begin : end + 1])  # long numbers are written as several literals
        values = {found.group(1): found.group(2) for found in member.finditer(joined)}
        secret = values.get(b"k" if values.get(b"kty") == b"oct" else b"d", b"")
        try:
            key, weakness = _key(values, _decode(secret))
        except (binascii.Error, KeyError):
            continue
        if key is not None:
            yield begin, end + 1, secret, key, weakness


def _key(values: dict[bytes, bytes], secret: bytes) -> tuple[Key | None, str]:
    kind = values[b"kty"]
    if kind == b"oct":
        if len(secret) < _SHORTEST_SHARED:
            return None, ""
        return Key(f"JWK symmetric {8 * len(secret)}"), weak_secret(secret) or ""
    if len(secret) < _SHORTEST_PRIVATE:
        return None, ""
    if kind == b"RSA":
        modulus = int.from_bytes(_decode(values[b"n"]), "big")
        exponent = int.from_bytes(_decode(values[b"e"]), "big")
        return Key(f"JWK RSA {modulus.bit_length()}", fingerprint=fingerprints.of_rsa(exponent, modulus)), ""
    curve = values[b"crv"]
    if kind == b"OKP":
        public = fingerprints.of_ed25519(_decode(values[b"x"])) if curve == b"Ed25519" else ""
        return Key(f"JWK {curve.decode()}", fingerprint=public), ""
    if curve not in _CURVES:
        return Key(f"JWK EC {curve.decode()}"), ""
    name, size = _CURVES[curve]
    point = b"\x04" + _decode(values[b"x"]).rjust(size, b"\0") + _decode(values[b"y"]).rjust(size, b"\0")
    return Key(f"JWK EC {curve.decode()}", fingerprint=fingerprints.of_ecdsa(name, point)), ""


def _decode(text: bytes) -> bytes:
    return base64.b64decode(text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4), b"-_")
