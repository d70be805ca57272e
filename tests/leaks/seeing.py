"""What the decoders make of a text, with a database of their triggers alone."""

from collections.abc import Iterator

from tokenward.leaks.detection.database import build
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.decoders.decoder import Decoder
from tokenward.leaks.unpacking.decoding import DECODERS, DEPTH, allowance

OWNERS: list[tuple[str, Decoder]] = [
    (trigger, decoder) for decoder in DECODERS for trigger in decoder.triggers
]
_DATABASE = build([trigger for trigger, _ in OWNERS])


def woken(data: bytes) -> dict[str, int]:
    """Names of the decoders that the text wakes, and the offsets that they are given."""
    found: dict[str, int] = {}
    for which, [end] in _DATABASE.search(data).items():
        name = OWNERS[which][1].name
        found[name] = min(end, found.get(name, end))
    return found


def texts(text: Text) -> Iterator[Text]:
    """The text and all that is decoded from it."""
    left = allowance(len(text.data))
    waiting = [text]
    while waiting:
        each = waiting.pop()
        yield each
        if len(each.decoded) >= DEPTH:
            continue
        starts = woken(each.data)
        for decoder in DECODERS:
            if decoder.name not in starts:
                continue
            for inner in decoder.undo(each, starts[decoder.name]):
                left -= len(inner.data)
                if left < 0:
                    return
                waiting.append(inner)
