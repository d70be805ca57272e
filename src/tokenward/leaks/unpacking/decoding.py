"""All decoders, and the bounds within which the engine wakes them.

The triggers go into the one database over everything. Where one is found, its decoder makes texts, which
are searched in turn: so base64 of base64, or percent encoding in JSON in JSON, is undone without anybody
knowing of anybody else.
"""

from typing import Final

from tokenward.leaks.unpacking.decoders import (
    base64_runs,
    bytes_as_numbers,
    escapes,
    literals,
    quoted_printable,
    wide,
)
from tokenward.leaks.unpacking.decoders.decoder import Decoder
from tokenward.leaks.unpacking.limits import MIB

DECODERS: Final[tuple[Decoder, ...]] = (
    *base64_runs.DECODERS,
    *bytes_as_numbers.DECODERS,
    *escapes.DECODERS,
    *quoted_printable.DECODERS,
    *literals.DECODERS,
    *wide.DECODERS,
)

DEPTH: Final = 4  # encodings in each other: a text with that many in `decoded` wakes nobody


def allowance(size: int) -> int:
    """How many bytes of decoded texts, at all depths together, a text of so many bytes may make."""
    return 4 * size + MIB
