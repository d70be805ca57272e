"""Storing what has a fresh locator, which another of the same millisecond may have taken."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tokenward.store.port import AlreadyExists, StoreUnavailable

_ATTEMPTS = 3

T = TypeVar("T")


async def with_fresh_locators(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run `attempt`, which makes tokens and stores them, again with new ones where a locator was taken.

    Raises:
        StoreUnavailable: three times in a row, which chance does not do.
    """
    for _ in range(_ATTEMPTS):
        try:
            return await attempt()
        except AlreadyExists:
            continue
    raise StoreUnavailable("fresh locators keep being taken")
