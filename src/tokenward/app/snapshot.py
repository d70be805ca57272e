"""The files that a configuration is made of, as they were when it was read.

Whoever was checked and whoever starts, perhaps hours later because a process died, must mean the same thing:
the servers are handed what was read, not where to read it.
"""

import base64
import json
from collections.abc import Iterable
from pathlib import Path

Stamp = tuple[tuple[int, int, int] | None, ...]


class Snapshot:
    """What is read through it is kept, and read from there the next time.

    Args:
        contents: what is known already.
    """

    def __init__(self, contents: dict[Path, bytes] | None = None) -> None:
        self._contents = dict(contents or {})
        self._asked = set(self._contents)

    @property
    def paths(self) -> frozenset[Path]:
        """Every file that was asked for, whether it is there or not."""
        return frozenset(self._asked)

    def content(self, path: Path, limit: int) -> bytes:
        """The first `limit` bytes of the file, and one more if there is one.

        Raises:
            OSError: it cannot be read, or is no file.
        """
        self._asked.add(path)
        if path not in self._contents:
            if path.exists() and not path.is_file():  # before opening: opening a pipe would wait
                raise IsADirectoryError(0, "it is not a file", str(path))
            with path.open("rb") as file:
                self._contents[path] = file.read(limit + 1)
        return self._contents[path]

    def kept(self, path: Path) -> bytes | None:
        """What was read of a file, or None."""
        return self._contents.get(path)

    def packed(self) -> bytes:
        """For another process."""
        return json.dumps(
            {str(path): base64.b64encode(content).decode() for path, content in self._contents.items()}
        ).encode()

    @classmethod
    def unpacked(cls, packed: bytes) -> "Snapshot":
        """What was `packed`."""
        return cls({Path(path): base64.b64decode(text) for path, text in json.loads(packed).items()})


def stamp(paths: Iterable[Path]) -> Stamp:
    """What changes when one of these files is written or replaced; links are followed."""
    return tuple(_stamp(path) for path in sorted(paths))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
