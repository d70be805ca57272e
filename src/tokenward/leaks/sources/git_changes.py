"""What is about to be committed: the staged files, of which only what HEAD does not have counts."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.git import Git, GitFailed, layout, merging, text, working_tree
from tokenward.leaks.sources.git_log import FILES
from tokenward.leaks.sources.git_objects import objects
from tokenward.leaks.sources.ignoring import OWN, OwnRulesOf
from tokenward.leaks.sources.source import CannotScan, Item, Read, Source

TYPICAL = 8192  # bytes: git names changed files without their sizes

_DIFF = (
    "diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-relative", "--no-ext-diff",
    "--ignore-submodules=all",
)  # fmt: skip


class Staged(Source):
    """The files of the index that differ from HEAD's.

    Two git processes: one lists, one reads. In a merge one more: what the merged branch has is not new.

    Args:
        where: a directory in the repository; None for the current one, in a hook too.
        ignore: leave out what a `.tokenwardignore` names.
    """

    def __init__(self, where: Path | None = None, *, ignore: bool = True) -> None:
        self._git = Git(where)
        self._ignore = ignore
        self.name = f"what is staged in {where or Path.cwd()}"

    def items(self) -> Iterator[Item | Trouble]:
        """See `Source`.

        Raises:
            CannotScan: no git, no repository, or one that git refuses.
        """
        try:
            changed = self._changed()
            merged = self._changed("MERGE_HEAD") if merging(self._git) else None
        except GitFailed as error:
            layout(
                self._git
            )  # outside of a repository, or in one that it refuses, `git diff` speaks of options
            raise CannotScan(str(error)) from error
        # What was moved is not new: its content went away elsewhere.
        moved = {old for _mode, old, new in changed.values() if not new.strip("0")}
        rules = OwnRulesOf(working_tree(self._git), self._git) if self._ignore else None
        left_out = 0
        for raw, (mode, old, new) in changed.items():
            path = text(raw)
            if not mode.startswith(FILES) or not new.strip("0"):
                continue
            if merged is not None and raw not in merged:
                continue  # as the branch has it that is merged
            if rules is not None and rules.leave_out(path):
                left_out += 1
                continue
            if new in moved:
                if not old.strip("0"):
                    yield Item(path, 0, new, name_only=True)
                continue
            olds = [old, *([merged[raw][1]] if merged is not None else [])]
            yield Item(path, TYPICAL, new, " ".join(one for one in olds if one.strip("0")))
        if left_out:
            yield Trouble(OWN, f"staged files left out on its word: {left_out}", skipped=True)
        if rules is not None:
            yield from rules.untracked()

    def _changed(self, *base: str) -> dict[bytes, tuple[bytes, str, str]]:
        """For each path, mode, old and new object of what differs from HEAD or another commit."""
        fields = iter(self._git.output(*_DIFF, *base).split(b"\0"))
        found = {}
        for entry in fields:
            if entry:
                _, mode, old, new, _ = entry.lstrip(b":").split(b" ")
                found[next(fields)] = (mode, old.decode(), new.decode())
        return found

    def reader(self) -> AbstractContextManager[Read]:
        """See `Source`."""
        return objects(self._git)
