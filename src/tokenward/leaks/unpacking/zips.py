"""Zip and everything that is zip inside: jar, wheel, apk, docx and many more (PKWARE APPNOTE 6.3.10).

The directory at the end says what the archive officially holds. Bytes that it does not account for may hold
members all the same (it was cut off, or somebody hid them): those are found by their own headers.
"""

import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from struct import Struct
from typing import NamedTuple

from tokenward.leaks.unpacking import streams
from tokenward.leaks.unpacking.limits import Budget
from tokenward.leaks.unpacking.member import Flaw, Member, file_name

_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_END64, _LOCATOR64, _DESCRIPTOR = b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08"
_LOCAL_HEADER = Struct("<4x5H3I2H")  # 4.3.7
_CENTRAL_HEADER = Struct("<4x6H3I5H2I")  # 4.3.12
_END_RECORD = Struct("<4x4H2IH")  # 4.3.16
_END64_RECORD = Struct("<4xQ2H2I4Q")  # 4.3.14
_SIGNATURE = b"PK\x05\x05"
_TOO_LARGE = 0xFFFFFFFF  # the number is in the extra field
_ENCRYPTED, _DESCRIPTOR_FOLLOWS, _UTF8 = 1, 8, 0x800  # 4.4.4
_UNIX, _LINK, _KIND_OF_FILE = 3, 0o120000, 0o170000
_STORED, _DEFLATED, _BZIP2, _LZMA, _ZSTANDARD, _XZ, _AES = 0, 8, 12, 14, 93, 95, 99
_CODECS = {
    _DEFLATED: streams.DEFLATE,
    _BZIP2: streams.BZIP2,
    _ZSTANDARD: streams.ZSTANDARD,
    _XZ: streams.XZ,
}
_METHODS = {_STORED, _LZMA, _AES, 1, 2, 3, 4, 5, 6, 9, 10, 16, 18, 19, 20, 94, 96, 97, 98, *_CODECS}
_LEAST_REST = 32  # bytes between members that are not worth a look: data descriptors, alignment


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the directory, or a header of its own, says about a member; None where it leaves it open."""

    name: str
    flags: int
    method: int
    checksum: int | None
    packed: int | None
    size: int | None
    offset: int
    link: bool = False
    comment: bytes = b""


def members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`."""
    entries: list[_Entry] = []
    rest: list[bytes] = []
    stop = len(data)
    place = _directory_place(data)
    if isinstance(place, Flaw):
        yield place
    else:
        stop = place.start
        for entry in islice(_directory(data, place), budget.limits.members + 1):
            if isinstance(entry, Flaw):
                yield entry
            else:
                entries.append(entry)
        rest = [data[place.end + _END_RECORD.size :], *(entry.comment for entry in entries if entry.comment)]
    entries.sort(key=lambda entry: entry.offset)
    at = 0
    for entry in entries:
        if entry.offset < at:
            yield Flaw("overlaps another member", entry.name)
            continue
        yield from _between(data, at, entry.offset, rest, budget)
        budget.count_member()
        at = yield from _read(data, entry, stop, budget)
    yield from _between(data, at, stop, rest, budget)
    if any(rest):
        yield Member("(between the members)", b"\n".join(rest))


class _Place(NamedTuple):
    """Where the directory is.

    Attributes:
        start: its offset.
        end: the offset of the record that ends it.
        base: how many bytes stand before the archive.
    """

    start: int
    end: int
    base: int


def _directory_place(data: bytes) -> _Place | Flaw:
    end = data.rfind(_END)
    if end < 0 or end + _END_RECORD.size > len(data):
        return Flaw("cut off: the zip directory is missing")
    size, offset = _END_RECORD.unpack_from(data, end)[4:6]
    stop = end
    if end >= 20 and data[end - 20 : end - 16] == _LOCATOR64:
        stop = data.rfind(_END64, 0, end - 20)
        if stop < 0 or stop + _END64_RECORD.size > len(data):
            return Flaw("broken zip64 directory")
        size, offset = _END64_RECORD.unpack_from(data, stop)[-2:]
    start = stop - size
    if start < 0 or (size and not data.startswith(_CENTRAL, start)):
        return Flaw("broken zip directory")
    return _Place(start, end, start - offset)


def _directory(data: bytes, place: _Place) -> Iterator[_Entry | Flaw]:
    at, stop = place.start, place.end
    while data.startswith(_CENTRAL, at) and at + _CENTRAL_HEADER.size <= stop:
        header = _CENTRAL_HEADER.unpack_from(data, at)
        made_by, _needed, flags, method, _time, _date, checksum, packed, size = header[:9]
        name_length, extra_length, comment_length, _disk, _inside, outside, offset = header[9:]
        after_name = at + _CENTRAL_HEADER.size + name_length
        after_extra = after_name + extra_length
        size, packed, offset = _zip64(data[after_name:after_extra], size, packed, offset)
        yield _Entry(
            name=_text(data[after_name - name_length : after_name], flags),
            flags=flags,
            method=method,
            checksum=checksum,
            packed=packed,
            size=size,
            offset=offset + place.base,
            link=made_by >> 8 == _UNIX and (outside >> 16) & _KIND_OF_FILE == _LINK,
            comment=data[after_extra : after_extra + comment_length],
        )
        at = after_extra + comment_length
    if at < stop and not data.startswith((_END64, _SIGNATURE), at):
        yield Flaw("broken zip directory")


