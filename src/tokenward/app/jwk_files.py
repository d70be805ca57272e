"""Files with public keys: those of an API, for which inside JWTs are encrypted, and those of clients."""

from pathlib import Path

from tokenward.app.findings import Remark
from tokenward.tokens.encryption_keys import EncryptionKey, encryption_key, is_private
from tokenward.tokens.strict_json import read_object

MAX_BYTES = 65_536


def read_encryption_key(path: Path) -> EncryptionKey:
    """The encryption key in a file that holds a JWK, or a JWK Set with exactly one key whose `use` is `enc`.

    Raises:
        ValueError: there is none, or it is malformed, private, weak or meant for something else.
    """
    raw = read_key_file(path)
    try:
        data = read_object(raw)
    except ValueError:
        raise ValueError(f"{path.name} is no JSON object") from None
    if "keys" not in data:
        return encryption_key(data)
    keys = [key for key in data["keys"] if isinstance(key, dict)] if isinstance(data["keys"], list) else []
    if any(is_private(key) for key in keys):
        raise ValueError(f"{path.name} holds a private or symmetric key, and a set for others must be public")
    candidates = [key for key in keys if key.get("use") == "enc"]
    if len(candidates) != 1:
        raise ValueError(f"{path.name} holds {len(candidates)} keys with `use` `enc`, and one is needed")
    return encryption_key(candidates[0])


def jwks_text(path: Path) -> str:
    """What a file that should hold a JWK Set holds; what it is worth is for others to judge.

    Raises:
        ValueError: it cannot be read, or is too large or no text.
    """
    try:
        return read_key_file(path).decode()
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is no text, and a JWK Set is") from None


def read_key_file(path: Path, most: int = MAX_BYTES) -> bytes:
    """What is in the file of a key, of at most `most` bytes.

    Raises:
        ValueError: it cannot be read, or is larger; the message is for people.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from None
    if len(raw) > most:
        raise ValueError(f"{path.name} is too large for a key")
    return raw


def remark(name: str, error: ValueError) -> Remark:
    """The problem at its place in the configuration."""
    return Remark(
        ("apis", name, "encryption_key"),
        "error",
        "encryption-key",
        str(error),
        "name a file with the public JWK that the API's owner made: P-256, X25519, or RSA from 2048 bits",
    )
