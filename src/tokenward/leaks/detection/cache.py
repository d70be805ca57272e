"""What is dear to compute and the same each time, kept in the user's cache directory.

What lies there is loaded as it is (a pattern database is close to machine code), so the directory must be the
user's own and writable by nobody else. Where it is not, or cannot be made, nothing is kept.

A name is `FAMILY-HASH`, and of each family the last ones that were used are kept. Other processes may read,
write and clear away at the same time: what is there is there whole, what is being read stays readable until
it is closed, and what was cleared away is made anew.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from tokenward.base.clock import SYSTEM_CLOCK

KEPT: Final = 8
"""How many of a family stay: for versions of Tokenward and files of rules that are in use side by side."""

_LARGEST = 64 << 20
_UNFINISHED = 3600  # seconds after which whoever was writing a file is not there any more


def read(name: str) -> bytes | None:
    """What was kept under that name, or None."""
    directory = _directory()
    if directory is None:
        return None
    try:
        descriptor = os.open(directory / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - opened above, without following a link
        status = os.fstat(descriptor)
        if not _own(status) or status.st_size > _LARGEST:
            return None
        with suppress(OSError):  # of a directory that was made read-only
            os.utime(directory / name)  # it was used
        return file.read()


def write(name: str, content: bytes) -> None:
    """Keep it, and clear away what of its family was not used for the longest time.

    Where that fails, it is not kept.
    """
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
        _clear(directory, name)


def _clear(directory: Path, written: str) -> None:
    family = written.partition("-")[0] + "-"
    long_ago = SYSTEM_CLOCK.time() - _UNFINISHED
    others: list[tuple[float, Path]] = []
    needless: list[Path] = []
    for path in directory.iterdir():
        if not path.name.startswith(family) or path.name == written:
            continue
        with suppress(FileNotFoundError):
            used = path.lstat().st_mtime
            if not path.suffix[1:].isdigit():
                others.append((used, path))
            elif used < long_ago:  # otherwise somebody is writing it
                needless.append(path)
    needless += [path for _used, path in sorted(others, reverse=True)[KEPT - 1 :]]
    for path in needless:
        with suppress(OSError):  # somebody else was faster, or is reading it under Windows
            path.unlink()


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
