"""What is about to be committed: the staged files, of which only what HEAD does not have counts."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.git import Git, GitFailed, layout, text, working_tree
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
    """The files of the index that differ from HEAD's. Two git processes: one lists, one reads.

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
            fields = iter(self._git.output(*_DIFF).split(b"\0"))
        except GitFailed as error:
            layout(
                self._git
            )  # outside of a repository, or in one that it refuses, `git diff` speaks of options
            raise CannotScan(str(error)) from error
        changed = [(entry.lstrip(b":").decode().split(" "), next(fields)) for entry in fields if entry]
        # What was moved is not new: its content went away elsewhere.
        moved = {old for (_, mode, old, _new, _), _ in changed if mode == "000000"}
        rules = OwnRulesOf(working_tree(self._git)) if self._ignore else None
        left_out = 0
        for (_, mode, old, new, _), raw in changed:
            path = text(raw)
            if not mode.encode().startswith(FILES) or new in moved or not new.strip("0"):
                continue
            if rules is not None and rules.leave_out(path):
                left_out += 1
                continue
            yield Item(path, TYPICAL, new, old if old.strip("0") else "")
        if left_out:
            yield Trouble(OWN, f"staged files left out on its word: {left_out}", skipped=True)

    def reader(self) -> AbstractContextManager[Read]:
        """See `Source`."""
        return objects(self._git)
