"""Reads git objects by their ids: one `git cat-file` a worker, asked in batches, which keeps its caches."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import IO, cast

from tokenward.leaks.blob import WHOLE, WHOLE_TEXT, Blob
from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.git import Git, layout
from tokenward.leaks.sources.lfs import pointed, stored
from tokenward.leaks.sources.source import Item, Read
from tokenward.leaks.sources.windows import blobs

_AT_ONCE = 400  # ids, 65 bytes or less each, that fit into a pipe: neither side waits for the other
_IDS = (b"tree ", b"parent ", b"object ", b"type ", b"gpgsig")
_PARENTS = 8  # of a merge; what more of them had counts as new
_PIPE = 1 << 20  # bytes; fewer changes between the processes than with 64 KiB


@contextmanager
def objects(git: Git) -> Iterator[Read]:
    """A reader of items that have an id."""
    reader = _Reader(git)
    try:
        yield reader.read
    finally:
        reader.end()


class _CutOffError(Exception):
    """git ended in the middle of an answer."""


class _Reader:
    def __init__(self, git: Git) -> None:
        self._git = git
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def end(self) -> None:
        self._process = None
        self._stack.close()

    def read(self, items: Sequence[Item]) -> Iterator[Blob | Trouble]:
        batch: list[Item] = []
        asked = 0
        for item in items:
            if item.name_only:
                continue
            count = len(_wanted(item))
            if asked + count > _AT_ONCE:
                yield from self._batch(batch)
                batch, asked = [], 0
            batch.append(item)
            asked += count
        yield from self._batch(batch)

    def _batch(self, items: Sequence[Item]) -> Iterator[Blob | Trouble]:
        done = 0
        answered = False
        try:
            while done < len(items):
                answers = self._ask(items[done:])
                for item in items[done:]:
                    done += 1
                    try:
                        yield from self._answer(answers, item)
                    except _CutOffError:
                        yield Trouble(item.path, f"git cannot read its object {item.id}: it is corrupt")
                        self.end()
                        break
            answered = True
        finally:
            if not answered:  # somebody stopped listening: what is left in the pipe is no answer to the next
                self.end()

    def _ask(self, items: Sequence[Item]) -> IO[bytes]:
        if self._process is None:
            # Blobs that we read in windows, git must not hold at once either.
            command = ("-c", f"core.bigFileThreshold={WHOLE}", "cat-file", "--batch")
            self._process = self._stack.enter_context(self._git.conversation(*command))
            _widen(cast("IO[bytes]", self._process.stdout))
        wanted = "".join(f"{wanted}\n" for item in items for wanted in _wanted(item))
        asking = cast("IO[bytes]", self._process.stdin)
        with suppress(BrokenPipeError):  # seen again when there is no answer
            asking.write(wanted.encode())
            asking.flush()
        return cast("IO[bytes]", self._process.stdout)

    def _answer(self, answers: IO[bytes], item: Item) -> Iterator[Blob | Trouble]:
        olds = [_old(answers) for _ in _wanted(item)[:-1]]
        old = b"\n".join(olds) if olds else None
        kind, size = _head(answers)
        if kind == b"missing":
            yield Trouble(item.path, f"its object {item.id} is not in the repository")
            return
        like = Blob(item.path, b"", object_id=item.id, old=old)
        if size > WHOLE_TEXT:
            yield from blobs(_Bounded(answers, size), size, like)
            _content(answers, 0)
            return
        data = _content(answers, size)
        if kind != b"blob":
            data = _words(data)
        elif sha256 := pointed(data):
            yield from self._stored(like, sha256)
        if data:
            yield Blob(item.path, data, object_id=item.id, old=old)

    def _stored(self, like: Blob, sha256: str) -> Iterator[Blob | Trouble]:
        """The content of a pointer of LFS."""
        try:
            # Asked for here and not before: pointers are few, and a commit hook counts its processes.
            file = stored(layout(self._git).common, sha256)
            with file.open("rb") as opened:
                yield from blobs(opened.read, file.stat().st_size, replace(like, old=None))
        except FileNotFoundError:
            yield Trouble(
                like.path, "its content is in Git LFS and not here: git lfs fetch --all", skipped=True
            )
        except OSError as error:
            yield Trouble(like.path, f"its content in Git LFS cannot be read: {error.strerror}")


def _words(data: bytes) -> bytes:
    """Of a commit or a tag the message, and then what else is in its head: who made it, its name."""
    head, _, message = data.partition(b"\n\n")
    kept: list[bytes] = []
    keeps = False
    for line in head.split(b"\n"):
        if not line.startswith(b" "):  # a field that goes on
            keeps = not line.startswith(_IDS)
        if keeps:
            kept.append(line.strip())
    return b"\n".join([message.rstrip(b"\n"), *kept]) + b"\n"


def _wanted(item: Item) -> list[str]:
    """The ids to ask for, the item's own last."""
    if not item.old:
        return [item.id]
    return [*item.old.split(" ")[:_PARENTS], item.id]


def _old(answers: IO[bytes]) -> bytes:
    """What stood there before; nothing, and so all that stands there now counts, if it is huge or missing."""
    kind, size = _head(answers)
    if kind == b"missing":
        return b""
    if kind == b"blob" and size <= WHOLE_TEXT:
        return _content(answers, size)
    read = _Bounded(answers, size + 1)
    while read(1 << 20):
        pass
    return b""


def _head(answers: IO[bytes]) -> tuple[bytes, int]:
    """Kind and size of the object that follows; the kind is "missing" where none does."""
    words = answers.readline().split()
    if len(words) == 3:
        return words[1], int(words[2])
    if not words:
        raise _CutOffError
    return b"missing", 0


def _content(answers: IO[bytes], size: int) -> bytes:
    data = answers.read(size + 1)
    if len(data) != size + 1:
        raise _CutOffError
    return data[:-1]


class _Bounded:
    """Reads on until so many bytes were read."""

    def __init__(self, answers: IO[bytes], size: int) -> None:
        self._answers = answers
        self._left = size

    def __call__(self, size: int) -> bytes:
        data = self._answers.read(min(size, self._left))
        if not data and self._left:
            raise _CutOffError
        self._left -= len(data)
        return data


def _widen(pipe: IO[bytes]) -> None:
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - not everywhere

        with suppress(OSError):  # the kernel sets a lower limit for this user: slower, no worse
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
