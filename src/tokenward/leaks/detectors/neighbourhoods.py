"""Matches of a pattern, looked for only where a trigger of it was found.

A file of a megabyte with three assignments in it has three kilobytes that are worth a slow look.
"""

from collections.abc import Iterator, Sequence
from typing import Any


def matches_near(
    pattern: Any,  # noqa: ANN401 - re2 has no types
    data: bytes,
    ends: Sequence[int],
    *,
    before: int,
    after: int,
) -> Iterator[Any]:
    """What `pattern.finditer(data)` would yield.

    That holds because each match has the end of a trigger in it, or ends with one. Each byte is looked at
    once, however many ends there are.

    Args:
        pattern: compiled by RE2, which sees what stands before and after the part that it searches.
        data: all of the text.
        ends: where the trigger's matches ended, ascending.
        before: how many bytes before such an end a match may begin. One that begins earlier is cut there.
        after: how many bytes after it a match may end.
    """
    at = 0
    while at < len(ends):
        start = max(0, ends[at] - before)
        stop = ends[at] + after
        while at < len(ends) and ends[at] - before <= stop:
            stop = ends[at] + after
            at += 1
        yield from pattern.finditer(data, start, stop)
