"""What a scan leaves out: what git ignores, by git's own word, and what a `.tokenwardignore` names."""

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from errno import EINVAL
from pathlib import Path
from typing import TYPE_CHECKING

from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.git import Git, GitFailed
from tokenward.leaks.sources.source import CannotScan

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

OWN = ".tokenwardignore"

_LONGEST = 256 * 1024  # bytes
_LONGEST_PATH = 4096

# For files in a tree, which may be, or may have become, a link out of it or a pipe that never answers.
READING = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)


def ignored_by_git(directory: str) -> frozenset[str] | Trouble:
    """Paths relative to the directory that git ignores, directories with a slash at their end.

    Git knows best: nested files, negation, `.git/info/exclude` and the excludes of the user count, and a file
    that was added in spite of them is not ignored. Outside of a repository nothing is: there a `.gitignore`
    says nothing about what is in the tree. Trouble where git should be asked and cannot: then too much is
    scanned, and nothing too little.
    """
    asked = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    try:
        listing = Git(Path(directory)).output(*asked)
    except (GitFailed, CannotScan) as error:
        return Trouble(directory, f"what git ignores is scanned too: {error}", skipped=True)
    names = os.fsdecode(listing).split("\0")
    # "./" is the directory itself: who names it wants it scanned.
    return frozenset() if "./" in names else frozenset(names) - {""}


def by_rules_elsewhere(directory: str, ignored: Collection[str]) -> list[Trouble]:
    """How much of what git ignores it ignores by rules that nobody else sees.

    Those of `.git/info/exclude` and of the user's own file.
    """
    given = "\0".join(ignored).encode("utf-8", "surrogateescape")
    try:
        told = Git(Path(directory)).output("check-ignore", "--verbose", "-z", "--stdin", given=given)
    except (GitFailed, CannotScan):
        return []  # what it was asked before, it answered; then there is nothing to add
    sources = Counter(name for name in os.fsdecode(told).split("\0")[:-1:4])
    return [
        Trouble(source, f"left out on its word, which is no part of the repository: {count}", skipped=True)
        for source, count in sources.items()
        if Path(source).name != ".gitignore" or Path(source).is_absolute()
    ]


def top_above(directory: str) -> Path | None:
    """The nearest directory with a `.git`: this one or one above it; None outside of a repository."""
    here = Path(directory).resolve()
    return next((above for above in (here, *here.parents) if (above / ".git").exists()), None)


@dataclass(frozen=True, slots=True)
class OwnRules:
    """One `.tokenwardignore`, in the syntax of `.gitignore`.

    Attributes:
        base: the directory that it is in, as a prefix of paths: "" or with a slash at the end.
        above: the way from that directory down to the root that paths begin at, if it is above that.
        spec: its lines.
        prunes: no line takes something in again, so that what is left out need not be looked into.
    """

    base: str
    spec: "GitIgnoreSpec"
    prunes: bool
    above: str = ""

    def verdict(self, path: str) -> bool | None:
        """True: left out; False: taken in again; None: not named. Directories with a slash at their end."""
        return self.spec.check_file(_plain(self.above + path[len(self.base) :])).include


def own_rules(file: str, base: str) -> OwnRules:
    """Read a `.tokenwardignore`, at most its first 256 KiB. One that is a link or a pipe is none.

    Raises:
        OSError: it cannot be read.
    """
    with open(os.open(file, READING), "rb") as opened:  # noqa: PTH123 - Path.open takes no flags
        text = opened.read(_LONGEST) if stat.S_ISREG(os.fstat(opened.fileno()).st_mode) else b""
    return rules_of(text, base, file)


def rules_of(text: bytes, base: str, file: str) -> OwnRules:
    """The rules in the text of a `.tokenwardignore`.

    Raises:
        OSError: they are none.
    """
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - most trees have no such file, and hooks are in a hurry

    lines = text.decode("utf-8", "replace").splitlines()
    try:
        spec = GitIgnoreSpec.from_lines(lines, backend="re2")
    except Exception as error:
        raise OSError(EINVAL, "its patterns are not of the form that git's have", file) from error
    return OwnRules(base, spec, prunes=not any(line.startswith("!") for line in lines))


def outer_rules(top: Path, directory: str) -> tuple[OwnRules, ...]:
    """The `.tokenwardignore` files from a repository's top down to above the directory.

    None, if they leave out the directory itself: who names it wants it scanned.
    """
    here = Path(directory).resolve()
    found: list[OwnRules] = []
    for above in (one for one in reversed(here.parents) if one.is_relative_to(top)):
        try:
            rules = own_rules(str(above / OWN), "")
        except OSError:
            continue  # there is none
        found.append(replace(rules, above=f"{here.relative_to(above).as_posix()}/"))
    return () if any(one.verdict("") for one in found) else tuple(found)


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
        git: its repository: then a file counts as it is in the index, where others see what it leaves out.
            None: as it is on the disk.
    """

    def __init__(self, top: Path, git: Git | None = None) -> None:
        self._top = top
        self._git = git
        self._untracked: list[str] = []
        self._known: dict[str, tuple[OwnRules, ...]] = {}

    def leave_out(self, path: str) -> bool:
        """Whether the path, or a directory above it, is left out."""
        if len(path) > _LONGEST_PATH:
            return False  # no working tree has it, and so no rules for it
        rules = self._rules("", ())
        directory = ""
        for part in path.split("/")[:-1]:
            directory = f"{directory}/{part}" if directory else part
            if rules and left_out(rules, directory, directory=True):
                return True
            rules = self._rules(directory, rules)
        return bool(rules) and left_out(rules, path, directory=False)

    def _rules(self, directory: str, outer: tuple[OwnRules, ...]) -> tuple[OwnRules, ...]:
        known = self._known.get(directory)
        if known is None:
            base = f"{directory}/" if directory else ""
            try:
                known = (*outer, self._read(directory, base))
            except (OSError, ValueError):
                known = outer  # there is none
            self._known[directory] = known
        return known

    def _read(self, directory: str, base: str) -> OwnRules:
        file = self._top / directory / OWN
        if self._git is None:
            return own_rules(str(file), base)
        file.lstat()
        try:
            content = self._git.output("cat-file", "blob", f":{base}{OWN}")
        except GitFailed:
            self._untracked.append(f"{base}{OWN}")
            raise FileNotFoundError from None
        return rules_of(content[:_LONGEST], base, str(file))

    def untracked(self) -> Iterator[Trouble]:
        """Files that would leave something out, and do not: nobody but who runs the scan knows of them."""
        for path in self._untracked:
            yield Trouble(path, "it is not added to git, and leaves out nothing", skipped=True)


def _plain(path: str) -> str:
    """The expressions are over text: bytes that are no UTF-8 become the character that stands for such."""
    return path if path.isascii() else path.encode("utf-8", "replace").decode()
