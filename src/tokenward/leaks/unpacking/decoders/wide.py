"""Pieces of UTF-16 in other files: resources of Windows programs, .NET strings, Android's resources."""

from collections.abc import Iterator

import re2

from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.decoders.decoder import Decoder, Joined

_LETTER = r"[\x20-\x7e\t\r\n]"
_LITTLE, _BIG = rf"(?:{_LETTER}\x00){{12}}", rf"(?:\x00{_LETTER}){{12}}"
_REACH = 24

_LITTLE_RUNS = re2.compile(rf"(?:{_LETTER}\x00){{12,}}".encode())
_BIG_RUNS = re2.compile(rf"(?:\x00{_LETTER}){{12,}}".encode())


def _undo_little(text: Text, start: int) -> Iterator[Text]:
    joined, data = Joined(text, "utf-16"), text.data
    for match in _LITTLE_RUNS.finditer(data, max(0, start - _REACH)):
        joined.add(match[0][::2], match.start(), len(match[0]))
        joined.part()
        yield from joined.full()
    yield from joined.text()


def _undo_big(text: Text, start: int) -> Iterator[Text]:
    joined, data = Joined(text, "utf-16"), text.data
    for match in _BIG_RUNS.finditer(data, max(0, start - _REACH)):
        if data.startswith(b"\0", match.end()):
            continue  # all of it is there in the other order as well
        joined.add(match[0][1::2], match.start(), len(match[0]))
        joined.part()
        yield from joined.full()
    yield from joined.text()


DECODERS = (
    Decoder("utf-16", (_LITTLE,), _undo_little),
    Decoder("utf-16, big endian", (_BIG,), _undo_big),
)
