"""The simple archives of Unix: ar (with Debian's packages), cpio, and RPM's packages around cpio."""

import re
from collections.abc import Iterator

from tokenward.leaks.unpacking.kinds import AR, CPIO
from tokenward.leaks.unpacking.limits import Budget
from tokenward.leaks.unpacking.member import Flaw, Member, cut, file_name

_RPM_LEAD, _RPM_HEADER = 96, b"\x8e\xad\xe8\x01"
_AR_HEADER = 60
_NEWC_FIELDS: tuple[int, ...] = (8,) * 13
_ODC_FIELDS: tuple[int, ...] = (6, 6, 6, 6, 6, 6, 6, 11, 6, 11)
_KIND_OF_FILE, _FILE = 0o170000, 0o100000
_HEX, _OCTAL = re.compile(rb"[0-9A-Fa-f]+"), re.compile(rb"[0-7]+")


def ar_members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. GNU's and BSD's forms of long names."""
    at, names = len(AR), b""
    while at + _AR_HEADER <= len(data):
        header = data[at : at + _AR_HEADER]
        digits = header[48:58].strip()
        if header[58:60] != b"`\n" or not digits.isdigit():
            yield Flaw("broken ar header")
            break
        budget.count_member()
        begin, size = at + _AR_HEADER, int(digits)
        at = begin + size + size % 2
        name = header[:16].rstrip()
        if name == b"//":
            names = data[begin : begin + size]
            continue
        if name.startswith(b"#1/") and name[3:].isdigit():
            length = min(int(name[3:]), size)
            name = data[begin : begin + length].rstrip(b"\0")
            begin, size = begin + length, size - length
        elif name[:1] == b"/" and name[1:].isdigit():
            name = names[int(name[1:]) :].split(b"\n", 1)[0]
        yield from cut(data, begin, size, file_name(name.rstrip(b"/") or b"(symbols)"), budget)
    if rest := data[at:].strip():
        yield Member("(after the end)", rest)


def cpio_members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. The forms of SVR4 ("newc", with and without checksum) and of POSIX ("odc")."""
    at = 0
    while (header := _cpio_header(data, at)) is not None:
        budget.count_member()
        name, mode, begin, size, at = header
        if name == "TRAILER!!!":
            break
        if mode & _KIND_OF_FILE == _FILE:
            yield from cut(data, begin, size, name, budget)
    else:
        yield Flaw("broken or cut off cpio header")
    if rest := data[at:].strip(b"\0"):
        yield Member("(after the end)", rest)


def _cpio_header(data: bytes, at: int) -> tuple[str, int, int, int, int] | None:
    """Name, mode, offset, size, and the offset of the next header; None if there is no header."""
    magic = data[at : at + 6]
    if magic == CPIO[2]:
        widths, base, pattern, align = _ODC_FIELDS, 8, _OCTAL, 1
    elif magic in CPIO:
        widths, base, pattern, align = _NEWC_FIELDS, 16, _HEX, 4
    else:
        return None
    values, field = [], at + 6
    for width in widths:
        digits = data[field : field + width]
        if len(digits) < width or not pattern.fullmatch(digits):
            return None
        values.append(int(digits, base))
        field += width
    mode, name_size, size = (
        (values[2], values[8], values[9]) if base == 8 else (values[1], values[11], values[6])
    )
    begin = _aligned(field + name_size, align)
    name = file_name(data[field : field + name_size].rstrip(b"\0"))
    return name, mode, begin, size, _aligned(begin + size, align)


def _aligned(offset: int, to: int) -> int:
    return -(-offset // to) * to


def rpm_members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. The headers as they are (they hold scripts), and the compressed payload."""
    at = _RPM_LEAD
    for align in (8, 1):  # the signature's header is padded, the package's own is not
        if not data.startswith(_RPM_HEADER, at):
            yield Flaw("broken or cut off RPM header")
            yield Member("(rest)", data)
            return
        count, size = (int.from_bytes(data[at + field : at + field + 4], "big") for field in (8, 12))
        at = _aligned(at + 16 + 16 * count + size, align)
    budget.count_member()
    yield Member("(header)", data[_RPM_LEAD:at])
    yield from cut(data, at, max(0, len(data) - at), "payload", budget)
