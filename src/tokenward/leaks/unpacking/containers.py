"""Opens containers, and containers in containers: archives, packages, compressed files, documents, databases.

Nothing is written anywhere, and no name out of a container is ever opened.
"""

from collections.abc import Iterator
from dataclasses import replace

from tokenward.leaks.blob import Blob
from tokenward.leaks.findings import Trouble
from tokenward.leaks.unpacking.kinds import kind_of, may_be_unopened
from tokenward.leaks.unpacking.limits import Budget, Spent
from tokenward.leaks.unpacking.member import Member
from tokenward.leaks.unpacking.names import shown


def unpack(blob: Blob, budget: Budget | None = None) -> Iterator[Blob | Trouble]:
    """Everything that is to be searched for one file: itself, or what it contains, at every depth.

    The blob itself comes first, but for archives and compressed files, whose bytes say nothing; these come
    too where they could not be read to the end. A member's path is `outer!inner`. Members keep the
    `object_id` and `origin` of the outermost blob, as they came with it.

    Args:
        blob: the file. Windows of a file are searched as they are; the first one says what was not opened.
        budget: what it may cost; `Limits` says what it is by default.
    """
    budget = budget or Budget(len(blob.data))
    if blob.window or blob.offset:
        yield blob
        if not blob.offset:
            yield from _too_large(blob)
        return
    try:
        yield from _everything(blob, 0, budget)
    except Spent as spent:
        yield Trouble(blob.path, str(spent))


def _too_large(blob: Blob) -> Iterator[Trouble]:
    """Whether the file that begins with this window would have been opened."""
    if kind := kind_of(blob.data, blob.path):
        yield Trouble(blob.path, f"{kind.what}: too large to be opened")
    else:
        yield from _unopened(blob)


def _unopened(blob: Blob) -> Iterator[Trouble]:
    if what := may_be_unopened(blob.data):
        yield Trouble(blob.path, f"{what.what} are not opened", skipped=what.encrypted)


def _everything(blob: Blob, depth: int, budget: Budget) -> Iterator[Blob | Trouble]:
    kind = kind_of(blob.data, blob.path)
    if kind is None:
        yield blob
        yield from _unopened(blob)
        return
    if depth == budget.limits.depth:
        yield blob
        yield Trouble(blob.path, f"nested deeper than {depth} containers")
        return
    searched = not kind.whole
    if searched:
        yield blob
    try:
        for each in kind.read(blob.data, blob.path, budget):
            path = f"{blob.path}!{shown(each.name)}" if each.name else blob.path
            if isinstance(each, Member):
                inner = replace(blob, path=path, data=each.data, first_line=1, old=None)
                yield from _everything(inner, depth + 1, budget)
                continue
            yield Trouble(path, each.why if each.name else f"{kind.what}: {each.why}")
            if not each.name and not searched:
                yield blob
                searched = True
    except (MemoryError, RecursionError):
        yield Trouble(blob.path, f"{kind.what}: takes more memory than there is")
        yield blob
