"""Opens containers, and containers in containers: archives, packages, compressed files, documents, databases.

What something is, is told by its first bytes; a name only helps where those are common. Nothing is written
anywhere, and no name out of a container is ever opened.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tokenward.leaks.blob import Blob
from tokenward.leaks.findings import Trouble
from tokenward.leaks.unpacking import (
    archives,
    databases,
    git_packs,
    json_documents,
    mails,
    office,
    pdfs,
    property_lists,
    streams,
    string_tables,
    tars,
    zips,
)
from tokenward.leaks.unpacking.limits import Budget, Spent
from tokenward.leaks.unpacking.member import Flaw, Member
from tokenward.leaks.unpacking.names import base_name, shown
from tokenward.leaks.unpacking.unopened import AT_START, unopened


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of containers.

    Attributes:
        what: for people, with an article.
        read: yields what is inside, of the container's bytes, its name and the budget. A member without a
            name has the container's own. Raises `Spent` when the budget is.
        whole: everything in it comes out as members, so that its own bytes need no search.
    """

    what: str
    read: Callable[[bytes, str, Budget], Iterator[Member | Flaw]]
    whole: bool


def unpack(blob: Blob, budget: Budget | None = None) -> Iterator[Blob | Trouble]:
    """Everything that is to be searched for one file: itself, or what it contains, at every depth.

    The blob itself comes first, but for archives and compressed files, whose bytes say nothing; these come
    too where they could not be read to the end. A member's path is `outer!inner`. Members keep the
    `object_id` and `origin` of the outermost blob, as they came with it.

    Args:
        blob: the file. Windows of a file are searched as they are; the first one says what was not opened.
        budget: what it may cost; `Limits` says what it is by default.
    """
    budget = budget or Budget(len(blob.data))
    if blob.window or blob.offset:
        yield blob
        if not blob.offset and (kind := _kind(blob.data, blob.path)) and kind.whole:
            yield Trouble(blob.path, f"{kind.what}: too large to be opened", skipped=True)
        return
    try:
        yield from _everything(blob, 0, budget)
    except Spent as spent:
        yield Trouble(blob.path, str(spent), skipped=True)


def is_archive(start: bytes) -> bool:
    """Whether a file that begins with these bytes (512 are enough) opens, and only as a whole."""
    kind = _kind(start, "")
    return kind is not None and kind.whole


def _everything(blob: Blob, depth: int, budget: Budget) -> Iterator[Blob | Trouble]:
    kind = _kind(blob.data, blob.path)
    if kind is None:
        yield blob
        if blob.data[:1] in _MAYBE_UNOPENED and (what := unopened(blob.data)):
            yield Trouble(blob.path, f"{what} are not opened", skipped=True)
        return
    if depth == budget.limits.depth:
        yield blob
        yield Trouble(blob.path, f"nested deeper than {depth} containers", skipped=True)
        return
    searched = not kind.whole
    if searched:
        yield blob
    try:
        for each in kind.read(blob.data, blob.path, budget):
            path = f"{blob.path}!{shown(each.name)}" if each.name else blob.path
            if isinstance(each, Member):
                inner = replace(blob, path=path, data=each.data, first_line=1, old=None)
                yield from _everything(inner, depth + 1, budget)
                continue
            yield Trouble(path, each.why if each.name else f"{kind.what}: {each.why}", each.skipped)
            if not each.name and not searched:
                yield blob
                searched = True
    except (MemoryError, RecursionError):
        yield Trouble(blob.path, f"{kind.what}: takes more memory than there is")
        yield blob


def _single(codec: streams.Codec) -> Kind:
    """A compressed file: its content has its name without the extension or, if it is an archive, its path."""

    def read(data: bytes, path: str, budget: Budget) -> Iterator[Member | Flaw]:
        budget.count_member()
        out = streams.decompressed(data, codec, budget)
        if out.why:
            yield Flaw(out.why, skipped=out.skipped)
        inside = _kind(out.data, "")
        yield Member("" if inside and inside.whole else base_name(path).rpartition(".")[0], out.data)
        if not out.why and (rest := data[out.end :].strip(b"\0")):
            yield Member("(after the end)", rest)

    return Kind(f"{codec.name} file", read, whole=True)


