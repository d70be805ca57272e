"""A blob as text: as it is, or put into UTF-8 where it is UTF-16 or UTF-32 from end to end.

Pieces of UTF-16 in other files are found by a decoder (`decoders.wide`).
"""

import codecs
from collections.abc import Iterator

from tokenward.leaks.blob import Blob
from tokenward.leaks.text import Text

# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD = 64  # bytes that are looked at where there is no mark


def views(blob: Blob) -> Iterator[Text]:
    """The texts to search for it. The first, and nearly always the only one, has the blob's own bytes."""
    data = blob.data
    if data[:1] not in {b"\xff", b"\xfe", b"\0"} and b"\0" not in data[:4]:
        yield Text(data, blob.path)
        return
    encoding, name = _encoding(data)
    if name:
        try:
            text = data.decode(encoding).encode()
        except UnicodeError:
            pass  # then it is not text from end to end
        else:
            yield Text(text, blob.path, (name,))
            return
    yield Text(data, blob.path)


def _encoding(data: bytes) -> tuple[str, str]:
    """Python's name of the encoding and the one for people, or empty ones."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name, name
    head = data[: _HEAD - _HEAD % 2]
    quarters = [head[at::4] for at in range(4)]
    if len(head) >= 8 and not any(byte for quarter in quarters[2:] for byte in quarter):
        return "utf-32-le", "utf-32"
    if len(head) >= 8 and not any(byte for quarter in quarters[:2] for byte in quarter):
        return "utf-32-be", "utf-32"
    even, odd = head[::2], head[1::2]
    if b"\0" not in even and odd.count(0) > len(odd) // 2:
        return "utf-16-le", "utf-16"
    if b"\0" not in odd and even.count(0) > len(even) // 2:
        return "utf-16-be", "utf-16"
    return "", ""
