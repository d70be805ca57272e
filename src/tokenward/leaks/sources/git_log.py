"""Which commit brought which blob to which path: one pass over the commits, comparing trees only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from tokenward.leaks.sources.git import Git


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
        old: the blob that stood there before; "" for none.
    """

    commit: Committed
    path: bytes
    id: str
    old: str


_TREES = (
    "diff-tree", "--stdin", "--always", "--root", "-r", "-c", "--raw", "-z", "--no-abbrev", "--no-renames",
    "--no-relative", "--format=%H%x00%an <%ae>%x00%aI",
)  # fmt: skip


def changes(git: Git, revisions: Sequence[str], given: bytes = b"") -> Iterator[Committed | Change]:
    """Commits, parents first, each followed by what it changed. Of a merge, only what is in no parent.

    Deletions, submodules and links are left out.

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
        commit = Committed("", "", "")
        for token in tokens:
            if token.startswith(b":"):
                change = _change(commit, token, next(tokens, b""))
                if change is not None:
                    yield change
            elif token:
                author, date = next(tokens, b""), next(tokens, b"")
                commit = Committed(token.decode(), author.decode("utf-8", "replace"), date.decode())
                yield commit


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


def _change(commit: Committed, raw: bytes, path: bytes) -> Change | None:
    """Read ":modes ids status"; with n parents there are n colons, n + 1 modes and n + 1 ids."""
    words = raw.lstrip(b":").split(b" ")
    parents = len(raw) - len(raw.lstrip(b":"))
    mode = words[parents]
    if not mode.startswith(b"100"):
        return None
    old = words[parents + 1].decode()
    return Change(commit, path, words[2 * parents + 1].decode(), "" if not old.strip("0") else old)
