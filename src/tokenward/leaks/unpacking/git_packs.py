"""Packs of git, which lie in images and archives that somebody made of a working copy (git's pack-format).

Objects come out as they are stored: of a delta, the bytes that it adds. A secret that was in any commit is in
one of them.
"""

from collections.abc import Iterator

from tokenward.leaks.unpacking import streams
from tokenward.leaks.unpacking.kinds import GIT_PACK
from tokenward.leaks.unpacking.limits import Budget
from tokenward.leaks.unpacking.member import Flaw, Member

_HEADER = 12
_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag", 6: "delta", 7: "delta"}
_OFFSET_DELTA, _NAMED_DELTA = 6, 7
_DIGEST = 20
_PARTS = 512  # objects that make one member: there are many, and most are small


def bundle_members(data: bytes, name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. A pack behind some lines of text."""
    start = data.find(GIT_PACK)
    if start < 0:
        yield Flaw("cut off: a bundle without a pack")
        return
    yield Member("(header)", data[data.find(b"\n") + 1 : start])
    yield from members(data[start:], name, budget)


def members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. Objects of a kind, many in one member."""
    count = int.from_bytes(data[8:_HEADER], "big")
    at, number = _HEADER, 0
    held: dict[str, list[bytes]] = {}
    while number < count:
        header = _object_header(data, at)
        if header is None:
            yield Flaw("broken or cut off git pack")
            break
        kind, begin = header
        if number % _PARTS == 0:
            budget.count_member()
        out = streams.decompressed(data, streams.ZLIB, budget, begin)
        parts = held.setdefault(kind, [])
        parts.append(_added(out.data) if kind == "delta" else out.data)
        number += 1
        if len(parts) == _PARTS:
            yield Member(f"{kind}s until {number}", b"\n".join(held.pop(kind)))
        if out.why:
            yield Flaw(out.why)
            break
        at = out.end
    for kind, parts in held.items():
        yield Member(f"{kind}s until {number}", b"\n".join(parts))


def _added(delta: bytes) -> bytes:
    """What a delta adds to its base: its instructions copy a part of that, or bring bytes of their own."""
    at = _past_number(delta, _past_number(delta, 0))  # the sizes of base and result
    parts = []
    while at < len(delta):
        instruction = delta[at]
        if instruction & 0x80:  # a copy: each further bit is a byte of offset or size
            at += 1 + (instruction & 0x7F).bit_count()
            parts.append(b"\n")
        else:
            parts.append(delta[at + 1 : at + 1 + instruction])
            at += 1 + instruction
    return b"".join(parts)


def _object_header(data: bytes, at: int) -> tuple[str, int] | None:
    """The kind of the object, and where its compressed bytes begin."""
    if at >= len(data):
        return None
    kind = data[at] >> 4 & 7
    at = _past_number(data, at)
    if kind == _OFFSET_DELTA:
        at = _past_number(data, at)
    elif kind == _NAMED_DELTA:
        at += _DIGEST
    return (_KINDS[kind], at) if kind in _KINDS else None


def _past_number(data: bytes, at: int) -> int:
    """A number goes on as long as the highest bit of its bytes is set."""
    while at < len(data) and data[at] & 0x80:
        at += 1
    return at + 1
