"""Azure's keys, which end in a checksum of their own.

Source: https://github.com/microsoft/security-utilities, IdentifiableSecrets.cs, IdentifiableMetadata.cs,
AdoPat.cs. Most of them are Marvin32 hashes, which are no secret here: seed and algorithm are published, so
that scanners can tell a key from what looks like one.
"""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from zlib import crc32

from tokenward.base.entropy import BASE62

Draw = Callable[[str, int], str]

_WORD = 0xFFFFFFFF

# The four characters before the checksum -> what its seed may spell: the kind of key that the service issues.
SEEDS: Mapping[str, tuple[str, ...]] = {
    "+ASt": ("Default0",),  # storage account
    "+ABa": ("AbAcct00",),  # Batch
    "ACDb": ("MastRW00", "MastRO00"),  # Cosmos DB
    "+AMC": ("Classic0",),  # Machine Learning, classic
    "APIM": ("Tenant00", "IoTHub00", "Gatewy00", "GitKey00"),  # API Management
    "AzFu": ("Functi00", "System00", "Master00"),  # Functions
    "AzSe": ("Query000", "PAdmin00"),  # AI Search
    "AzCa": ("Access00",),  # Cache for Redis
    "+ACR": ("ACRDflt0",),  # Container Registry
    "AIoT": ("IoTHub00", "DpsKey00", "Device00"),  # IoT Hub and devices
    "+ASb": ("Send0000", "Manage00", "Listen00"),  # Service Bus
    "+AEh": ("Send0000", "Manage00", "Listen00"),  # Event Hubs
    "+ARm": ("Send0000", "Manage00", "Listen00"),  # Relay
}
_URL_SAFE = frozenset({"AzFu"})
_PASSWORD_ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890.-_~"  # noqa: S105 - no password
_TOKEN_SALTS = (0xE0B9692D, 0x1019F92E)
# Where the sum is in the 32 bytes of a personal access token of Azure DevOps, highest byte first.
_TOKEN_SUM = (2, 7, 8, 22)


def marvin(data: bytes, seed: str) -> int:
    """Marvin32 of the bytes, 32 bits, under a seed that eight characters spell."""
    number = int.from_bytes(seed.encode("latin-1"))
    low, high = number & _WORD, number >> 32
    padded = data + b"\x80" + bytes(-(len(data) + 1) % 4)
    for at in range(0, len(padded), 4):
        low, high = _block(low + int.from_bytes(padded[at : at + 4], "little") & _WORD, high)
    low, high = _block(low, high)
    return low ^ high


def _block(low: int, high: int) -> tuple[int, int]:
    high ^= low
    low = _rotated(low, 20) + high & _WORD
    high = _rotated(high, 9) ^ low
    low = _rotated(low, 27) + high & _WORD
    return low, _rotated(high, 19)


def _rotated(word: int, by: int) -> int:
    return (word << by | word >> 32 - by) & _WORD


def valid_key(secret: bytes) -> bool:
    """An access key of one of the services in `SEEDS`, in base64: ... signature, checksum."""
    text = secret.decode("latin-1")
    bare = text.rstrip("=")
    seeds = SEEDS.get(bare[-10:-6], ())
    alphabet = b"-_" if bare[-10:-6] in _URL_SAFE else b"+/"
    decoded = _decoded(secret, alphabet)
    if decoded is None or len(decoded) < 24:
        return False
    return any(marvin(decoded[:-4], seed).to_bytes(4, "little") == decoded[-4:] for seed in seeds)


def make_key(draw: Draw, wanted: str) -> bytes:
    """A key with that signature, of so many bytes: "+ASt 64"."""
    signature, _, size = wanted.partition(" ")
    before = int(size) * 8 // 6 + (int(size) % 3 > 0) - 10
    alphabet = BASE62 + ("-_" if signature in _URL_SAFE else "+/")
    text = draw(alphabet, before) + signature
    text += "A" * (-len(text) % 4)
    decoded = base64.b64decode(text, b"-_" if signature in _URL_SAFE else b"+/")[: int(size) - 4]
    decoded += marvin(decoded, SEEDS[signature][0]).to_bytes(4, "little")
    return base64.b64encode(decoded, b"-_" if signature in _URL_SAFE else b"+/")


