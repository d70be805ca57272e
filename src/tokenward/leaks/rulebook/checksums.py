"""Formats that prove themselves: what a token's last characters must be, or what must be inside it.

A rule whose format has a checksum matches no look-alike. Only formats are here that their issuer documents,
in words or as the code that makes the tokens. The same rows make tokens for examples and for planted corpora:
well-formed, and nobody's.
"""

import base64
import binascii
import re
from binascii import crc_hqx
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from zlib import crc32

from tokenward.base.entropy import BASE62, base62
from tokenward.leaks.rulebook import azure, base58, bech32, macaroons
from tokenward.leaks.rulebook.envelopes import GRAFANA_CLOUD, GRAFANA_KEY, ONE_PASSWORD, SENTRY

Draw = Callable[[str, int], str]
"""So many random characters of that alphabet."""

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE64URL = BASE62 + "-_"
_DIGITS, _HEX = "0123456789", "0123456789abcdef"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SEED = b"\x90"  # "S", the first of its base32 characters


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
    return len(body) > 6 and _base62(body[:-6]) == body[-6:]


def _make_crc_of_body(draw: Draw, wanted: str) -> bytes:
    prefix, _, count = wanted.partition(" ")
    body = draw(BASE62, int(count or 30)).encode()
    return prefix.encode() + body + _base62(body)


# Tokenward's own, under whatever prefix: tokens/opaque.py.
def _crc_of_all(secret: bytes) -> bool:
    return _base62(secret[:-6]) == secret[-6:]


def _make_crc_of_all(draw: Draw, prefix: str) -> bytes:
    text = f"{prefix}{draw(BASE62, 54)}".encode()
    return text + _base62(text)


# Synapse, synapse/handlers/auth.py: syt_<user's name in base64>_<20 letters>_<CRC32 of all before>.
def _matrix(secret: bytes) -> bool:
    text, _, checksum = secret.rpartition(b"_")
    return _base62(text) == checksum


def _make_matrix(draw: Draw, prefix: str) -> bytes:
    text = f"{prefix}{draw(BASE62, 8)}_{draw(_LETTERS, 20)}".encode()
    return text + b"_" + _base62(text)


def _base62(text: bytes) -> bytes:
    return base62(crc32(text), 6).encode()


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


# Cloudflare documents 40 characters and a checksum; that it is this one shows in every published token.
# https://developers.cloudflare.com/fundamentals/api/get-started/token-formats/
def _cloudflare(secret: bytes) -> bool:
    body = secret[secret.find(b"_") + 1 :]
    return f"{crc32(body[:-8]):08x}".encode() == body[-8:]


def _make_cloudflare(draw: Draw, prefix: str) -> bytes:
    body = draw(BASE62, 40)
    return f"{prefix}{body}{crc32(body.encode()):08x}".encode()


# Atlassian's end in eight hex digits, which in every published token are the CRC32 of all before.
def _atlassian(secret: bytes) -> bool:
    return f"{crc32(secret[:-8]):08X}".encode() == secret[-8:]


def _make_atlassian(draw: Draw, wanted: str) -> bytes:
    prefix, _, kind = wanted.partition(" ")
    body = {"long": draw(_BASE64URL, 170) + "=", "hex": draw(_HEX, 64)}.get(kind) or draw(BASE62, 24)
    return f"{prefix}{body}{crc32(f'{prefix}{body}'.encode()):08X}".encode()


# Discord: <the bot's id, a decimal number, in base64>.<time, 6>.<HMAC>.
def _discord(secret: bytes) -> bool:
    head = secret.partition(b".")[0]
    try:
        number = base64.b64decode(head + b"=" * (-len(head) % 4), validate=True)
    except binascii.Error:
        return False
    return number.isdigit() and 17 <= len(number) <= 20


def _make_discord(draw: Draw, _: str) -> bytes:
    head = base64.b64encode(f"9{draw(_DIGITS, 17)}".encode()).decode()
    return f"{head}.{draw(_BASE64URL, 6)}.{draw(_BASE64URL, 38)}".encode()


