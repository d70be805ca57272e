"""What every source is: a cheap listing, a reader that works elsewhere, and for git who brought a blob in."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from typing import NamedTuple

from tokenward.leaks.blob import Blob, Origin
from tokenward.leaks.findings import Trouble


class Item(NamedTuple):
    """Something to read; a tuple, so that thousands go cheaply to another process.

    Attributes:
        path: as in `Blob.path`; for a blob of a git history one of its paths, good enough for rules that
            look at names.
        size: in bytes, to share work out by; what is read may be more or less.
        id: of the git object; "" outside git.
        old: the git objects that stood there before, with spaces between: one for each parent of a merge.
        name_only: its content counts for nothing, and is not read: only its name is new.
    """

    path: str
    size: int
    id: str = ""
    old: str = ""
    name_only: bool = False


Read = Callable[[Sequence[Item]], Iterator[Blob | Trouble]]


class Source(ABC):
    """Where bytes come from.

    Made in the main process and taken along by `fork`: a source keeps no open file, no thread and no process
    outside a call of `items`, `attribute` or `head`, or outside the context of `reader`. Making one raises
    `CannotScan` where there is nothing that could be scanned.

    Attributes:
        name: in words, for the report, such as "git history of /srv/app".
    """

    name: str

    @abstractmethod
    def items(self) -> Iterator[Item | Trouble]:
        """What there is to read, cheaply: no contents. Neighbours are cheapest to read one after another."""

    @abstractmethod
    def reader(self) -> AbstractContextManager[Read]:
        """What a worker reads with, batch after batch: it opens what it needs once, the context closes it.

        An item comes out as one blob, as several (windows), as none (nothing of it counts) or as trouble.
        """

    def attribute(self, object_ids: AbstractSet[str]) -> Mapping[str, tuple[Origin, ...]]:  # noqa: ARG002 - the answer where there are no commits
        """Who brought these objects in: for every path its first commit, oldest first.

        Called once, after the reading. An object that no commit brought in is left out. Outside git: nothing.
        """
        return {}

    def head(self) -> AbstractSet[str]:
        """The ids of the objects that HEAD holds now: a secret that stands in one of them is in HEAD."""
        return frozenset()


class CannotScan(Exception):  # noqa: N818 - says what it is
    """There is nothing here that could be scanned; the message says why, for people."""
