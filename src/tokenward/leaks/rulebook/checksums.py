"""Formats that prove themselves: what a token's last characters must be, or what must be inside it.

A rule whose format has a checksum matches no look-alike. Only formats are here that their issuer documents,
in words or as the code that makes the tokens. The same rows make tokens for examples and for planted corpora:
well-formed, and nobody's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from zlib import crc32

from tokenward.base.entropy import BASE62, base62
from tokenward.leaks.rulebook import bech32, macaroons

Draw = Callable[[str, int], str]
"""So many random characters of that alphabet."""

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE64URL = BASE62 + "-_"
_HEX = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Checksum:
    """How a format proves itself.

    Attributes:
        what: in words, for the reference.
        valid: whether it holds for that secret.
        make: a secret for which it holds; the text says of what kind, such as the prefix.
    """

    what: str
    valid: Callable[[bytes], bool]
    make: Callable[[Draw, str], bytes]


# GitHub, npm and those who took it over: <prefix>_<random><CRC32 of the random part, six base62 characters>.
# https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
def _crc_of_body(secret: bytes) -> bool:
    body = secret[secret.rfind(b"_") + 1 :]
    return len(body) > 6 and base62(crc32(body[:-6]), 6).encode() == body[-6:]


def _make_crc_of_body(draw: Draw, wanted: str) -> bytes:
    prefix, _, count = wanted.partition(" ")
    body = draw(BASE62, int(count or 30))
    return f"{prefix}{body}{base62(crc32(body.encode()), 6)}".encode()


# Tokenward's own, under whatever prefix: tokens/opaque.py.
def _crc_of_all(secret: bytes) -> bool:
    return base62(crc32(secret[:-6]), 6).encode() == secret[-6:]


def _make_crc_of_all(draw: Draw, prefix: str) -> bytes:
    text = prefix + draw(BASE62, 54)
    return f"{text}{base62(crc32(text.encode()), 6)}".encode()


# Grafana, pkg/components/satokengen: gl<service>_<32 random>_<CRC32 of all before, little-endian, in hex>.
def _grafana(secret: bytes) -> bool:
    text, _, checksum = secret.rpartition(b"_")
    return crc32(text).to_bytes(4, "little").hex().encode() == checksum


def _make_grafana(draw: Draw, prefix: str) -> bytes:
    text = prefix + draw(BASE62, 32)
    return f"{text}_{crc32(text.encode()).to_bytes(4, 'little').hex()}".encode()


# GitLab, lib/authn/token_field/generator/routable_token.rb:
# <prefix><payload in base64>.<version, 2><payload's length, 2, base 36><CRC32 of all before, 7, base 36>.
def _gitlab(secret: bytes) -> bool:
    return _base36(crc32(secret[:-7]), 7).encode() == secret[-7:]


def _make_gitlab(draw: Draw, prefix: str) -> bytes:
    payload = draw(_BASE64URL, 40)
    text = f"{prefix}{payload}.01.{_base36(len(payload), 2)}"
    return f"{text}{_base36(crc32(text.encode()), 7)}".encode()


def _base36(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return digits.rjust(width, "0")


CHECKSUMS: Mapping[str, Checksum] = MappingProxyType(
    {
        "age": Checksum(
            "Bech32 (BIP 173)",
            lambda secret: bech32.valid(secret.decode("latin-1"), "age-secret-key-"),
            lambda draw, _: bech32.make("age-secret-key-", bytes.fromhex(draw(_HEX, 64))).upper().encode(),
        ),
        "crc-of-body": Checksum("CRC32 of the random part, in base62", _crc_of_body, _make_crc_of_body),
        "grafana": Checksum("CRC32 of all before it, in hex", _grafana, _make_grafana),
        "gitlab-routable": Checksum("CRC32 of all before it, in base 36", _gitlab, _make_gitlab),
        "pypi": Checksum("a macaroon of the index that it names", macaroons.valid, macaroons.make),
        "tokenward": Checksum("CRC32 of all before it, in base62", _crc_of_all, _make_crc_of_all),
    }
)
"""By the name that rules and templates use."""
