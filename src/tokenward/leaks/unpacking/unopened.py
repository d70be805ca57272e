"""Containers that are recognised and not opened: a scan says so, and searches their bytes as they are."""

from typing import NamedTuple


class Unopened(NamedTuple):
    """A format.

    Attributes:
        what: for people, in the plural.
        magic: bytes that stand at an offset.
        offset: of the magic; a negative one counts from the end.
        encrypted: to keys, as it should be: there is nothing that a scan could have looked at.
    """

    what: str
    magic: bytes
    offset: int = 0
    encrypted: bool = False


AT_START = (
    Unopened("7z archives", b"7z\xbc\xaf\x27\x1c"),
    Unopened("RAR archives", b"Rar!\x1a\x07"),
    Unopened("cabinet files", b"MSCF\0\0\0\0"),
    Unopened("xar archives (macOS packages)", b"xar!\0\x1c"),
    Unopened("LZ4 files", b"\x04\x22\x4d\x18"),
    Unopened("lzip files", b"LZIP\x01"),
    Unopened("lzop files", b"\x89LZO\0\r\n\x1a\n"),
    Unopened("files of compress", b"\x1f\x9d"),
    Unopened("squashfs images", b"hsqs"),
    Unopened("snappy files", b"\xff\x06\0\0sNaPpY"),
    Unopened("WIM images", b"MSWIM\0\0\0"),
    Unopened("files encrypted by age", b"age-encryption.org/v1", encrypted=True),
)
ELSEWHERE = (
    Unopened("ISO images", b"CD001", 32_769),
    Unopened("disk images of macOS", b"koly", -512),
)
_MAGICS = tuple(kind.magic for kind in AT_START)


def unopened(data: bytes) -> Unopened | None:
    """What it is; None if it is nothing of that kind."""
    if data.startswith(_MAGICS):
        return next(kind for kind in AT_START if data.startswith(kind.magic))
    for kind in ELSEWHERE:
        at = kind.offset if kind.offset >= 0 else len(data) + kind.offset
        if at >= 0 and data.startswith(kind.magic, at):
            return kind
    return None
