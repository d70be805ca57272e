"""Reads PuTTY's key files: the public half in the clear, the private one perhaps not (its manual, C)."""

import base64
import binascii
from functools import cache
from typing import Any, Final

from tokenward.leaks.detectors.compiling import compiled
from tokenward.leaks.detectors.private_keys import fingerprints
from tokenward.leaks.detectors.private_keys.key import Key

_KINDS: Final = {b"ssh-rsa": "RSA", b"ssh-dss": "DSA", b"ssh-ed25519": "Ed25519", b"ssh-ed448": "Ed448"}


@cache
def _file() -> Any:  # noqa: ANN401 - re2 has no types
    return compiled(
        rb"PuTTY-User-Key-File-[123]: ([\w-]+)\s+Encryption: ([\w-]+)\s+(?:Comment: [^\r\n]*\s+)?"
        rb"Public-Lines: \d+\s+([A-Za-z0-9+/=\s]+)(?:[A-Z][\w-]+: \w+\s+)*"
        rb"Private-Lines: \d+\s+((?:[A-Za-z0-9+/=]{1,64}\r?\n)+)",
    )


def keys(data: bytes, start: int) -> list[tuple[int, int, bytes, Key]]:
    """The key files in the text: where each begins and ends, its private half, and what it is."""
    found = []
    for match in _file().finditer(data, start):
        name, encryption, public, private = match.groups()
        try:
            blob = base64.b64decode(b"".join(public.split()), validate=True)
        except binascii.Error:
            continue
        kind = _KINDS.get(name, name.decode())
        key = Key(f"PuTTY {kind}", encryption != b"none", fingerprints.of_wire(blob))
        found.append((match.start(), match.end(), b"".join(private.split()), key))
    return found
