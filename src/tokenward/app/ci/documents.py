"""The OpenAPI documents of a repository, found by what they hold, and what was changed since a revision."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.git import Git, GitFailed, text
from tokenward.leaks.sources.source import CannotScan
from tokenward.leaks.sources.tree import Tree

_HEAD: Final = 4_096
"""Bytes in which a document says what it is."""

_SAYS: Final = {
    ".json": re.compile(rb"""[{,]\s*"(?:openapi|swagger)"\s*:\s*"[23]\."""),
    # At the start of a line: what is indented is an example of a document in something else.
    ".yaml": re.compile(rb"""^["']?(?:openapi|swagger)["']?\s*:\s*["']?[23]\.""", re.MULTILINE),
}

_SAYS[".yml"] = _SAYS[".yaml"]


def api_documents() -> Iterator[str]:
    """The paths of all OpenAPI documents below the working directory that git does not ignore, in order."""
    paths = (item.path for item in Tree([Path()]).items() if not isinstance(item, Trouble))
    for path in sorted(paths):
        if _says_so(path):
            yield path


def _says_so(path: str) -> bool:
    says = _SAYS.get(PurePosixPath(path).suffix.lower())
    if says is None:
        return False
    try:
        with Path(path).open("rb") as file:
            return says.search(file.read(_HEAD)) is not None
    except OSError:
        return False


def changed_since(revision: str) -> frozenset[str]:
    """The paths of what differs from where the branch left `revision`, relative to the working directory.

    Raises:
        CannotScan: this is no repository, or there is no such revision.
    """
    span, git, shallow = f"{revision}...HEAD", Git(), False
    try:
        shallow = git.output("rev-parse", "--is-shallow-repository").strip() == b"true"
        output = git.output("diff", "--name-only", "--relative", "-z", "--end-of-options", span, "--")
    except GitFailed as error:
        more = "; of its history this clone has only the end: fetch all of it (fetch-depth: 0)" * shallow
        raise CannotScan(f"there are no changes since {revision}: {error}{more}") from error
    return frozenset(text(path) for path in output.split(b"\0") if path)


def touched(document: str, changed: frozenset[str]) -> bool:
    """Whether the document was changed, its submodule, or something below it that it may refer to."""
    whole = PurePosixPath(document)
    return any(
        whole.is_relative_to(path) or (path.suffix.lower() in _SAYS and path.is_relative_to(whole.parent))
        for path in map(PurePosixPath, changed)
    )
