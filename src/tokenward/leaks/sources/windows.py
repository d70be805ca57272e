"""A file too large to be held at once, as windows that overlap."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tokenward.leaks.blob import OVERLAP, WINDOW, Blob


def windows(read: Callable[[int], bytes], like: Blob, begun: bytes = b"") -> Iterator[Blob]:
    """All that `read` gives, piece by piece.

    A window begins at the start of a line where one is near, so that columns are true; in a line longer than
    32 KiB, columns count from where the window begins.

    Args:
        read: gives as many bytes as asked for, fewer only at the end.
        like: everything but the data.
        begun: what was read already.
    """
    data = begun or read(WINDOW)
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