_ZIP = Kind("zip archive", zips.members, whole=True)
_TAR = Kind("tar archive", tars.members, whole=True)
_CPIO = Kind("cpio archive", archives.cpio_members, whole=True)
_ZLIB = _single(streams.ZLIB)
_LZMA = _single(streams.LZMA)
_OFFICE = Kind("office document", office.members, whole=True)
_SOURCE_MAP = Kind("source map", json_documents.source_map_members, whole=False)
_NOTEBOOK = Kind("notebook", json_documents.notebook_members, whole=True)
_MAIL = Kind("mail", mails.members, whole=False)
_BYTECODE = Kind("Python bytecode", string_tables.bytecode_members, whole=False)
_ANDROID = Kind("Android resource", string_tables.android_members, whole=False)
# A program or a picture that a zip archive is appended to is still one: its own bytes come as those before
# the first member.

_MAGICS: tuple[tuple[bytes, Kind], ...] = (
    *((magic, _ZIP) for magic in zips.MAGICS),
    *((codec.magic, _single(codec)) for codec in (streams.GZIP, streams.XZ, streams.ZSTANDARD)),
    *((b"BZh%d" % level, _single(streams.BZIP2)) for level in range(1, 10)),
    (archives.AR, Kind("ar archive", archives.ar_members, whole=True)),
    (archives.RPM, Kind("RPM package", archives.rpm_members, whole=True)),
    *((magic, _CPIO) for magic in archives.CPIO),
    (git_packs.MAGIC, Kind("git pack", git_packs.members, whole=True)),
    *((magic, Kind("git bundle", git_packs.bundle_members, whole=True)) for magic in git_packs.BUNDLE),
    (databases.MAGIC, Kind("SQLite file", databases.members, whole=False)),
    (pdfs.MAGIC, Kind("PDF", pdfs.members, whole=False)),
    (property_lists.MAGIC, Kind("property list", property_lists.members, whole=False)),
    (string_tables.CLASS, Kind("Java class", string_tables.class_members, whole=False)),
    (string_tables.DALVIK, Kind("Dalvik code", string_tables.dalvik_members, whole=False)),
    (string_tables.XML, _ANDROID),
    (string_tables.RESOURCES, _ANDROID),
)
_BY_FIRST_BYTE: dict[bytes, list[tuple[bytes, Kind]]] = {}
for _magic, _kind_of_magic in _MAGICS:
    _BY_FIRST_BYTE.setdefault(_magic[:1], []).append((_magic, _kind_of_magic))
# A text is none of those that stand at an offset; a file that begins with a zero byte or one above may be.
_MAYBE_UNOPENED = {kind.magic[:1] for kind in AT_START} | {
    bytes([byte]) for byte in (*range(9), 0x78, *range(128, 256))
}


def _kind(data: bytes, path: str) -> Kind | None:
    """Which family it belongs to. Called for every file: a few looks at the first bytes."""
    first = data[:1]
    for magic, kind in _BY_FIRST_BYTE.get(first, ()):
        if data.startswith(magic) and (magic not in _FURTHER or _FURTHER[magic](data)):
            return kind
    if tars.is_tar(data):
        return _TAR
    if first in {b"{", b")"} or data.startswith(b"\xef\xbb\xbf{"):
        return _kind_of_json(data, path)
    if first == b"<":
        return _OFFICE if office.is_office(data) else None
    if b"\0" in data[:1024] or data.startswith((b"#!", b"Cr24", b"MZ")):
        return _kind_of_binary(data, path)
    if first == b"x":
        return _ZLIB if _is_zlib(data) else None
    return _MAIL if b"A" <= first <= b"Z" and mails.is_mail(data) else None


# What a short magic needs beside it.
_FURTHER: dict[bytes, Callable[[bytes], bool]] = {
    **{b"BZh%d" % level: lambda data: data[4:10] in {b"1AY&SY", b"\x17rE8P\x90"} for level in range(1, 10)},
    string_tables.CLASS: lambda data: data[6:8] >= b"\0\x2d",  # a version; in Mach-O a count of processors
}


def _kind_of_json(data: bytes, path: str) -> Kind | None:
    if json_documents.is_source_map(data):
        return _SOURCE_MAP
    return _NOTEBOOK if json_documents.is_notebook(data, path) else None


def _kind_of_binary(data: bytes, path: str) -> Kind | None:
    if string_tables.is_bytecode(data, path):
        return _BYTECODE
    if unopened(data):  # a disk image may begin with a compressed block
        return None
    if zips.ends_as_zip(data):
        return _ZIP
    if _is_zlib(data):
        return _ZLIB
    if data.startswith(streams.LZMA.magic) and (path.endswith(".lzma") or data[5:13] == b"\xff" * 8):
        return _LZMA
    return None


def _is_zlib(data: bytes) -> bool:
    """A header that fits its check bits (RFC 1950 §2.2), and no text behind."""
    return (
        data[:1] == b"x"
        and len(data) > 8
        and int.from_bytes(data[:2], "big") % 31 == 0
        and not data[:64].isascii()
    )
