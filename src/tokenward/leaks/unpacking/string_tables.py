"""Strings of compiled programs: Java classes, Dalvik code, resources of Android, Python bytecode.

Their bytes are searched as they are, too. But there the length of a string stands before it, often as a
character that could belong to it (67 is "C"), and what follows may be a letter as well; then no pattern that
begins and ends with a word's boundary finds it.
"""

import struct
from collections.abc import Iterator

from tokenward.leaks.compiling import over_bytes
from tokenward.leaks.unpacking.limits import Budget
from tokenward.leaks.unpacking.member import Flaw, Member

_LEAST = 8  # bytes of a string that is worth a look


class _Broken(Exception):  # noqa: N818 - says what the table is
    """The message says what is."""


def _joined(strings: Iterator[bytes], budget: Budget) -> Iterator[Member | Flaw]:
    """One member of all strings. Tables may name the same bytes again and again, so they are counted."""
    budget.count_member()
    found, size, room = [], 0, budget.room()
    try:
        for string in strings:
            if len(string) >= _LEAST:
                found.append(string)
                size += len(string)
            if size > room:
                yield Flaw(f"more than {room:,} bytes of strings")
                break
    except _Broken as broken:
        yield Flaw(f"broken {broken}")
    budget.take(size)
    if found:
        yield Member("strings", b"\n".join(found))


# JVM specification, table 4.4-A: bytes of a constant after its tag; a long or a double counts as two.
_CONSTANTS = {
    3: 4,
    4: 4,
    5: 8,
    6: 8,
    7: 2,
    8: 2,
    9: 4,
    10: 4,
    11: 4,
    12: 4,
    15: 3,
    16: 2,
    17: 4,
    18: 4,
    19: 2,
    20: 2,
}
_TEXT, _WIDE_CONSTANTS = 1, {5, 6}


def class_members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. The texts of the constant pool (JVM specification, 4.4.7)."""
    return _joined(_constants(data), budget)


def _constants(data: bytes) -> Iterator[bytes]:
    left, at = int.from_bytes(data[8:10], "big") - 1, 10
    while left > 0:
        tag = data[at] if at < len(data) else 0
        if tag == _TEXT:
            end = at + 3 + int.from_bytes(data[at + 1 : at + 3], "big")
            yield data[at + 3 : end]
            at = end
        elif tag in _CONSTANTS:
            at += 1 + _CONSTANTS[tag]
        else:
            raise _Broken("constant pool")
        left -= 1 + (tag in _WIDE_CONSTANTS)


def dalvik_members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. The string table (Dalvik executable format, string_ids)."""
    return _joined(_dalvik_strings(data), budget)


def _dalvik_strings(data: bytes) -> Iterator[bytes]:
    count, start = (int.from_bytes(data[at : at + 4], "little") for at in (0x38, 0x3C))
    if start + 4 * count > len(data):
        raise _Broken("string table")
    for (begin,) in struct.iter_unpack("<I", data[start : start + 4 * count]):
        at = begin
        while at < len(data) and data[at] & 0x80:  # the length, as a number that goes on
            at += 1
        yield data[at + 1 : max(data.find(b"\0", at + 1), at + 1)]


_POOL, _POOL_HEADER, _UTF8 = b"\1\0\x1c\0", struct.Struct("<4x6I"), 0x100


def android_members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. All string pools (ResStringPool of Android's ResourceTypes.h)."""
    return _joined(_android_strings(data), budget)


def _android_strings(data: bytes) -> Iterator[bytes]:
    at = data.find(_POOL)
    while at >= 0 and at + 28 <= len(data):
        _size, count, _styles, flags, start, _ = _POOL_HEADER.unpack_from(data, at)
        if count > (len(data) - at - 28) // 4:
            raise _Broken("string pool")
        for offset in struct.unpack_from(f"<{count}I", data, at + 28):
            yield _pooled(data, at + start + offset, utf8=bool(flags & _UTF8))
        at = data.find(_POOL, at + 28)


def _pooled(data: bytes, at: int, *, utf8: bool) -> bytes:
    """A string behind its length, or its two lengths; a length may take twice the room."""
    length = 0
    if utf8:
        for _ in range(2):  # in characters, then in bytes
            length = int.from_bytes(data[at : at + 1], "big")
            at += 1
            if length & 0x80:
                length = (length & 0x7F) << 8 | int.from_bytes(data[at : at + 1], "big")
                at += 1
        return data[at : at + length]
    length = int.from_bytes(data[at : at + 2], "little")
    at += 2
    if length & 0x8000:
        length = (length & 0x7FFF) << 16 | int.from_bytes(data[at : at + 2], "little")
        at += 2
    return data[at : at + 2 * length].decode("utf-16-le", "replace").encode()


# Python's marshal: short and long ASCII strings, bytes and others, each also with the mark of a reference.
# Most are names of a few letters, which need no look.
_MARSHALLED = over_bytes(
    r"(?s)[zZ\xfa\xda]([\x10-\xff])[\t\n\r\x20-\x7e]{16}"
    r"|[aAsut\xe1\xc1\xf3\xf5\xf4](..[\x00-\x0f]\x00)[\t\n\r\x20-\x7e\x80-\xff]{16}"
)
_PYTHON_HEADER = 16
_TEXTUAL = bytes(range(32, 127)) + b"\t\n\r" + bytes(range(128, 256))


def bytecode_members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. What looks like a string of `marshal`, which differs from version to version."""
    return _joined(_marshalled(data), budget)


def _marshalled(data: bytes) -> Iterator[bytes]:
    at = _PYTHON_HEADER
    while (match := _MARSHALLED.search(data, at)) is not None:
        length = match[1] or match[2]
        at = match.start() + 1 + len(length)
        end = at + int.from_bytes(length, "little")
        if end <= len(data) and not (string := data[at:end]).translate(None, _TEXTUAL):
            yield string
            at = end
