"""What `tokenward scan` is asked to look at, as a source."""

from collections.abc import Sequence
from pathlib import Path

from tokenward.leaks.sources.source import Source
from tokenward.leaks.sources.tree import Tree


def source_of(paths: Sequence[Path], *, ignore: bool) -> Source:
    """The source that those options name.

    Raises:
        CannotScan: it is not there, or the options contradict each other.
    """
    return Tree(paths, ignore=ignore)
