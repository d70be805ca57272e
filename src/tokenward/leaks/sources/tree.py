"""Directory trees and single files."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tokenward.leaks.blob import Blob
from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.ignoring import READING
from tokenward.leaks.sources.lfs import pointed
from tokenward.leaks.sources.source import CannotScan, Item, Read, Source
from tokenward.leaks.sources.walking import walk
from tokenward.leaks.sources.windows import blobs


class Tree(Source):
    """Files as they are on the disk.

    Paths are relative to the directory where there is one, otherwise as they were given. Links are not
    followed: what they lead to is scanned where it is, if that is in the tree.

    Args:
        roots: directories and files.
        ignore: leave out what git ignores and what a `.tokenwardignore` names.

    Raises:
        CannotScan: one of the roots is not there, or neither a file nor a directory.
    """

    def __init__(self, roots: Sequence[Path], *, ignore: bool = True) -> None:
        self._ignore = ignore
        self._files: dict[str, int] = {}
        self._directories: list[str] = []
        for root in roots:
            self._add(root)
        self._alone = self._directories[0] if len(roots) == 1 and self._directories else None
        what = "directory tree" if self._alone else "file" if len(roots) == 1 else "files and trees"
        self.name = f"{what} {', '.join(str(root) for root in roots)}"

    def _add(self, root: Path) -> None:
        try:
            status = root.stat()
        except OSError as error:
            raise CannotScan(f"{root}: {error.strerror}") from error
        if stat.S_ISDIR(status.st_mode):
            self._directories.append(str(root))
        elif stat.S_ISREG(status.st_mode):
            self._files[str(root)] = status.st_size
        else:
            raise CannotScan(f"{root} is neither a file nor a directory")

    def items(self) -> Iterator[Item | Trouble]:
        """See `Source`."""
        for path, size in self._files.items():
            yield Item(path, size)
        for root in self._directories:
            shown = "" if self._alone else f"{root.rstrip('/')}/"
            yield from walk(root, shown, ignore=self._ignore)

    @contextmanager
    def reader(self) -> Iterator[Read]:
        """See `Source`."""
        yield self._read

    def _read(self, items: Sequence[Item]) -> Iterator[Blob | Trouble]:
        base = f"{self._alone.rstrip('/')}/" if self._alone else ""
        for item in items:
            # A file that was named may be a link; one that was found is none.
            flags = READING & ~getattr(os, "O_NOFOLLOW", 0) if item.path in self._files else READING
            try:
                yield from _contents(base + item.path, item.path, flags)
            except FileNotFoundError:
                yield Trouble(item.path, "it vanished while the scan went on")
            except OSError as error:
                yield Trouble(item.path, f"it cannot be read: {error.strerror}")


def _contents(file: str, path: str, flags: int) -> Iterator[Blob | Trouble]:
    with open(os.open(file, flags), "rb") as opened:  # noqa: PTH123 - Path.open takes no flags
        status = os.fstat(opened.fileno())
        if not stat.S_ISREG(status.st_mode):
            yield Trouble(path, "it was replaced by something else while the scan went on")
            return
        for blob in blobs(opened.read, status.st_size, Blob(path, b"")):
            if pointed(blob.data):
                why = "it only points to its content, which is in Git LFS and not here"
                yield Trouble(path, why, skipped=True)
            yield blob  # what looks like a pointer may hold more
