"""What `tokenward scan` is asked to look at, as a source."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenward.leaks.sources.source import CannotScan, Source


@dataclass(frozen=True, slots=True)
class Asked:
    """The options that choose what is scanned; at most one of the first seven.

    Attributes:
        history: the whole history of a repository.
        revisions: a range of commits; "" for none.
        since: commits since a date; "" for none.
        staged: what is staged.
        pre_push: the name of a pre-push hook's remote; the rest is on standard input. None: no such hook.
        pre_receive: a pre-receive hook, which has all on standard input.
        diff: what diffs on standard input add.
        branches: with `history`, only what these reach.
        unreachable: with `history`, also what nothing refers to any more.
        ignore: leave out what git ignores, and what a `.tokenwardignore` names.
    """

    history: bool = False
    revisions: str = ""
    since: str = ""
    staged: bool = False
    pre_push: str | None = None
    pre_receive: bool = False
    diff: bool = False
    branches: Sequence[str] = ()
    unreachable: bool = False
    ignore: bool = True


def everything(paths: Sequence[Path], asked: Asked) -> bool:
    """Whether the scan is of all files here, so that what it does not see is not there."""
    return not paths and asked == Asked()


def source_of(paths: Sequence[Path], asked: Asked) -> Source:
    """The source that those options name.

    Raises:
        CannotScan: it is not there, or the options contradict each other.
    """
    chosen = [
        make
        for wanted, make in (
            (asked.history, _history),
            (asked.revisions, _range),
            (asked.since, _since),
            (asked.staged, _staged),
            (asked.pre_push is not None, _pushed),
            (asked.pre_receive, _received),
            (asked.diff, _diff),
            (list(paths) == [Path("-")] and not asked.diff, _stdin),
        )
        if wanted
    ]
    if len(chosen) > 1:
        raise CannotScan("one source at a time: --history, --range, --since, --staged, a hook's, --diff or -")
    if asked.branches and not asked.history:
        raise CannotScan("--branch goes with --history")
    if asked.unreachable and (asked.branches or not asked.history):
        raise CannotScan("--unreachable goes with --history, and not with --branch")
    if not chosen:
        return _tree(paths, asked)
    if len(paths) > 1:
        raise CannotScan("that is of one repository, or of standard input, at a time")
    return chosen[0](paths[0] if paths else None, asked)


# Imported where they are made: a commit hook waits for what it does not use.


def _tree(paths: Sequence[Path], asked: Asked) -> Source:
    from tokenward.leaks.sources.tree import Tree  # noqa: PLC0415 - see above

    return Tree(paths or [Path()], ignore=asked.ignore)


def _history(where: Path | None, asked: Asked) -> Source:
    from tokenward.leaks.sources.git_history import GitHistory  # noqa: PLC0415 - see above

    return GitHistory(where, branches=asked.branches, unreachable=asked.unreachable)


def _range(where: Path | None, asked: Asked) -> Source:
    from tokenward.leaks.sources.git_commits import commit_range  # noqa: PLC0415

    return commit_range(where, asked.revisions, ignore=asked.ignore)


def _since(where: Path | None, asked: Asked) -> Source:
    from tokenward.leaks.sources.git_commits import commits_since  # noqa: PLC0415

    return commits_since(where, asked.since, ignore=asked.ignore)


def _staged(where: Path | None, asked: Asked) -> Source:
    from tokenward.leaks.sources.git_changes import Staged  # noqa: PLC0415

    return Staged(where, ignore=asked.ignore)


def _pushed(where: Path | None, asked: Asked) -> Source:
    from tokenward.leaks.sources.git_commits import pushed  # noqa: PLC0415

    return pushed(where, sys.stdin.read(), asked.pre_push or "", ignore=asked.ignore)


def _received(where: Path | None, asked: Asked) -> Source:
    from tokenward.leaks.sources.git_commits import received  # noqa: PLC0415

    if where is not None:
        raise CannotScan("--pre-receive is of the repository that the hook runs in")
    return received(sys.stdin.read(), ignore=asked.ignore)


def _diff(where: Path | None, _asked: Asked) -> Source:
    from tokenward.leaks.sources.stream import Diff  # noqa: PLC0415

    if where not in {None, Path("-")}:
        raise CannotScan("--diff reads standard input: `tokenward scan --diff < changes.patch`")
    return Diff(sys.stdin.buffer)


def _stdin(_where: Path | None, _asked: Asked) -> Source:
    from tokenward.leaks.sources.stream import Stream  # noqa: PLC0415

    return Stream(sys.stdin.buffer)
