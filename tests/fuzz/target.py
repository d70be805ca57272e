"""What a target of the fuzzer is, and what its octets say.

A target turns octets into a call, and the call's outcome into a word: "accepted" or the code of the refusal.
Whatever else a call raises is a finding. Preparing (signing, encrypting) is apart from the call, so that only
the call's cost is measured.

Parts between NULs are repeated: `a\\0\\5b\\0c` is `a`, 32 times `b`, `c`. So a short input can say a long
one, and the fuzzer finds what costs more than it should without having to write kilobytes.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

LIMIT = 40_000  # octets after repeating: more than any parser accepts


@dataclass(frozen=True)
class Target:
    """One parser.

    Attributes:
        name: as in `make fuzz ARGS="--target name"`.
        prepare: turns octets into the call.
        seeds: what the fuzzer begins with; good inputs, so that it need not find them.
    """

    name: str
    prepare: Callable[[bytes], Callable[[], str]]
    seeds: tuple[bytes, ...]

    def run(self, data: bytes) -> str:
        return self.prepare(data)()

    def seconds(self, data: bytes) -> float:
        """The processor time that the call takes: waiting for a busy machine is not counted."""
        call = self.prepare(data)
        started = time.thread_time()
        call()
        return time.thread_time() - started


def expanded(data: bytes) -> bytes:
    parts = data.split(b"\0")
    for at in range(1, len(parts), 2):
        if parts[at]:
            parts[at] = (parts[at][1:] * (1 << parts[at][0] % 14))[:LIMIT]
    return b"".join(parts)[:LIMIT]


def split(data: bytes, count: int) -> list[bytes]:
    """The parts of an input, parted by line feeds; the last may contain some."""
    parts = data.split(b"\n", count - 1)
    return [expanded(part) for part in parts] + [b""] * (count - len(parts))


def text(data: bytes) -> str:
    """Any octets as a text, lone surrogates among it."""
    return data.decode("utf-8", "surrogateescape")


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def chosen(data: bytes, at: int, choices: Sequence[Any]) -> Any:
    return choices[data[at] % len(choices)] if len(data) > at else choices[0]
