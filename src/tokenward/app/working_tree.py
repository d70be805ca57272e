"""What git says of a directory. Nothing of the repository is run for it."""

import os
import subprocess
from pathlib import Path


class NoGit(Exception):  # noqa: N818 - says what is missing
    """There is no git to ask."""


def asked(directory: Path, *arguments: str) -> str:
    """What git prints; "" where it refuses or says nothing.

    Args:
        directory: where it is asked.
        arguments: of a command that only reads, such as `rev-parse`. Never a secret.

    Raises:
        NoGit: it is not installed.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own command line
            ["git", "-c", "core.fsmonitor=false", "-C", str(directory), *arguments],  # noqa: S607 - the git of whoever calls
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise NoGit("git is not installed, or not on the PATH") from error
    return os.fsdecode(done.stdout).rstrip("\n") if done.returncode == 0 else ""


def top(directory: Path) -> Path | None:
    """The top of the working tree around a directory; None outside of any, or without git."""
    try:
        shown = asked(directory, "rev-parse", "--show-toplevel")
    except NoGit:
        return None
    return Path(shown) if shown else None


def ignored(path: Path) -> bool:
    """Whether git ignores that path: False for what is in its index all the same, and outside of git."""
    there = next(each for each in path.absolute().parents if each.is_dir())
    try:
        return bool(asked(there, "check-ignore", "--", str(path.absolute())))
    except NoGit:
        return False


def committed(path: Path) -> bool:
    """Whether a commit of any branch has a file of that path."""
    try:
        return bool(asked(path.parent, "rev-list", "--max-count=1", "--all", "--", path.name))
    except NoGit:
        return False
