"""Which commit brought which blob to which path: one pass over the commits, comparing trees only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from tokenward.leaks.sources.git import Git, GitFailed


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit as the pass meets it.

    Attributes:
        id: in hex.
        author: name and address.
        date: the author date, RFC 3339.
    """

    id: str
    author: str
    date: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit did to a path.

    Attributes:
        commit: who.
        path: as git stores it.
        id: the blob that stands there since.
        old: the blobs that stood there before, one for each parent that had one, with spaces between.
        moved: the same commit took the blob away from another path.
    """

    commit: Committed
    path: bytes
    id: str
    old: str
    moved: bool


FILES = (b"100", b"120")  # modes of files and links; "160" is a submodule, "000" nothing

_TREES = (
    "diff-tree", "--stdin", "--always", "--root", "-r", "-c", "--raw", "-z", "--no-abbrev", "--no-renames",
    "--no-relative", "--format=%H%x00%an <%ae>%x00%aI",
)  # fmt: skip


def changes(git: Git, revisions: Sequence[str], given: bytes = b"") -> Iterator[Committed | Change]:
    """Commits, parents first, each followed by what it changed. Of a merge, only what is in no parent.

    Deletions and submodules are left out.

    Args:
        git: the repository.
        revisions: arguments of `git rev-list`.
        given: what `rev-list` reads, if it is told `--stdin`.

    Raises:
        GitFailed: after what could be read.
        CannotScan: no git, no repository.
    """
    walk = ("rev-list", "--topo-order", "--reverse", *revisions)
    with git.pipeline(walk, _TREES, given=given) as output:
        tokens = _tokens(output)
        raw: list[tuple[bytes, bytes]] = []
        commit: Committed | None = None
        for token in tokens:
            if token.startswith(b":"):
                raw.append((token, next(tokens, b"")))
            elif token:
                if commit is not None:
                    yield from _changes(commit, raw)
                    raw = []
                author, date = next(tokens, b""), next(tokens, b"")
                commit = Committed(token.decode(), author.decode("utf-8", "replace"), date.decode())
                yield commit
        if commit is not None:
            yield from _changes(commit, raw)


def _tokens(output: IO[bytes]) -> Iterator[bytes]:
    """What stands between zero bytes; the newline that ends a commit's head is no part of the next token."""
    rest = b""
    while piece := output.read(1 << 18):
        parts = (rest + piece).split(b"\0")
        rest = parts.pop()
        for part in parts:
            yield part[1:] if part.startswith(b"\n") else part
    if rest.strip():
        yield rest


def _changes(commit: Committed, raw: list[tuple[bytes, bytes]]) -> Iterator[Change]:
    """Read ":modes ids status"; with n parents there are n colons, n + 1 modes and n + 1 ids."""
    read: list[tuple[bytes, list[bytes], bytes, bytes]] = []
    for token, path in raw:
        fields = token.lstrip(b":")
        parents = len(token) - len(fields)
        words = fields.split(b" ")
        olds = [old for old in words[parents + 1 : 2 * parents + 1] if old.strip(b"0")]
        read.append((words[parents], olds, words[2 * parents + 1], path))
    gone = {old for _mode, olds, new, _path in read if not new.strip(b"0") for old in olds}
    for mode, olds, new, path in read:
        if mode.startswith(FILES):
            yield Change(commit, path, new.decode(), b" ".join(olds).decode(), moved=new in gone)


def head_objects(git: Git) -> frozenset[str]:
    """The ids of all blobs in HEAD's tree; none where nothing was committed yet."""
    try:
        listing = git.output("ls-tree", "-r", "-z", "--full-tree", "HEAD")
    except GitFailed:
        return frozenset()
    entries = (entry.partition(b"\t")[0] for entry in listing.split(b"\0") if entry)
    return frozenset(entry.rpartition(b" ")[2].decode() for entry in entries)
