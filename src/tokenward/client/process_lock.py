"""A lock among processes. The operating system lets go of it when its holder dies, however that happens."""

import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tokenward.base.clock import SYSTEM_CLOCK

_POLL = 0.02

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _let_go(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _let_go(descriptor: int) -> None:
        # Said, and not left to `close`: a child that was forked meanwhile has the same open file.
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path, seconds: float) -> Generator[None]:
    """Hold the lock that the file `path` stands for; the file stays.

    Raises:
        TimeoutError: others hold it for longer than that.
        OSError: the file cannot be opened.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        end = SYSTEM_CLOCK.monotonic() + seconds
        while not _take(descriptor):
            if SYSTEM_CLOCK.monotonic() >= end:
                raise TimeoutError(f"another process holds {path}")
            threading.Event().wait(_POLL)
        try:
            yield
        finally:
            _let_go(descriptor)
    finally:
        os.close(descriptor)
