"""What the readers of containers yield: members, and what kept them from yielding more."""

from collections.abc import Iterator
from typing import NamedTuple

from tokenward.leaks.unpacking.limits import Budget


class Member(NamedTuple):
    """One file of a container.

    Attributes:
        name: as the container gives it, with surrogate escapes where it is no text. Nothing is ever opened
            by it.
        data: its bytes, or what could be had of them.
    """

    name: str
    data: bytes


class Flaw(NamedTuple):
    """Something of a container that could not be read.

    Attributes:
        why: in words.
        name: of the member; "" for the container itself.
    """

    why: str
    name: str = ""


def file_name(raw: bytes) -> str:
    """A member's name of unknown encoding."""
    return raw.decode("utf-8", "surrogateescape")


def cut(data: bytes, begin: int, size: int, name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """The member that stands there uncompressed, within bounds."""
    if begin + size > len(data):
        yield Flaw("cut off", name)
        size = max(0, len(data) - begin)
    room = budget.room()
    if size > room:
        yield Flaw(f"more than {room:,} bytes", name)
    content = data[begin : begin + min(size, room)]
    budget.take(len(content))
    yield Member(name, content)