def _zip64(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """The three numbers, those that did not fit taken from the extra field (4.5.3)."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = (
            int.from_bytes(extra[at : at + 2], "little"),
            int.from_bytes(extra[at + 2 : at + 4], "little"),
        )
        if kind == 1:
            values = iter(
                int.from_bytes(extra[each : each + 8], "little") for each in range(at + 4, at + 4 + length, 8)
            )
            size = next(values, size) if size == _TOO_LARGE else size
            packed = next(values, packed) if packed == _TOO_LARGE else packed
            offset = next(values, offset) if offset == _TOO_LARGE else offset
            break
        at += 4 + length
    return size, packed, offset


def _text(raw: bytes, flags: int) -> str:
    """A name: UTF-8 if it says or is so, otherwise code page 437 (appendix D)."""
    if not flags & _UTF8:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("cp437")
    return file_name(raw)


def _between(data: bytes, at: int, stop: int, rest: list[bytes], budget: Budget) -> Iterator[Member | Flaw]:
    """Members that no directory lists, by their own headers; what is none goes to the rest."""
    while at < stop:
        start = data.find(_LOCAL, at, stop)
        end = stop if start < 0 else start
        if end - at > _LEAST_REST:
            rest.append(data[at:end])
        if start < 0:
            return
        entry = _local(data, start)
        if entry is None:
            at = start + len(_LOCAL)
            continue
        budget.count_member()
        at = yield from _read(data, entry, stop, budget)


def _local(data: bytes, at: int) -> _Entry | None:
    """The entry that a member's own header makes; None if it is no such header."""
    if at + _LOCAL_HEADER.size > len(data):
        return None
    needed, flags, method, _time, _date, checksum, packed, size, name_length, extra_length = (
        _LOCAL_HEADER.unpack_from(data, at)
    )
    after_name = at + _LOCAL_HEADER.size + name_length
    if needed & 0xFF > 100 or method not in _METHODS or not name_length or after_name > len(data):
        return None
    size, packed, _ = _zip64(data[after_name : after_name + extra_length], size, packed, 0)
    follows = bool(flags & _DESCRIPTOR_FOLLOWS)
    return _Entry(
        name=_text(data[after_name - name_length : after_name], flags),
        flags=flags,
        method=method,
        checksum=None if follows else checksum,
        packed=None if follows and not packed else packed,
        size=None if follows and not size else size,
        offset=at,
    )


def _read(data: bytes, entry: _Entry, stop: int, budget: Budget) -> Generator[Member | Flaw, None, int]:
    """The member; returns the offset just after it."""
    local = _local(data, entry.offset) if data.startswith(_LOCAL, max(entry.offset, 0)) else None
    if local is None or entry.offset < 0:
        yield Flaw("is not where the zip directory says", entry.name)
        return max(entry.offset, 0)
    if local.name != entry.name:
        yield Flaw(f"has another name in its own header: {local.name}", entry.name)
    lengths = data[entry.offset + 26 : entry.offset + 30]
    start = entry.offset + _LOCAL_HEADER.size
    start += int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    end = _end(data, entry, start, stop)
    if end > stop:
        yield Flaw("cut off", entry.name)
        end = stop
    if entry.flags & _ENCRYPTED or entry.method == _AES:
        yield Flaw("encrypted", entry.name)
        return end
    out = _content(data, entry, start, end, budget)
    if out is None:
        yield Flaw(f"compressed by a method that is not known ({entry.method})", entry.name)
        return end
    complete = entry.size is None or len(out.data) == entry.size
    if out.why and not (entry.method == _LZMA and complete):  # LZMA needs no mark at its end
        yield Flaw(out.why, entry.name)
    elif not complete or (entry.checksum is not None and zlib.crc32(out.data) != entry.checksum):
        yield Flaw("is not what its size and checksum say", entry.name)
    if not entry.link and not (entry.name.endswith("/") and not out.data):
        yield Member(entry.name, out.data)
    if entry.packed is not None:
        return end
    return start if out.why else out.end  # where it broke, nobody knows what is next


def _end(data: bytes, entry: _Entry, start: int, stop: int) -> int:
    """Where its data ends, or cannot go beyond: of compressed data of unknown size, that tells."""
    if entry.packed is not None:
        return start + entry.packed
    if entry.method != _STORED:
        return stop
    for mark in (_LOCAL, _CENTRAL, _DESCRIPTOR):
        at = data.find(mark, start, stop)
        stop = at if at >= 0 else stop
    return stop


def _content(data: bytes, entry: _Entry, start: int, end: int, budget: Budget) -> streams.Output | None:
    if entry.method == _STORED:
        room = budget.room()
        kept = data[start : min(end, start + room)]
        budget.take(len(kept))
        over = end - start > room
        return streams.Output(kept, end, f"more than {room:,} bytes" if over else "")
    codec = _CODECS.get(entry.method)
    if entry.method == _LZMA:  # 5.8.8: version, length of the properties, properties
        codec, start = streams.raw_lzma(data[start + 4 : start + 9]), start + 9
    return streams.decompressed(data, codec, budget, min(start, end), end) if codec else None
