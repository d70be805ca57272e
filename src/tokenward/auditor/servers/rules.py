"""The row of the tables: what is looked for in what a server publishes, and the function that looks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from tokenward.auditor.findings import Check, Place
from tokenward.auditor.servers.published import Published
from tokenward.base.addresses import is_loopback as is_loopback_host

Found = Iterator[tuple[Place, str]]
"""Places, and in a sentence what is peculiar to each."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row.

    Attributes:
        check: what it is.
        look: yields each place in which it is.
    """

    check: Check
    look: Callable[[Published], Found]


def is_loopback(url: str) -> bool:
    """Whether an address is of this machine: what is asked for there goes over no line."""
    return is_loopback_host(host_of(url))


def host_of(url: str) -> str:
    """The host of an address, in small letters; "" where there is none."""
    return parts_of(url).hostname or ""


def parts_of(url: str) -> SplitResult:
    """The parts of an address; empty ones where it is none, such as `http://[`."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def listed(names: "tuple[str, ...] | list[str]") -> str:
    """Names as a sentence has them."""
    return ", ".join(f"`{name}`" for name in names)
