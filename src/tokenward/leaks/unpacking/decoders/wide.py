"""Pieces of UTF-16 in other files: resources of Windows programs, .NET strings, Android's resources."""

from collections.abc import Iterator

from tokenward.leaks.compiling import over_bytes
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.decoders.decoder import Decoder, Joined

_LETTER = r"[\x20-\x7e\t\r\n]"
_LITTLE, _BIG = rf"(?:{_LETTER}\x00){{12}}", rf"(?:\x00{_LETTER}){{12}}"
_REACH = 24

_LITTLE_RUNS = over_bytes(rf"(?:{_LETTER}\x00){{12,}}")
_BIG_RUNS = over_bytes(rf"(?:\x00{_LETTER}){{12,}}")


def _undo_little(text: Text, start: int) -> Iterator[Text]:
    joined, data = Joined(text, "utf-16"), text.data
    for match in _LITTLE_RUNS.finditer(data, max(0, start - _REACH)):
        letters, start_of_run = match[0][::2], match.start()
        if letters[0] == len(letters) - 1:  # its length stands before it, as a character
            letters, start_of_run = letters[1:], start_of_run + 2
        joined.add(letters, start_of_run, match.end() - start_of_run)
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
