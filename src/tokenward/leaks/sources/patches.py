"""Reads unified diffs: of each hunk the new text, beside the old one, so that only what is new counts."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tokenward.leaks.blob import Blob, Origin
from tokenward.leaks.findings import Trouble
from tokenward.leaks.naming import names_of
from tokenward.leaks.sources.binary_patch import Unreadable, content
from tokenward.leaks.sources.patch_commits import LOG, MAIL, Head
from tokenward.leaks.sources.patch_names import bare_name, name, new_name

# "@@ -1,2 +1,3 @@"; of a merge with n parents "@@@ -1,2 -1,2 +1,3 @@@", with n + 1 signs.
_HUNK = re.compile(rb"(@@+) ((?:-\d{1,18}(?:,\d{1,18})? )+)\+(\d{1,18})(?:,(\d{1,18}))? @@")
_EMPTY = frozenset({b"\n", b"\r\n"})  # a line of all sides that lost its signs on the way
_COLOUR = re.compile(rb"\x1b\[[0-9;]*[mK]")


def patches(lines: Iterable[bytes], path: str) -> Iterator[Blob | Trouble]:
    """Everything that is new in a stream of diffs, and the messages of its commits.

    Args:
        lines: with their ends.
        path: what the stream is called, for trouble.
    """
    reader = _Patches(_Lines(lines))
    yield from reader.read()
    if not reader.seen and reader.lines.any:
        yield Trouble(path, "there is no diff in it")


class _Lines:
    """Lines, of which one can be put back."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._put_back: list[bytes] = []
        self.any = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._put_back:
            return self._put_back.pop()
        line = next(self._lines)
        self.any = True
        return _COLOUR.sub(b"", line) if line.startswith(b"\x1b[") else line

    def back(self, line: bytes) -> None:
        self._put_back.append(line)


class _Sides:
    """What a hunk makes of what: two texts with most lines in common."""

    def __init__(self) -> None:
        self.new: list[bytes] = []
        self.old: list[bytes] = []
        self.added = False


class _Patches:
    def __init__(self, lines: _Lines) -> None:
        self.lines = lines
        self._head: Head | None = None
        self._in_head = False
        self._path: str | None = ""
        self.seen = False

    def read(self) -> Iterator[Blob | Trouble]:
        for line in self.lines:
            if match := LOG.match(line) or MAIL.match(line):
                yield from self._end_of_head()
                self._head = Head(match[1].decode(), mailed=line.startswith(b"From "))
                self._in_head = self.seen = True
            elif line.startswith((b"diff --", b"Index: ")):
                yield from self._end_of_head()
                self.seen = True
                self._path = _named(line)
            elif line.startswith(b"--- ") and not self._in_head:
                self._names()
            elif self._head is not None and self._in_head:
                self._head.take(line)
            else:
                yield from self._line(line)
        yield from self._end_of_head()

    def _end_of_head(self) -> Iterator[Blob]:
        if self._head is not None and self._in_head:
            if message := self._head.message():
                yield message
            yield self._head.made_by()
        self._in_head = False

    def _names(self) -> None:
        following = next(self.lines, b"")
        if following.startswith(b"+++ "):
            self._path = name(following[4:])
            self.seen = True
        elif following:
            self.lines.back(following)

    def _line(self, line: bytes) -> Iterator[Blob | Trouble]:
        if line.startswith((b"rename to ", b"copy to ")):
            self._path = bare_name(line.partition(b" to ")[2])
            yield from self._new_name()
        elif line.startswith(b"new file mode"):
            yield from self._new_name()
        elif line.startswith(b"deleted file mode"):
            self._path = None
        elif line.startswith(b"@@") and (hunk := _HUNK.match(line)):
            yield from self._hunk(hunk)
        elif line.startswith(b"GIT binary patch"):
            yield from self._binary()
        elif line.startswith(b"Binary files ") and self._path and b" and /dev/null differ" not in line:
            why = "a binary file of which the diff gives no content (git diff --binary does)"
            yield Trouble(self._path, why, skipped=True)

    def _new_name(self) -> Iterator[Blob]:
        if self._path:
            yield replace(names_of([self._path]), origin=self._origin())

    def _hunk(self, hunk: re.Match[bytes]) -> Iterator[Blob]:
        """Read as many lines as its head announces: what follows may look like a line of it."""
        sides = _Sides()
        if len(hunk[1]) == 2:
            self._of_one(sides, _count(hunk[2]), int(hunk[4] or 1))
        else:
            self._of_merge(sides, [_count(part) for part in hunk[2].split()], int(hunk[4] or 1))
        if sides.added and self._path is not None:
            new, old = b"".join(sides.new), b"".join(sides.old)
            yield Blob(self._path, new, first_line=int(hunk[3]), old=old, origin=self._origin())

    def _of_one(self, sides: _Sides, old_left: int, new_left: int) -> None:
        new, old = sides.new, sides.old
        while new_left > 0 or old_left > 0:
            line = next(self.lines, b"")
            sign = line[:1]
            if sign == b"+":
                new.append(line[1:])
                new_left -= 1
                sides.added = True
            elif sign == b"-":
                old.append(line[1:])
                old_left -= 1
            elif sign == b" " or line in _EMPTY:
                kept = line[1:] if sign == b" " else line
                new.append(kept)
                old.append(kept)
                new_left -= 1
                old_left -= 1
            elif sign != b"\\":  # "No newline at end of file"
                self.lines.back(line)
                return

    def _of_merge(self, sides: _Sides, old_left: list[int], new_left: int) -> None:
        """A column for each parent: a lost line is marked where it was, a kept one where it was not."""
        columns = len(old_left)
        while new_left > 0 or any(left > 0 for left in old_left):
            line = next(self.lines, b"")
            if line.startswith(b"\\"):
                continue
            if line in _EMPTY:
                line = b" " * columns + line
            signs = line[:columns]
            if len(signs) < columns or signs.strip(b" +-"):
                self.lines.back(line)
                return
            lost = b"-" in signs
            mine = ord("-") if lost else ord(" ")
            old_left = [left - (sign == mine) for left, sign in zip(old_left, signs, strict=True)]
            if not lost:
                sides.new.append(line[columns:])
                new_left -= 1
            if signs == b"+" * columns:
                sides.added = True
            else:  # what one parent had is not new
                sides.old.append(line[columns:])

    def _binary(self) -> Iterator[Blob | Trouble]:
        path = self._path
        try:
            data = content(self.lines)
        except Unreadable as error:
            if path is not None:
                yield Trouble(path, str(error))
            return
        if path is not None and data:
            yield Blob(path, data, origin=self._origin())

    def _origin(self) -> Origin | None:
        return None if self._head is None or self._path is None else self._head.origin(self._path)


def _named(line: bytes) -> str | None:
    if line.startswith(b"diff --git "):
        return new_name(line[11:])
    if line.startswith((b"diff --cc ", b"diff --combined ")):
        return bare_name(line.split(b" ", 2)[2])
    return None  # the lines of "---" and "+++" say it


def _count(part: bytes) -> int:
    return int(part.partition(b",")[2] or 1)
