"""tar: ustar, pax, GNU and the old form without a magic (POSIX.1-2017 pax, GNU tar manual).

The stored bytes of a sparse file are taken as they stand, without the holes between them.
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple

from tokenward.leaks.unpacking.limits import Budget
from tokenward.leaks.unpacking.member import Flaw, Member, cut, file_name

_BLOCK = 512
_MAGIC = slice(257, 262)
_FILES = frozenset(b"\x000S7")  # a file, a sparse one, a contiguous one
_EXTENDED = frozenset(b"xgXLK")  # about the next member, or about all
_WITHOUT_CONTENT = frozenset(b"123456VMND")  # links, devices, directories, labels
_MORE_SPARSE, _MORE_SPARSE_AGAIN = 482, 504  # whether another block of the sparse map follows
_LONGEST_NAME = 65_536


class _Header(NamedTuple):
    """What a header says, with what extended headers before it said.

    Attributes:
        kind: the type flag.
        name: of the member.
        begin: offset of its stored bytes.
        end: offset just after them; may lie beyond the data.
    """

    kind: int
    name: str
    begin: int
    end: int


def members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. Links, devices and directories are left out."""
    at = 0
    headers = _headers(data, budget)
    while True:
        try:
            each = next(headers)
        except StopIteration as done:
            at = done.value
            break
        if isinstance(each, Flaw):
            yield each
        elif each.kind in _FILES:
            if not (each.kind == 0 and each.name.endswith("/")):
                yield from cut(data, each.begin, each.end - each.begin, each.name, budget)
        elif each.kind not in _WITHOUT_CONTENT:
            yield Flaw(f"of a kind that is not known ({chr(each.kind)!r})", each.name)
            yield from cut(data, each.begin, each.end - each.begin, each.name, budget)
    if rest := data[at:].strip(b"\0"):
        yield Member("(after the end)", rest)


def _headers(data: bytes, budget: Budget) -> Generator[_Header | Flaw, None, int]:
    """All headers of members, in order; returns the offset at which it ended."""
    at = 0
    said: dict[str, str | int] = {}  # by extended headers, about the next member
    while data[at : at + 1].strip(b"\0"):
        header = data[at : at + _BLOCK]
        if not is_header(data, at):
            yield Flaw("broken or cut off tar header")
            return at
        budget.count_member()
        kind, begin = header[156], at + _BLOCK
        size = _number(header[124:136])
        if kind not in _EXTENDED:
            size = int(said.get("size", -1 if size is None else size))
        name = str(said.get("name") or _name_of(header))
        if size is None or size < 0:
            yield Flaw("has no size that could be", name)
            return begin
        end, at = begin + size, begin + -(-size // _BLOCK) * _BLOCK
        if kind == ord("x"):
            said |= _pax(data[begin:end])
        elif kind == ord("L"):
            said["name"] = file_name(data[begin : min(end, begin + _LONGEST_NAME)].rstrip(b"\0"))
        elif kind not in _EXTENDED:
            if kind == ord("S"):
                map_size = _BLOCK * _blocks_of_sparse_map(data, header, begin)
                begin, end, at = begin + map_size, end + map_size, at + map_size
            yield _Header(kind, name, begin, end)
            said = {}
    return at


def is_header(data: bytes, at: int) -> bool:
    """Whether the checksum of the header at that offset is right."""
    header = data[at : at + _BLOCK]
    if len(header) < _BLOCK:
        return False
    stated = _number(header[148:156])
    return stated == sum(header) - sum(header[148:156]) + 8 * ord(" ")


def _number(field: bytes) -> int | None:
    """An octal number, or a binary one as GNU writes large ones; None if it is neither."""
    if field[0] in {0x80, 0xFF}:
        return int.from_bytes(field, "big", signed=field[0] == 0xFF) - (0x80 << 8 * len(field) - 8) * (
            field[0] == 0x80
        )
    digits = field.split(b"\0", 1)[0].strip()
    try:
        return int(digits or b"0", 8) if not digits.startswith((b"+", b"-", b"0o", b"0O")) else None
    except ValueError:
        return None


def _name_of(header: bytes) -> str:
    name = header[:100].split(b"\0", 1)[0]
    if header[_MAGIC] == b"ustar" and header[262] == 0 and (prefix := header[345:500].split(b"\0", 1)[0]):
        name = prefix + b"/" + name
    return file_name(name)


def _pax(records: bytes) -> dict[str, str | int]:
    """The name and the size that an extended header states."""
    said: dict[str, str | int] = {}
    at = 0
    while (space := records.find(b" ", at, at + 20)) >= 0 and records[at:space].isdigit():
        length = int(records[at:space])
        key, equals, value = records[space + 1 : at + length - 1].partition(b"=")
        if length <= space - at or not equals:
            break
        if key in {b"path", b"GNU.sparse.name"}:
            said["name"] = file_name(value[:_LONGEST_NAME])
        elif key == b"size" and value.isdigit() and len(value) < 20:
            said["size"] = int(value)
        at += length
    return said


def _blocks_of_sparse_map(data: bytes, header: bytes, begin: int) -> int:
    """How many blocks before the stored bytes go on with the map of a sparse file."""
    more, count = header[_MORE_SPARSE], 0
    while more and begin + (count + 1) * _BLOCK <= len(data):
        more = data[begin + count * _BLOCK + _MORE_SPARSE_AGAIN]
        count += 1
    return count
