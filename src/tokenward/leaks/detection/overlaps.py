"""Of what covers the same bytes, one thing is meant."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Protocol, TypeVar

from tokenward.base.severity import Confidence


class Spanning(Protocol):
    """Something that was seen in a text."""

    @property
    def start(self) -> int:
        """Offset of its first byte."""

    @property
    def end(self) -> int:
        """Offset after its last byte."""

    @property
    def confidence(self) -> Confidence:
        """How sure it is."""


T = TypeVar("T", bound=Spanning)


def best(seen: Iterable[T]) -> list[T]:
    """Of those that overlap, the surest, and the longest of equally sure ones; in order of their start."""
    chosen: list[T] = []
    together: list[T] = []
    end = 0
    for one in sorted(seen, key=lambda one: one.start):
        if one.start >= end:
            chosen += _best_of(together)
            together = []
        together.append(one)
        end = max(end, one.end)
    return chosen + _best_of(together)


def _best_of(together: list[T]) -> list[T]:
    """The same for a few: one more goes into its place among those that were chosen before."""
    if len(together) < 2:
        return together
    chosen: list[T] = []
    for one in sorted(together, key=lambda one: (-one.confidence, one.start - one.end, one.start)):
        at = bisect_left(chosen, one.start, key=lambda other: other.start)
        if at and chosen[at - 1].end > one.start:
            continue
        if at < len(chosen) and chosen[at].start < one.end:
            continue
        chosen.insert(at, one)
    return chosen
