"""Long lists, a page at a time."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field

from tokenward.app.admin_input import Query
from tokenward.app.admin_values import LIST_LIMIT
from tokenward.base.problems import NOT_FOUND, Refusal

_DIGITS = re.compile(r"[0-9]{1,4}")

ItemT = TypeVar("ItemT")


def _number(text: object) -> object:
    if not isinstance(text, str) or not _DIGITS.fullmatch(text):
        raise ValueError("write it in digits")
    return int(text)


class Page(Query):
    """Which part of a list."""

    after: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="The id of the last one of the page before, which its `next` names.",
    )
    limit: Annotated[int, BeforeValidator(_number)] = Field(
        default=LIST_LIMIT, ge=1, le=LIST_LIMIT, description="How many at most."
    )


def page_of(
    items: Sequence[ItemT], page: Page, key: Callable[[ItemT], str]
) -> tuple[Sequence[ItemT], str | None]:
    """One page of a list, and the id after which the next one begins; None at its end.

    Raises:
        Refusal: NOT_FOUND, nothing in the list has the id after which to begin, by now.
    """
    start = 0
    if page.after is not None:
        found = (number for number, each in enumerate(items, 1) if key(each) == page.after)
        start = next(found, -1)
        if start < 0:
            raise Refusal(NOT_FOUND, "after: there is none of this id, or no more: begin at the front")
    end = start + page.limit
    return items[start:end], key(items[end - 1]) if end < len(items) else None
