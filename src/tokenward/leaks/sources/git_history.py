"""Everything that a repository remembers: each blob once, however many commits have it, and all messages."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tokenward.leaks.blob import Blob, Origin
from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.git import Git, GitFailed, layout, text
from tokenward.leaks.sources.git_changes import TYPICAL
from tokenward.leaks.sources.git_log import Change, changes, head_objects
from tokenward.leaks.sources.git_objects import objects
from tokenward.leaks.sources.source import CannotScan, Item, Read, Source

_EVERYTHING = ("--all", "--reflog")
_CHECK = ("cat-file", "--buffer", "--batch-check=%(objecttype) %(objectsize) %(objectname) %(rest)")
_STORED = (*_CHECK, "--batch-all-objects", "--unordered")
_REFLOGS = "reflogs"
_KINDS = frozenset({b"blob", b"commit", b"tag"})


class GitHistory(Source):
    """All refs (branches, tags, remotes, stash, notes) and reflogs, or some branches only.

    Args:
        where: a directory in the repository.
        branches: only what these reach; all if there are none.
        unreachable: also what nothing refers to any more and git has not thrown away yet.

    Raises:
        CannotScan: no git, no repository, one that git refuses, or no such branch.
    """

    def __init__(
        self, where: Path | None = None, *, branches: Sequence[str] = (), unreachable: bool = False
    ) -> None:
        self._git = Git(where)
        self._layout = layout(self._git)
        self._revisions = tuple(_commit(self._git, branch) for branch in branches) or _EVERYTHING
        self._unreachable = unreachable
        self._stray: list[str] = []
        what = f"branches {', '.join(branches)}" if branches else _refs(self._git)
        self.name = f"git history of {where or Path.cwd()} ({what})"

    def items(self) -> Iterator[Item | Trouble]:
        """See `Source`. In the order of the history, newest first, which is about that of the packs."""
        if self._layout.shallow:
            why = "the clone is shallow: what came before its oldest commits is not here"
            yield Trouble(str(self._layout.common / "shallow"), why)
        listed: set[bytes] = set()
        whole = True
        walk = ("rev-list", "--objects", "--missing=print", *self._revisions)
        if self._revisions == _EVERYTHING and not self._layout.bare:
            walk = (*walk, "--indexed-objects")
        try:
            with self._git.pipeline(walk, _CHECK) as lines:
                for line in lines:
                    item = _item(line)
                    if item is not None:
                        listed.add(_short(line))
                        yield item
        except GitFailed as error:
            whole = False
            why = f"git could not walk the whole history ({error}): all objects that are stored are scanned"
            yield Trouble(str(self._layout.directory), why)
        if self._unreachable or not whole:
            yield from self._strays(listed)
        yield from _submodules(self._git)
        yield from self._beside_objects()

    def _beside_objects(self) -> Iterator[Item]:
        """Names of refs, and what reflogs say: messages, and names of branches that are no longer there."""
        if self._revisions != _EVERYTHING:
            return
        for ref in self._git.output("for-each-ref", "--format=%(refname)").splitlines():
            yield Item(text(ref), 0, name_only=True)
        yield Item(_REFLOGS, TYPICAL)

    def _strays(self, listed: set[bytes]) -> Iterator[Item | Trouble]:
        """What is stored and was not listed."""
        try:
            with self._git.pipeline(_STORED) as lines:
                for line in lines:
                    if _short(line) in listed:
                        continue
                    item = _item(line)
                    if isinstance(item, Item) and item.path.startswith("commit "):
                        self._stray.append(item.id)
                    if item is not None:
                        yield item
        except GitFailed as error:
            yield Trouble(str(self._layout.directory), f"git could not list what is stored: {error}")

    @contextmanager
    def reader(self) -> Iterator[Read]:
        """See `Source`."""
        with objects(self._git) as read:
            yield partial(self._read, read)

    def _read(self, read: Read, items: Sequence[Item]) -> Iterator[Blob | Trouble]:
        yield from read([item for item in items if item.path != _REFLOGS or item.id])
        for item in items:
            if item.path == _REFLOGS and not item.id:
                try:
                    lines = self._git.output("log", "--walk-reflogs", "--all", "--format=%gD %gn <%ge> %gs")
                except GitFailed:  # nothing was committed yet, or what they lead to is gone, which is said
                    continue
                if lines:
                    yield Blob(item.path, lines)

    def attribute(self, object_ids: AbstractSet[str]) -> Mapping[str, tuple[Origin, ...]]:
        """See `Source`: one pass over all commits, which reads trees but no blobs."""
        found: dict[str, dict[str, Origin]] = {}
        if not object_ids:
            return {}
        revisions = [*self._revisions, "--stdin"] if self._stray else self._revisions
        try:
            for one in changes(self._git, revisions, "".join(f"{one}\n" for one in self._stray).encode()):
                if one.id not in object_ids:
                    continue
                commit, path = (
                    (one.commit, text(one.path)) if isinstance(one, Change) else (one, f"commit {one.id}")
                )
                origin = Origin(path, commit.id, commit.author, commit.date)
                found.setdefault(one.id, {}).setdefault(path, origin)
        except GitFailed:
            pass  # said when the objects were listed; what was found until here is true
        if not object_ids <= found.keys():
            found |= _tags(self._git, object_ids)
        return {object_id: tuple(places.values()) for object_id, places in found.items()}

    def head(self) -> AbstractSet[str]:
        """See `Source`."""
        return head_objects(self._git)


def _item(line: bytes) -> Item | Trouble | None:
    """Read one line of `_CHECK`; None for trees."""
    if line.startswith(b"tree "):
        return None
    words = line.rstrip(b"\n").split(b" ", 3)
    if words[0] not in _KINDS:
        return Trouble(f"object {words[0].lstrip(b'?').decode()}", "it is missing from the repository")
    object_id, path = words[2].decode(), text(words[3]) if len(words) > 3 else ""
    if words[0] == b"commit":
        path = f"commit {object_id}"
    elif words[0] == b"tag":
        path = f"tag {path or object_id}"
    return Item(path or f"object {object_id}", int(words[1]), object_id)


def _short(line: bytes) -> bytes:
    """The id in a line of `_CHECK`."""
    return line.split(b" ", 3)[2].rstrip(b"\n") if line.count(b" ") > 1 else line


def _commit(git: Git, branch: str) -> str:
    try:
        return (
            git.output("rev-parse", "--verify", "--end-of-options", f"{branch}^{{commit}}").decode().strip()
        )
    except GitFailed as error:
        raise CannotScan(f"there is no branch, tag or commit {branch}") from error


def _refs(git: Git) -> str:
    count = git.output("for-each-ref", "--format=%(objectname)").count(b"\n")
    return "1 ref" if count == 1 else f"{count} refs"


def _submodules(git: Git) -> Iterator[Trouble]:
    """Other repositories within this one."""
    try:
        listing = git.output(
            "config", "--blob", "HEAD:.gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$"
        )
    except GitFailed:
        return  # there are none, which git answers with status 1
    for entry in listing.split(b"\0"):
        if entry:
            path = text(entry.partition(b"\n")[2])
            why = "a submodule is a repository of its own: scan it by itself, where it is checked out"
            yield Trouble(path, why, skipped=True)


def _tags(git: Git, object_ids: AbstractSet[str]) -> dict[str, dict[str, Origin]]:
    """Annotated tags among these objects, with whoever made them."""
    form = (
        "--format=%(objectname)%00%(refname:short)%00%(*objectname)%00%(taggername) %(taggeremail)"
        "%00%(taggerdate:iso-strict)"
    )
    found = {}
    for line in git.output("for-each-ref", form, "refs/tags").split(b"\n"):
        fields = line.decode("utf-8", "surrogateescape").split("\0")
        if len(fields) == 5 and fields[0] in object_ids:
            path = f"tag {fields[1]}"
            found[fields[0]] = {path: Origin(path, fields[2], fields[3], fields[4])}
    return found
