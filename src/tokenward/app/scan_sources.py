"""What `tokenward scan` is asked to look at, as a source."""

from collections.abc import Sequence
from pathlib import Path

from tokenward.leaks.sources.git_history import GitHistory
from tokenward.leaks.sources.source import CannotScan, Source
from tokenward.leaks.sources.tree import Tree


def source_of(paths: Sequence[Path], *, history: bool, branches: Sequence[str], ignore: bool) -> Source:
    """The source that those options name.

    Raises:
        CannotScan: it is not there, or the options contradict each other.
    """
    if history:
        if len(paths) > 1:
            raise CannotScan("--history is of one repository at a time")
        return GitHistory(paths[0], branches=branches)
    if branches:
        raise CannotScan("--branch goes with --history")
    return Tree(paths, ignore=ignore)
