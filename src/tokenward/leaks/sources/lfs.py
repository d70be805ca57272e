"""Pointers of Git LFS: a file of three lines in place of one that is stored elsewhere."""

import re
from pathlib import Path

LONGEST = 1024  # bytes of a pointer, by the specification

_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")


def pointed(data: bytes) -> str | None:
    """The SHA-256 of the content, in hex, that this file stands for; None where it stands for itself."""
    if len(data) > LONGEST or not data.startswith(b"version https://git-lfs"):
        return None
    match = _POINTER.match(data)
    return match[1].decode() if match else None


def stored(common: Path, sha256: str) -> Path:
    """Where the content lies if it was fetched; `common` is the repository's git directory."""
    return common / "lfs" / "objects" / sha256[:2] / sha256[2:4] / sha256
