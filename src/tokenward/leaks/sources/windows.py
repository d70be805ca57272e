"""A file as one blob, or, where it is too large to be held at once, as windows that overlap."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tokenward.leaks.blob import OVERLAP, WHOLE, WHOLE_ARCHIVE, WHOLE_TEXT, WINDOW, Blob
from tokenward.leaks.unpacking.kinds import kind_of

_START = 8000  # bytes that tell text from the rest, as git does it

ReadBytes = Callable[[int], bytes]
"""Gives as many bytes as asked for, fewer only at the end."""


def blobs(read: ReadBytes, size: int, like: Blob) -> Iterator[Blob]:
    """All that `read` gives; nothing if that is nothing.

    Args:
        read: the file.
        size: how much there should be, 0 if nobody knows; there may be more.
        like: everything but the data.
    """
    start = read(_START)
    if len(start) < _START:
        if start:
            yield replace(like, data=start)
        return
    bound = _bound(start)
    if size > bound:
        yield from _windows(_Rest(start, read), like)
        return
    data = start + read(max(0, size - len(start)) + 1)
    if len(data) > size:  # it grew, or is of a kind that does not know its size
        data += read(bound + 1 - len(data))
    if len(data) > bound:
        yield from _windows(_Rest(data, read), like)
    else:
        yield replace(like, data=data)


def _bound(start: bytes) -> int:
    """What opens only as a whole is read whole, if it can be; text is searched in pieces just as well."""
    kind = kind_of(start, "")
    if kind is not None and kind.whole:
        return WHOLE_ARCHIVE
    return WHOLE if b"\0" in start else WHOLE_TEXT


class _Rest:
    """Reads what was read ahead, and then on."""

    def __init__(self, begun: bytes, read: ReadBytes) -> None:
        self._begun = begun
        self._at = 0
        self._read = read

    def __call__(self, size: int) -> bytes:
        piece = self._begun[self._at : self._at + size]
        self._at += len(piece)
        if len(piece) == size:
            return piece
        self._begun, self._at = b"", 0
        return piece + self._read(size - len(piece))


def _windows(read: ReadBytes, like: Blob) -> Iterator[Blob]:
    """Pieces that begin at the start of a line where one is near, so that columns are true.

    In a line longer than 32 KiB, columns count from where the window begins.
    """
    data = read(WINDOW)
    offset, line = like.offset, like.first_line
    while True:
        yield replace(like, data=data, offset=offset, first_line=line, window=True)
        done = _overlap(data)
        more = read(WINDOW - (len(data) - done))
        if not more:
            return
        line += data.count(b"\n", 0, done)
        offset += done
        data = data[done:] + more


def _overlap(data: bytes) -> int:
    """Where the next window begins, counted in this one."""
    start = max(0, len(data) - OVERLAP)
    newline = data.find(b"\n", start, start + OVERLAP // 2)
    return newline + 1 if newline >= 0 else start
