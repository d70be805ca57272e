"""What a scan leaves out: what git ignores, by git's own word, and what a `.tokenwardignore` names."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.git import Git, GitFailed
from tokenward.leaks.sources.source import CannotScan

OWN = ".tokenwardignore"

_LONGEST = 256 * 1024

# For files in a tree, which may be, or may have become, a link out of it or a pipe that never answers.
READING = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)


def ignored_by_git(directory: str) -> frozenset[str] | Trouble:
    """Paths relative to the directory that git ignores, directories with a slash at their end.

    Git knows best: nested files, negation, `.git/info/exclude` and the excludes of the user count, and a file
    that was added in spite of them is not ignored. Outside of a repository nothing is: there a `.gitignore`
    says nothing about what is in the tree. Trouble where git should be asked and cannot.
    """
    asked = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    try:
        listing = Git(Path(directory)).output(*asked)
    except (GitFailed, CannotScan) as error:
        return Trouble(directory, f"what git ignores is scanned too: {error}")
    names = os.fsdecode(listing).split("\0")
    # "./" is the directory itself: who names it wants it scanned.
    return frozenset() if "./" in names else frozenset(names) - {""}


def in_repository(directory: str) -> bool:
    """Whether the directory or one above it has a `.git`."""
    here = Path(directory).resolve()
    return any((above / ".git").exists() for above in (here, *here.parents))


@dataclass(frozen=True, slots=True)
class OwnRules:
    """One `.tokenwardignore`, in the syntax of `.gitignore`.

    Attributes:
        base: the directory that it is in, as a prefix of paths: "" or with a slash at the end.
        spec: its lines.
        prunes: no line takes something in again, so that what is left out need not be looked into.
    """

    base: str
    spec: GitIgnoreSpec
    prunes: bool

    def verdict(self, path: str) -> bool | None:
        """True: left out; False: taken in again; None: not named. Directories with a slash at their end."""
        return self.spec.check_file(_plain(path[len(self.base) :])).include


def own_rules(file: str, base: str) -> OwnRules:
    """Read a `.tokenwardignore`, at most its first 256 KiB. One that is a link or a pipe is none.

    Raises:
        OSError: it cannot be read.
    """
    with open(os.open(file, READING), "rb") as opened:  # noqa: PTH123 - Path.open takes no flags
        text = opened.read(_LONGEST) if stat.S_ISREG(os.fstat(opened.fileno()).st_mode) else b""
    lines = text.decode("utf-8", "replace").splitlines()
    spec = GitIgnoreSpec.from_lines(lines, backend="re2")
    return OwnRules(base, spec, prunes=not any(line.startswith("!") for line in lines))


def left_out(rules: tuple[OwnRules, ...], path: str, *, directory: bool) -> bool:
    """Whether these rules, outermost first, leave the path out; the innermost that names it decides."""
    for one in reversed(rules):
        verdict = one.verdict(f"{path}/" if directory else path)
        if verdict is not None:
            return verdict and (one.prunes or not directory)
    return False


class OwnRulesOf:
    """The `.tokenwardignore` files of a working tree, for paths that git lists.

    Args:
        top: the working tree.
    """

    def __init__(self, top: Path) -> None:
        self._top = top
        self._known: dict[str, tuple[OwnRules, ...]] = {}

    def leave_out(self, path: str) -> bool:
        """Whether the path, or a directory above it, is left out."""
        parts = path.split("/")
        for depth in range(1, len(parts)):
            directory = "/".join(parts[:depth])
            rules = self._rules("/".join(parts[: depth - 1]))
            if rules and left_out(rules, directory, directory=True):
                return True
        rules = self._rules("/".join(parts[:-1]))
        return bool(rules) and left_out(rules, path, directory=False)

    def _rules(self, directory: str) -> tuple[OwnRules, ...]:
        known = self._known.get(directory)
        if known is None:
            outer = self._rules(directory.rpartition("/")[0]) if directory else ()
            base = f"{directory}/" if directory else ""
            try:
                known = (*outer, own_rules(str(self._top / directory / OWN), base))
            except OSError:
                known = outer  # there is none
            self._known[directory] = known
        return known


def _plain(path: str) -> str:
    """The expressions are over text: bytes that are no UTF-8 become the character that stands for such."""
    return path if path.isascii() else path.encode("utf-8", "replace").decode()