# Elasticsearch: an API key is its id and its secret in base64.
# https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-security-create-api-key
_ELASTIC = re.compile(rb"[\w-]{20}:[\w-]{22}")


def _elastic(secret: bytes) -> bool:
    try:
        return _ELASTIC.fullmatch(base64.b64decode(secret, validate=True)) is not None
    except binascii.Error:
        return False


def _make_elastic(draw: Draw, _: str) -> bytes:
    return base64.b64encode(f"{draw(_BASE64URL, 20)}:{draw(_BASE64URL, 22)}".encode())


# Stellar: base32 of a byte that says what it is, 32 bytes and their CRC16 (SEP-0023).
def _stellar(secret: bytes) -> bool:
    try:
        decoded = base64.b32decode(secret)
    except binascii.Error:
        return False
    return decoded[:1] == _SEED and crc_hqx(decoded[:-2], 0).to_bytes(2, "little") == decoded[-2:]


def _make_stellar(draw: Draw, _: str) -> bytes:
    body = _SEED + bytes.fromhex(draw(_HEX, 64))
    return base64.b32encode(body + crc_hqx(body, 0).to_bytes(2, "little"))


CHECKSUMS: Mapping[str, Checksum] = MappingProxyType(
    {
        "age": Checksum(
            "Bech32 (BIP 173)",
            lambda secret: bech32.valid(secret.decode("latin-1"), "age-secret-key-"),
            lambda draw, _: bech32.make("age-secret-key-", bytes.fromhex(draw(_HEX, 64))).upper().encode(),
        ),
        "atlassian": Checksum("CRC32 of all before it, in hex", _atlassian, _make_atlassian),
        "azure-annotated": Checksum("Marvin32 of all before it", azure.valid_annotated, azure.make_annotated),
        "azure-devops": Checksum("salted CRC32 within", azure.valid_devops_token, azure.make_devops_token),
        "azure-key": Checksum("Marvin32, seeded by kind of key", azure.valid_key, azure.make_key),
        "azure-old-key": Checksum("64 bytes without a signature", azure.valid_old_key, azure.make_old_key),
        "azure-password": Checksum("Marvin32 of all before it", azure.valid_password, azure.make_password),
        "base58check": Checksum("SHA-256, twice", base58.valid, base58.make),
        "cloudflare": Checksum("CRC32 of the random part, in hex", _cloudflare, _make_cloudflare),
        "crc-of-body": Checksum("CRC32 of the random part, in base62", _crc_of_body, _make_crc_of_body),
        "discord": Checksum("the bot's number in base64", _discord, _make_discord),
        "elastic": Checksum("id and key in base64", _elastic, _make_elastic),
        "gitlab-routable": Checksum("CRC32 of all before it, in base 36", _gitlab, _make_gitlab),
        "grafana": Checksum("CRC32 of all before it, in hex", _grafana, _make_grafana),
        "grafana-cloud": Checksum("JSON in base64", GRAFANA_CLOUD.valid, GRAFANA_CLOUD.make),
        "grafana-key": Checksum("JSON in base64", GRAFANA_KEY.valid, GRAFANA_KEY.make),
        "matrix": Checksum("CRC32 of all before it, in base62", _matrix, _make_matrix),
        "nostr": Checksum(
            "Bech32 (BIP 173)",
            lambda secret: bech32.valid(secret.decode("latin-1"), "nsec"),
            lambda draw, _: bech32.make("nsec", bytes.fromhex(draw(_HEX, 64))).encode(),
        ),
        "one-password": Checksum("JSON in base64", ONE_PASSWORD.valid, ONE_PASSWORD.make),
        "pypi": Checksum("a macaroon of the index that it names", macaroons.valid, macaroons.make),
        "sentry": Checksum("JSON in base64", SENTRY.valid, SENTRY.make),
        "stellar": Checksum("CRC16 of all before it", _stellar, _make_stellar),
        "tokenward": Checksum("CRC32 of all before it, in base62", _crc_of_all, _make_crc_of_all),
    }
)
"""By the name that rules and templates use."""
