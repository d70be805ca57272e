"""Standard input: one text, or diffs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import IO

from tokenward.leaks.blob import WHOLE, Blob
from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.patches import patches
from tokenward.leaks.sources.source import Item, Read, Source
from tokenward.leaks.sources.windows import blobs


class Stream(Source):
    """All that a stream gives, as one file.

    Args:
        stream: is read to its end, once.
        path: what the report calls it; rules that look at names look at this one.
    """

    def __init__(self, stream: IO[bytes], path: str = "stdin") -> None:
        self._stream = stream
        self._path = path
        self.name = "standard input"

    def items(self) -> Iterator[Item | Trouble]:
        """See `Source`: one item, which is read where it is listed."""
        yield Item(self._path, 0)

    @contextmanager
    def reader(self) -> Iterator[Read]:
        """See `Source`."""
        yield self._read

    def _read(self, items: Sequence[Item]) -> Iterator[Blob | Trouble]:
        for item in items:
            try:
                yield from blobs(self._stream.read, 0, Blob(item.path, b""))
            except OSError as error:
                yield Trouble(item.path, f"it cannot be read: {error.strerror}")


class Diff(Stream):
    """Unified diffs: of `git diff`, `git log -p`, `git format-patch`, `diff -u`. What they add counts."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream, "diff")
        self.name = "a diff on standard input"

    def _read(self, items: Sequence[Item]) -> Iterator[Blob | Trouble]:
        for item in items:
            try:
                yield from patches(iter(partial(self._stream.readline, WHOLE), b""), item.path)
            except OSError as error:
                yield Trouble(item.path, f"it cannot be read: {error.strerror}")
