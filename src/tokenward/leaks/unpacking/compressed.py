"""Compressed files: one stream of gzip and the like, and what stands behind it."""

from collections.abc import Iterator
from functools import partial

from tokenward.leaks.unpacking import streams
from tokenward.leaks.unpacking.kinds import kind_of
from tokenward.leaks.unpacking.limits import Budget
from tokenward.leaks.unpacking.member import Flaw, Member
from tokenward.leaks.unpacking.names import base_name


def _members(codec: streams.Codec, data: bytes, path: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. The content has the name without the extension, or none if it is an archive."""
    budget.count_member()
    out = streams.decompressed(data, codec, budget)
    if out.why:
        yield Flaw(out.why)
    inside = kind_of(out.data, "")
    yield Member("" if inside and inside.whole else base_name(path).rpartition(".")[0], out.data)
    if not out.why and (rest := data[out.end :].strip(b"\0")):
        yield Member("(after the end)", rest)


gzip_members = partial(_members, streams.GZIP)
bzip2_members = partial(_members, streams.BZIP2)
xz_members = partial(_members, streams.XZ)
zstandard_members = partial(_members, streams.ZSTANDARD)
zlib_members = partial(_members, streams.ZLIB)
lzma_members = partial(_members, streams.LZMA)
