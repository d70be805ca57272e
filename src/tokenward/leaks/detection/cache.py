"""What is dear to compute and the same each time, kept in the user's cache directory.

What lies there is loaded as it is (a pattern database is close to machine code), so the directory must be the
user's own and writable by nobody else. Where it is not, or cannot be made, nothing is kept.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

_LARGEST = 64 << 20


def read(name: str) -> bytes | None:
    """What was kept under that name, or None."""
    directory = _directory()
    if directory is None:
        return None
    try:
        descriptor = os.open(directory / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - opened above, without following a link
        if not _own(os.fstat(descriptor)):
            return None
        return file.read(_LARGEST)


def write(name: str, content: bytes) -> None:
    """Keep it; where that fails, it is not kept."""
    directory = _directory()
    if directory is None:
        return
    unfinished = directory / f"{name}.{os.getpid()}"
    with suppress(OSError):
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - the same
                file.write(content)
            unfinished.replace(directory / name)
        finally:
            unfinished.unlink(missing_ok=True)


def _directory() -> Path | None:
    configured = os.environ.get("XDG_CACHE_HOME")
    try:
        directory = (Path(configured) if configured else Path.home() / ".cache") / "tokenward"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return directory if _own(directory.lstat()) else None
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None


def _own(status: os.stat_result) -> bool:
    if os.name == "nt":
        return True  # a profile directory is protected by its access list
    mine = status.st_uid == os.geteuid()
    return mine and not stat.S_ISLNK(status.st_mode) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
