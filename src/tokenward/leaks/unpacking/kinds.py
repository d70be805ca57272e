"""What a file is, told by its first bytes; a name only helps where those are common.

Every file is looked at here, and few are containers: what reads a family is imported when the first one of it
is met.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from tokenward.leaks.unpacking.limits import Budget
from tokenward.leaks.unpacking.member import Flaw, Member
from tokenward.leaks.unpacking.unopened import AT_START, Unopened, unopened

Reader = Callable[[bytes, str, Budget], Iterator[Member | Flaw]]
"""Yields what is inside, of the container's bytes, its name and the budget. A member without a name has the
container's own. Raises `Spent` when the budget is."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of containers.

    Attributes:
        what: for people, without an article.
        reader: module of this package and name of the `Reader` in it.
        whole: everything in it comes out as members, so that its own bytes need no search.
    """

    what: str
    reader: tuple[str, str]
    whole: bool = True

    def read(self, data: bytes, path: str, budget: Budget) -> Iterator[Member | Flaw]:
        """What is inside; see `Reader`."""
        module, name = self.reader
        reader = cast("Reader", getattr(import_module(f"tokenward.leaks.unpacking.{module}"), name))
        return reader(data, path, budget)


_ZIP = Kind("zip archive", ("zips", "members"))
_TAR = Kind("tar archive", ("tars", "members"))
_CPIO = Kind("cpio archive", ("archives", "cpio_members"))
_BZIP2 = Kind("bzip2 file", ("compressed", "bzip2_members"))
_ZLIB = Kind("zlib file", ("compressed", "zlib_members"))
_LZMA = Kind("lzma file", ("compressed", "lzma_members"))
_BUNDLE = Kind("git bundle", ("git_packs", "bundle_members"))
_OFFICE = Kind("office document", ("office", "members"))
_SOURCE_MAP = Kind("source map", ("json_documents", "source_map_members"), whole=False)
_NOTEBOOK = Kind("notebook", ("json_documents", "notebook_members"))
_MAIL = Kind("mail", ("mails", "members"), whole=False)
_BYTECODE = Kind("Python bytecode", ("string_tables", "bytecode_members"), whole=False)
_ANDROID = Kind("Android resource", ("string_tables", "android_members"), whole=False)
# A program or a picture that a zip archive is appended to is still one: its own bytes come as those before
# the first member.

GZIP, XZ, ZSTANDARD = b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"
BZIP2, ZLIB, LZMA = b"BZh", b"\x78", b"\x5d\0\0"  # too short for a table
AR, RPM, CPIO = b"!<arch>\n", b"\xed\xab\xee\xdb", (b"070701", b"070702", b"070707")
GIT_PACK = b"PACK\0\0\0\2"
_CLASS = b"\xca\xfe\xba\xbe"
_MAGICS: tuple[tuple[bytes, Kind], ...] = (
    (b"PK\x03\x04", _ZIP),
    (b"PK\x05\x06", _ZIP),
    (b"PK\x07\x08PK\x03\x04", _ZIP),
    (GZIP, Kind("gzip file", ("compressed", "gzip_members"))),
    (XZ, Kind("xz file", ("compressed", "xz_members"))),
    (ZSTANDARD, Kind("zstd file", ("compressed", "zstandard_members"))),
    *((BZIP2 + b"%d" % level, _BZIP2) for level in range(1, 10)),
    (AR, Kind("ar archive", ("archives", "ar_members"))),
    (RPM, Kind("RPM package", ("archives", "rpm_members"))),
    *((magic, _CPIO) for magic in CPIO),
    (GIT_PACK, Kind("git pack", ("git_packs", "members"))),
    (b"# v2 git bundle\n", _BUNDLE),
    (b"# v3 git bundle\n", _BUNDLE),
    (b"SQLite format 3\0", Kind("SQLite file", ("databases", "members"), whole=False)),
    (b"%PDF-", Kind("PDF", ("pdfs", "members"), whole=False)),
    (b"bplist00", Kind("property list", ("property_lists", "members"), whole=False)),
    (_CLASS, Kind("Java class", ("string_tables", "class_members"), whole=False)),
    (b"dex\n0", Kind("Dalvik code", ("string_tables", "dalvik_members"), whole=False)),
    (b"\3\0\x08\0", _ANDROID),
    (b"\2\0\x0c\0", _ANDROID),
)
_BY_FIRST_BYTE: dict[bytes, list[tuple[bytes, Kind]]] = {}
for _magic, _kind_of_magic in _MAGICS:
    _BY_FIRST_BYTE.setdefault(_magic[:1], []).append((_magic, _kind_of_magic))
_HEAD = 4096  # bytes in which a document says what it is
_HEAD_OF_MAIL = 16_384
_FIRST_LINE_OF_MAIL = re.compile(rb"(?:From |[A-Z][A-Za-z0-9-]{1,60}:)[^\r\n]*\r?\n")
_CHECKSUM_OF_TAR = re.compile(rb"[ 0]*[0-7]{1,7}[\0 ]")
_END_OF_ZIP = b"PK\x05\x06"
_OFFICES = (
    b"schemas.openxmlformats.org/",
    b"purl.oclc.org/ooxml/",
    b"urn:oasis:names:tc:opendocument",
    b"schemas.microsoft.com/office/",
)
# A text is none of those that stand at an offset; a file that begins with a zero byte or one above may be.
_MAYBE_UNOPENED = {kind.magic[:1] for kind in AT_START} | {
    bytes([byte]) for byte in (*range(9), 0x78, *range(128, 256))
}


def may_be_unopened(data: bytes) -> Unopened | None:
    """What it is, if it is a container that nothing here opens."""
    return unopened(data) if data[:1] in _MAYBE_UNOPENED else None


def kind_of(data: bytes, path: str) -> Kind | None:
    """Which family it belongs to; None for a file that is no container. A few looks at the first bytes.

    Args:
        data: the file, or its first 512 bytes if only archives are asked for.
        path: its name; "" where it has none.
    """
    first = data[:1]
    for magic, kind in _BY_FIRST_BYTE.get(first, ()):
        if data.startswith(magic) and (magic not in _FURTHER or _FURTHER[magic](data)):
            return kind
    if _is_tar(data):
        return _TAR
    if first in {b"{", b")"} or data.startswith(b"\xef\xbb\xbf{"):
        return _kind_of_json(data, path)
    if first == b"<":
        return _OFFICE if _is_office(data) else None
    if b"\0" in data[:1024] or data.startswith((b"#!", b"Cr24", b"MZ")):
        return _kind_of_binary(data, path)
    if first == ZLIB:
        return _ZLIB if _is_zlib(data) else None
    return _MAIL if b"A" <= first <= b"Z" and _is_mail(data) else None


# What a short magic needs beside it.
_FURTHER: dict[bytes, Callable[[bytes], bool]] = {
    **{
        BZIP2 + b"%d" % level: lambda data: data[4:10] in {b"1AY&SY", b"\x17rE8P\x90"}
        for level in range(1, 10)
    },
    _CLASS: lambda data: data[6:8] >= b"\0\x2d",  # a version; in Mach-O a count of processors
}


def _kind_of_json(data: bytes, path: str) -> Kind | None:
    if _is_source_map(data):
        return _SOURCE_MAP
    return _NOTEBOOK if _is_notebook(data, path) else None


def _kind_of_binary(data: bytes, path: str) -> Kind | None:
    if _is_bytecode(data, path):
        return _BYTECODE
    if unopened(data):  # a disk image may begin with a compressed block
        return None
    if _ends_as_zip(data):
        return _ZIP
    if _is_zlib(data):
        return _ZLIB
    if data.startswith(LZMA) and (path.endswith(".lzma") or data[5:13] == b"\xff" * 8):
        return _LZMA
    return None


def _is_zlib(data: bytes) -> bool:
    """A header that fits its check bits (RFC 1950 §2.2), and no text behind."""
    return (
        data[:1] == ZLIB
        and len(data) > 8
        and int.from_bytes(data[:2], "big") % 31 == 0
        and not data[:64].isascii()
    )


def _is_tar(data: bytes) -> bool:
    """Whether it begins with a header: by its magic, or by its checksum where it has none."""
    if data[257:262] == b"ustar":
        return True
    if _CHECKSUM_OF_TAR.match(data, 148, 156) is None:
        return False
    from tokenward.leaks.unpacking.tars import is_header  # noqa: PLC0415 - hardly any text comes this far

    return is_header(data, 0)


def _is_source_map(data: bytes) -> bool:
    """Whether it is a source map that holds its sources."""
    # Some writers say it at the end.
    if b'"version"' not in data[:_HEAD] and b'"version"' not in data[-_HEAD:]:
        return False
    return b'"sourcesContent"' in data and b'"mappings"' in data


def _is_notebook(data: bytes, name: str) -> bool:
    """Whether it is a notebook: its cells come first, or its name says so."""
    return b'"cell_type"' in data[:_HEAD] or (name.endswith(".ipynb") and b'"cells"' in data)


def _is_office(data: bytes) -> bool:
    """Whether it is XML in one of the vocabularies of office documents."""
    head = data[:_HEAD]
    return any(namespace in head for namespace in _OFFICES)


def _is_mail(data: bytes) -> bool:
    """Whether it begins with a header, and says in some header that a part is encoded."""
    if _FIRST_LINE_OF_MAIL.match(data) is None or b"mime-version" not in data[:_HEAD_OF_MAIL].lower():
        return False
    from tokenward.leaks.unpacking.mails import ENCODED  # noqa: PLC0415 - as above

    return ENCODED.search(data) is not None


def _is_bytecode(data: bytes, path: str) -> bool:
    """Whether it is Python's: a version and a line's end (PEP 3147), and the name says so."""
    return data[2:4] == b"\r\n" and path.endswith((".pyc", ".pyo"))


def _ends_as_zip(data: bytes) -> bool:
    """Whether a directory stands at the end, as behind a program that extracts itself."""
    return data.rfind(_END_OF_ZIP, max(0, len(data) - 66_000)) >= 0
