"""Passwords that leaked from somebody: looked up in a file of the operator's, never over a network.

The file has a line for each password, `SHA-1` in hexadecimal and `:COUNT`, sorted by the hash, as the
downloader of Have I Been Pwned writes it (dotnet tool `haveibeenpwned-downloader`). It may have 40 GB: it is
searched by halving, some seventy reads of a few bytes each, and nothing of it is kept in memory.
"""

import hashlib
import os
import re
from pathlib import Path

from tokenward.base.problems import UNAVAILABLE, Refusal

_LINE = re.compile(rb"([0-9A-Fa-f]{40})(?::[0-9]{1,12})?\r?\n?")
_LONGEST = 64  # bytes of a line, its end included
_SAMPLES = 64  # lines that are looked at when the file is opened


class BreachedPasswords:
    """A sorted file of SHA-1 hashes, open for reading.

    Args:
        path: the file.

    Raises:
        ValueError: it cannot be read, is empty, or has lines that are not as they should be or not sorted; of
            these some are looked at, evenly spread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from None
        try:
            self._size = os.fstat(self._file).st_size
            self._look_over()
        except (OSError, ValueError):
            self.close()
            raise

    def has(self, password: bytes) -> bool:
        """Whether the password is in the file. Reads from the disk: not for the event loop's thread.

        Raises:
            Refusal: UNAVAILABLE, the file has become unreadable or is not sorted here.
        """
        wanted = hashlib.sha1(password, usedforsecurity=False).digest()
        try:
            return self._find(wanted)
        except (OSError, ValueError) as error:
            raise Refusal(UNAVAILABLE, f"breached passwords: {error}") from None

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _find(self, wanted: bytes) -> bool:
        low, high = 0, self._size  # the line begins at `low` or behind, and before `high`
        above, below = b"", b"\xff" * 21  # hashes between which all in between must be
        while low < high:
            middle = (low + high) // 2
            start = self._line_start(middle)
            if start >= high:
                high = middle
                continue
            found, end = self._line(start)
            if not above < found < below:
                raise self._wrong(start, "is not sorted: each line needs a greater hash than the one before")
            if found == wanted:
                return True
            if found < wanted:
                low, above = end, found
            else:
                high, below = middle, found
        return False

    def _look_over(self) -> None:
        if not self._size:
            raise ValueError(f"{self._path} is empty")
        before, last = b"", -1
        for sample in range(_SAMPLES):
            start = self._line_start(self._size * sample // _SAMPLES)
            if last < start < self._size:
                found, _ = self._line(start)
                if found <= before:
                    raise self._wrong(
                        start, "is not sorted: each line needs a greater hash than the one before"
                    )
                before, last = found, start

    def _line_start(self, at: int) -> int:
        """Where the first line begins at `at` or behind; the size of the file where none does."""
        if at == 0:
            return 0
        newline = self._read(at - 1).find(b"\n")
        if newline >= 0:
            return at + newline
        if at - 1 + _LONGEST < self._size:
            raise self._wrong(at, "has a line that is too long")
        return self._size

    def _line(self, start: int) -> tuple[bytes, int]:
        """The hash of the line that begins there, and where the next one begins."""
        line, newline, _ = self._read(start).partition(b"\n")
        match = _LINE.fullmatch(line + newline)
        if match is None:
            raise self._wrong(start, "has a line that is not a SHA-1 hash in hexadecimal and a count")
        return bytes.fromhex(match[1].decode()), start + len(line) + len(newline)

    def _read(self, at: int) -> bytes:
        return os.pread(self._file, _LONGEST, at)  # moves no position that another thread relies on

    def _wrong(self, at: int, what: str) -> ValueError:
        return ValueError(f"{self._path} {what} (at byte {at})")
