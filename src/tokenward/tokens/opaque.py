"""Opaque tokens: recognisable at sight, worthless without the server, stored as keyed hashes.

    <prefix>_<kind>_<locator, 11><random, 43><checksum, 6>

The locator names the token (`token_id`) and tells when it was made. The 43 base62 characters are random: 256
bits. The checksum is the CRC32 (IEEE) of all characters before it. It stops typing errors and lets scanners
recognise a token without false alarms. It is no MAC: a well-formed text may still be unknown.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.entropy import BASE62, BASE62_PAIRS, LOCATOR_BITS, locator, random_base62
from tokenward.base.secret import Secret

KINDS: dict[str, str] = {
    "at": "access token",
    "rt": "refresh token",
    "ac": "authorization code",
    "dc": "device code",
    "ak": "API key",
    "cs": "client secret",
    "se": "session",
    "sl": "sign-in link",
    "ad": "admin token",
    "ia": "initial access token",
    "ra": "registration access token",
}

_LOCATOR = 11
_RANDOM = 43
_CHECKSUM = 6
_BODY = _LOCATOR + _RANDOM + _CHECKSUM
_TAIL = len("_kk_") + _BODY  # everything after the prefix

_VALUES = {character: value for value, character in enumerate(BASE62)}


@dataclass(frozen=True, slots=True)
class OpaqueToken:
    """A well-formed opaque token. Nothing says yet that anybody issued it.

    Attributes:
        kind: a key of `KINDS`.
        token_id: the locator, the public name of the token.
        secret: the whole text.
    """

    kind: str
    token_id: str
    secret: Secret


def new(kind: str, *, prefix: str = "tkw", clock: Clock = SYSTEM_CLOCK) -> OpaqueToken:
    """A fresh token. Its `token_id` may collide within a millisecond: whoever stores it retries then.

    Raises:
        ValueError: the kind is not one of `KINDS`.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of token: {kind!r}")
    token_id = locator(round(clock.time() * 1000))
    text = f"{prefix}_{kind}_{token_id}{random_base62(_RANDOM)}"
    return OpaqueToken(kind, token_id, Secret(text + _checksum(text)))


def parse(text: str, *, kind: str | None = None, prefix: str = "tkw") -> OpaqueToken | None:
    """The token that `text` is, or None where it is malformed, damaged or of another kind than asked for."""
    start = len(prefix)
    if len(text) != start + _TAIL or not text.isascii():
        return None
    found = text[start + 1 : start + 3]
    if (kind is not None and found != kind) or found not in KINDS:
        return None
    if text[start] != "_" or text[start + 3] != "_" or not text.startswith(prefix):
        return None
    if not text[start + 4 :].isalnum():  # for ASCII exactly the base62 alphabet
        return None
    if _checksum(text[:-_CHECKSUM]) != text[-_CHECKSUM:]:
        return None
    return OpaqueToken(found, text[start + 4 : start + 4 + _LOCATOR], Secret(text))


def issued_at(token_id: str) -> float:
    """When the token of that locator was made, in seconds since 1970 (exact to the millisecond).

    Raises:
        ValueError: it is not eleven base62 characters.
    """
    if len(token_id) != _LOCATOR or not (token_id.isascii() and token_id.isalnum()):
        raise ValueError("not a token_id: eleven base62 characters are needed")
    number = 0
    for character in token_id:
        number = number * 62 + _VALUES[character]
    return (number >> LOCATOR_BITS) / 1000


def fingerprint(text: str) -> bytes:
    """SHA-256 of the token's text (32 bytes): what a leak report carries instead of the token."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def keyed_hash(pepper: bytes, text: str) -> bytes:
    """HMAC-SHA256(pepper, fingerprint), 32 bytes: the only form in which a token is stored."""
    return keyed_fingerprint(pepper, fingerprint(text))


def keyed_fingerprint(pepper: bytes, digest: bytes) -> bytes:
    """The keyed hash of the token whose fingerprint is `digest`, which is all that is known of some."""
    # Not hmac.digest: it lets go of the interpreter's lock, and waits for it whenever another thread, such as
    # the store's writer, is busy. That took ten times as long as the hash itself.
    keyed = _keyed(pepper).copy()
    keyed.update(digest)
    return keyed.digest()


def matches(peppers: Sequence[bytes], text: str, stored: bytes) -> bool:
    """Whether `stored` is the keyed hash of `text` under any pepper (the first writes, all read).

    Every pepper is tried and every comparison takes constant time.
    """
    return matches_fingerprint(peppers, fingerprint(text), stored)


def matches_fingerprint(peppers: Sequence[bytes], digest: bytes, stored: bytes) -> bool:
    """The same of a token of which only the fingerprint is told."""
    found = False
    for pepper in peppers:
        found |= hmac.compare_digest(keyed_fingerprint(pepper, digest), stored)
    return found


@lru_cache(maxsize=16)
def _keyed(pepper: bytes) -> hmac.HMAC:
    return hmac.new(pepper, digestmod="sha256")


def _checksum(text: str) -> str:
    high, rest = divmod(crc32(text.encode()), 3844 * 3844)
    middle, low = divmod(rest, 3844)
    return BASE62_PAIRS[high] + BASE62_PAIRS[middle] + BASE62_PAIRS[low]
