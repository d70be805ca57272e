"""What came of the flows of a program that visits, or is visited."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import httpx

from interop.page import Result

_Visit = TypeVar("_Visit")

FAILURES = (AssertionError, ValueError, KeyError, httpx.HTTPError)
"""What a flow that does not work may raise; anything else is a fault of the visit."""


def results(
    flows: Sequence[Callable[[_Visit], None]],
    visit: _Visit,
    failures: tuple[type[Exception], ...] = FAILURES,
) -> list[Result]:
    """A row a flow, named by its docstring."""
    rows = []
    for flow in flows:
        note = ""
        try:
            flow(visit)
        except failures as error:
            note = str(error).partition("\n")[0] or type(error).__name__
        rows.append(Result(str(flow.__doc__).rstrip("."), works=not note, note=note))
    return rows
