"""Contents of binary files in a diff of `git diff --binary`."""

import base64
import re
import zlib
from collections.abc import Iterator

from tokenward.leaks.blob import WHOLE

_KIND = re.compile(rb"(literal|delta) (\d{1,18})\s*$")


class Unreadable(ValueError):  # noqa: N818 - says what it is
    """A binary patch from which the content cannot be told; the message says why."""


def content(lines: Iterator[bytes]) -> bytes:
    """The new content, from the lines after "GIT binary patch" up to and with the first empty one.

    Raises:
        Unreadable: it is a difference to what we do not have, too large, or broken.
    """
    head = _KIND.match(next(lines, b""))
    packed = bytearray()
    broken = head is None
    for line in lines:
        stripped = line.rstrip(b"\r\n")
        if not stripped:
            break
        try:
            packed += _bytes_of(stripped)
        except ValueError:
            broken = True
    if head is None or broken:
        raise Unreadable("the binary patch is broken")
    size = int(head[2])
    if head[1] == b"delta":
        raise Unreadable("a binary file is given by its difference to a version that is not here")
    if size > WHOLE:
        raise Unreadable("the binary file is larger than 64 MiB")
    try:
        data = zlib.decompressobj().decompress(bytes(packed), size + 1)
    except zlib.error as error:
        raise Unreadable("the binary patch is broken") from error
    if len(data) != size:
        raise Unreadable("the binary patch is broken")
    return data


def _bytes_of(line: bytes) -> bytes:
    """One line: a letter for its length (A-Z: 1-26, a-z: 27-52), then base 85, padded to whole groups."""
    letter = line[0]
    length = letter - 64 if 65 <= letter <= 90 else letter - 70
    data = base64.b85decode(line[1:])
    if not 1 <= length <= 52 or not length <= len(data) < length + 4:
        raise ValueError(length)
    return data[:length]
