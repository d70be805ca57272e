"""Apple's binary property lists: names and values as lines, which the file keeps apart."""

import plistlib
from collections.abc import Iterator

from tokenward.leaks.unpacking.limits import Budget
from tokenward.leaks.unpacking.member import Flaw, Member


def members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`."""
    budget.count_member()
    try:
        document = plistlib.loads(data, fmt=plistlib.FMT_BINARY)
    except (plistlib.InvalidFileException, RecursionError, MemoryError, ValueError, TypeError, OverflowError):
        yield Flaw("broken property list")
        return
    lines: list[bytes] = []
    size, room = 0, budget.room()
    seen: set[int] = set()  # objects may be shared, and contain themselves
    waiting: list[tuple[str, object]] = [("", document)]
    while waiting and size <= room:
        name, value = waiting.pop()
        if isinstance(value, dict | list):
            if id(value) not in seen:
                seen.add(id(value))
                pairs = value.items() if isinstance(value, dict) else ((name, each) for each in value)
                waiting.extend(reversed([(str(key), each) for key, each in pairs]))
        elif isinstance(value, str | bytes):
            content = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
            if isinstance(value, bytes) and len(value) > 64:
                yield Member(name or "data", value)
            else:
                lines.append(name.encode("utf-8", "surrogatepass") + b": " + content)
            size += len(content) + len(name)
    budget.take(size)
    if size > room:
        yield Flaw(f"more than {room:,} bytes")
    if lines:
        yield Member("values", b"\n".join(lines))
