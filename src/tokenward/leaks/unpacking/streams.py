"""Decompression that ends where the budget does, and that says how far it came.

What comes out of a broken or cut off stream before the break is kept: a secret may be in it.
"""

import zlib
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from tokenward.leaks.unpacking import kinds
from tokenward.leaks.unpacking.limits import MIB, Budget

_FED = 64 * 1024  # bytes that a decompressor is given at a time
_FED_FIRST = 512  # the first time: of a million tiny streams in a row, each must not cost a copy of `_FED`
_FED_ZSTD = 1024  # zstandard has no bound on what comes out: four bytes may say 128 KiB
_MEMORY = 128 * MIB  # for the dictionary that a stream asks for

Chunks = Generator[bytes, None, int]
"""Pieces of what comes out; returns the offset at which the compressed data ended."""


class Output(NamedTuple):
    """What came out of a compressed stream.

    Attributes:
        data: all of it, or what could be had.
        end: offset just after the compressed data.
        why: what ended it early; "" if nothing did.
    """

    data: bytes
    end: int
    why: str = ""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


class _Inflater:
    """`zlib` with the interface that `bz2` and `lzma` share."""

    def __init__(self, wbits: int) -> None:
        self._inflate = zlib.decompressobj(wbits)
        self._full = False  # more may be waiting inside, though all input is taken
        self._broken = False

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._full and not self._broken and not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = MIB) -> bytes:
        if self._broken:
            raise zlib.error
        data = self._inflate.unconsumed_tail + data
        before = self._inflate.copy()
        try:
            out = self._inflate.decompress(data, max_length)
        except zlib.error:
            self._broken = True
            return _until_broken(before, data, max_length)
        self._full = len(out) == max_length
        return out


def _until_broken(inflate: "zlib._Decompress", data: bytes, max_length: int) -> bytes:
    """What comes out before the break: `zlib` throws away what it had made in the call that fails."""
    parts, size = [], 0
    try:
        for at in range(len(data)):
            parts.append(inflate.decompress(data[at : at + 1], max_length))
            size += len(parts[-1])
            if size >= max_length:
                break
    except zlib.error:
        pass
    return b"".join(parts)


class _Zstandard:
    """`zstandard` with the same interface; what comes out is bounded by what is fed."""

    needs_input = True

    def __init__(self) -> None:
        import zstandard  # noqa: PLC0415 - libraries are loaded for streams that are there

        self._frame = zstandard.ZstdDecompressor(max_window_size=_MEMORY).decompressobj()

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data

    def decompress(self, data: bytes, max_length: int = MIB) -> bytes:  # noqa: ARG002 - see above
        return self._frame.decompress(data)


def _bzip2() -> _Decompressor:
    import bz2  # noqa: PLC0415 - as above

    return bz2.BZ2Decompressor()


def _lzma(form: str) -> _Decompressor:
    import lzma  # noqa: PLC0415 - as above

    return lzma.LZMADecompressor(getattr(lzma, form), memlimit=_MEMORY)


def _faults() -> tuple[type[Exception], ...]:
    """What the libraries raise of a stream that is broken."""
    import lzma  # noqa: PLC0415 - as above

    import zstandard  # noqa: PLC0415 - as above

    return zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError, ValueError


@dataclass(frozen=True, slots=True)
class Codec:
    """A format of compression for single files; several streams in a row are one file.

    Attributes:
        name: for people.
        magic: what each stream begins with.
        new: makes a decompressor for one stream.
        fed: bytes that it is given at a time.
    """

    name: str
    magic: bytes
    new: Callable[[], _Decompressor] = field(repr=False)
    fed: int = _FED


GZIP = Codec("gzip", kinds.GZIP, lambda: _Inflater(zlib.MAX_WBITS | 16))
ZLIB = Codec("zlib", kinds.ZLIB, lambda: _Inflater(zlib.MAX_WBITS))
DEFLATE = Codec("deflate", b"", lambda: _Inflater(-zlib.MAX_WBITS))
BZIP2 = Codec("bzip2", kinds.BZIP2, _bzip2)
XZ = Codec("xz", kinds.XZ, lambda: _lzma("FORMAT_XZ"))
LZMA = Codec("lzma", kinds.LZMA, lambda: _lzma("FORMAT_ALONE"))
ZSTANDARD = Codec("zstd", kinds.ZSTANDARD, _Zstandard, _FED_ZSTD)


def raw_lzma(properties: bytes) -> Codec | None:
    """LZMA without a header, as zip has it; None if the properties are none, or ask for too much memory."""
    if len(properties) != 5 or properties[0] >= 9 * 5 * 5:
        return None
    rest, lc = divmod(properties[0], 9)
    pb, lp = divmod(rest, 5)
    size = int.from_bytes(properties[1:], "little")
    if lc + lp > 4 or size > _MEMORY:
        return None
    import lzma  # noqa: PLC0415 - as above

    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": max(size, 4096), "lc": lc, "lp": lp, "pb": pb}]
    return Codec("lzma", b"", lambda: lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters))


def decompressed(data: bytes, codec: Codec, budget: Budget, start: int = 0, end: int | None = None) -> Output:
    """What the stream that begins at `start` holds.

    Args:
        data: holds the stream.
        codec: its format.
        budget: is charged with what comes out.
        start: offset of the stream.
        end: offset that it does not pass; None for the end of the data.
    """
    end = len(data) if end is None else min(end, len(data))
    room, size = budget.room(), 0
    parts: list[bytes] = []
    chunks = _streams(data, codec, start, end)
    why = ""
    try:
        while size <= room:
            part = next(chunks)
            parts.append(part)
            size += len(part)
        why = f"more than {room:,} bytes when unpacked"
    except StopIteration as done:
        end = done.value
    except MemoryError:
        why = f"the {codec.name} stream asks for too much memory"
    except _faults():
        why = f"the {codec.name} stream is broken or cut off"
    budget.take(min(size, room))
    whole = b"".join(parts)
    return Output(whole[:room] if size > room else whole, end, why)


def _streams(data: bytes, codec: Codec, start: int, end: int) -> Chunks:
    """One stream after the other, zeros between them (padding) left out."""
    at = yield from _one_stream(data, codec, start, end)
    while codec.magic:
        following = _after_padding(data, at, end)
        if codec is ZSTANDARD and data[following + 1 : following + 4] == b"\x2a\x4d\x18":  # a skippable frame
            at = following + 8 + int.from_bytes(data[following + 4 : following + 8], "little")
        elif codec is not ZLIB and data.startswith(codec.magic, following, end):
            at = yield from _one_stream(data, codec, following, end)
        else:
            break
    return min(at, end)


def _after_padding(data: bytes, at: int, end: int) -> int:
    while at < end and data[at] == 0:
        step = min(4096, end - at)
        at += step - len(data[at : at + step].lstrip(b"\0"))
    return at


def _one_stream(data: bytes, codec: Codec, start: int, end: int) -> Chunks:
    stream, at, fed = codec.new(), start, min(_FED_FIRST, codec.fed)
    while not stream.eof:
        if stream.needs_input:
            if at >= end:
                raise EOFError
            piece = data[at : min(at + fed, end)]
            at += len(piece)
            fed = codec.fed
        else:
            piece = b""
        out = stream.decompress(piece, MIB)
        if out:
            yield out
    return at - len(stream.unused_data)