def valid_old_key(secret: bytes) -> bool:
    """A key of 64 bytes from before there were checksums: it bears no signature."""
    decoded = _decoded(secret, b"+/")
    return decoded is not None and len(decoded) == 64 and secret[76:80].decode("latin-1") not in SEEDS


def make_old_key(draw: Draw, _: str) -> bytes:
    """One of 64 random bytes."""
    return base64.b64encode(bytes.fromhex(draw("0123456789abcdef", 128)))


def valid_annotated(secret: bytes) -> bool:
    """A common annotated security key: 60 bytes in base62 characters, then three or four of checksum."""
    decoded = _decoded(secret[:80], b"+/")
    if decoded is None or len(secret) not in {84, 88}:
        return False
    checksum = marvin(decoded, "Default0").to_bytes(4, "little")
    wanted = (_in_base62(checksum), base64.b64encode(checksum).decode())
    if len(secret) == 88:
        return _decoded(secret[80:], b"+/") in {_decoded(text.encode(), b"+/") for text in wanted}
    return secret[80:].decode("latin-1") in {text[:4] for text in wanted}


def make_annotated(draw: Draw, signature: str) -> bytes:
    """One of the service with that signature of four letters."""
    text = f"{draw(BASE62, 52)}JQQJ99B{draw('ABCDEFGHIJKL', 1)}AC{draw(BASE62, 10)}AAAA{signature}"
    checksum = marvin(base64.b64decode(text), "Default0").to_bytes(4, "little")
    return (text + _in_base62(checksum)[:4]).encode()


def _in_base62(checksum: bytes) -> str:
    """As the package Base62 writes bytes, filled up to six characters and padded like base64."""
    number, digits = int.from_bytes(checksum), ""
    while number or not digits:
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    zeros = min(len(checksum) - len(checksum.lstrip(b"\0")), len(checksum) - 1)
    return f"{'0' * zeros + digits:0<6}=="


def valid_password(secret: bytes) -> bool:
    """A client secret of Entra ID; the checksum's first three characters are its last."""
    return _password_sum(secret[:-3]) == secret[-3:]


def make_password(draw: Draw, _: str) -> bytes:
    """One of 40 characters."""
    text = f"{draw(_PASSWORD_ALPHABET, 3)}8Q~{draw(_PASSWORD_ALPHABET, 31)}".encode()
    return text + _password_sum(text)


def _password_sum(text: bytes) -> bytes:
    number, digits = marvin(text, "AadPwd00"), ""
    for _ in range(6):
        number, digit = divmod(number, len(_PASSWORD_ALPHABET))
        digits = _PASSWORD_ALPHABET[digit] + digits
    return digits[:3].encode()


def valid_devops_token(secret: bytes) -> bool:
    """A personal access token of Azure DevOps in the old format: 32 bytes in base32, with a salted CRC32."""
    try:
        decoded = base64.b32decode(secret.upper() + b"=" * (-len(secret) % 8))
    except binascii.Error:
        return False
    if len(decoded) != 32 or base64.b32encode(decoded).rstrip(b"=").lower() != secret:
        return False
    return any(_with_sum(decoded, salt) == decoded for salt in _TOKEN_SALTS)


def make_devops_token(draw: Draw, _: str) -> bytes:
    """One of 52 characters."""
    decoded = _with_sum(bytes.fromhex(draw("0123456789abcdef", 64)), _TOKEN_SALTS[0])
    return base64.b32encode(decoded).rstrip(b"=").lower()


def _with_sum(decoded: bytes, salt: int) -> bytes:
    checksum = crc32(bytes(_without_sum(decoded))) ^ salt
    written = bytearray(decoded)
    for at, byte in zip(_TOKEN_SUM, checksum.to_bytes(4), strict=True):
        written[at] = byte
    return bytes(written)


def _without_sum(decoded: bytes) -> Iterator[int]:
    return (byte for at, byte in enumerate(decoded) if at not in _TOKEN_SUM)


def _decoded(text: bytes, alphabet: bytes) -> bytes | None:
    """What it stands for, if it is written as an encoder writes it."""
    try:
        decoded = base64.b64decode(text, alphabet, validate=True)
    except binascii.Error:
        return None
    return decoded if base64.b64encode(decoded, alphabet) == text else None
