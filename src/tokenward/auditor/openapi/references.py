"""`$ref`, followed lazily and at most once each: inside the document, and into files beside it, nowhere else.

A document is somebody else's text. What it names on the network is not fetched, and no file outside of the
directory of the first one is opened, whatever links say: otherwise auditing a document would be a way to
reach into the network and the disk of whoever audits it.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tokenward.auditor.findings import Unseen
from tokenward.auditor.openapi.nodes import File, Node
from tokenward.base.documents.reading import parse_leniently
from tokenward.base.documents.source import Bounds, SourceError

BOUNDS = Bounds(size=100_000_000, depth=200, values=10_000_000)
"""Of one file."""

MOST_FILES = 1_000
MOST_BYTES = 300_000_000
"""Of all files together."""

_MOST_HOPS = 32


class Library:
    """The files of one document.

    Args:
        first: the document itself.
        base: the directory that no reference leaves; None where references to other files are not followed.
    """

    def __init__(self, first: File, base: Path | None) -> None:
        self.first = first
        self._base = None if base is None else base.resolve()
        self._files: dict[str, File | None] = {first.location: first}
        self._bytes = 0
        self._targets: dict[tuple[int, str], Node | None] = {}
        self._unseen: dict[str, Unseen] = {}

    @property
    def root(self) -> Node:
        """The document."""
        return Node(self.first, self.first.source.data)

    @property
    def files(self) -> list[File]:
        """All that were opened."""
        return [file for file in self._files.values() if file is not None]

    @property
    def unseen(self) -> tuple[Unseen, ...]:
        """What could not be followed, each once."""
        return tuple(self._unseen.values())

    def resolve(self, node: Node) -> Node:
        """What `node` refers to, or itself. Where that cannot be followed: an empty object in its place."""
        value = node.value
        if type(value) is not dict or "$ref" not in value:
            return node
        for _ in range(_MOST_HOPS):
            reference = node.value.get("$ref") if type(node.value) is dict else None
            if not isinstance(reference, str):
                return node
            target = self._target(node, reference)
            if target is None:
                return Node(node.file, {}, node.up, node.key)
            node = target
        self._cannot(node, str(node.value.get("$ref"))[:200], "references in a circle")
        return Node(node.file, {}, node.up, node.key)

    def maybe(self, node: Node | None) -> Node | None:
        """The same for what may not be there."""
        return None if node is None else self.resolve(node)

    def _target(self, node: Node, reference: str) -> Node | None:
        known = (id(node.file), reference)
        if known not in self._targets:
            try:
                self._targets[known] = self._look_up(node.file, reference)
            except _Refused as refused:
                self._cannot(node, reference, str(refused))
                self._targets[known] = None
        return self._targets[known]

    def _cannot(self, node: Node, reference: str, why: str) -> None:
        line, column = node.file.source.line_of([*node.keys(), "$ref"])
        told = f"line {line}, column {column}: {reference[:200]}: {why}"
        self._unseen.setdefault(reference, Unseen(node.file.name, told))

    def _look_up(self, file: File, reference: str) -> Node:
        before, _, fragment = reference.partition("#")
        target = self._open(file, before) if before else file
        node = Node(target, target.source.data)
        if not fragment:
            return node
        if not fragment.startswith("/"):
            raise _Refused("a reference to an anchor, which is not followed")
        for raw in fragment[1:].split("/"):
            part = unquote(raw).replace("~1", "/").replace("~0", "~")
            value = node.value
            if type(value) is dict and part in value:
                node = Node(target, value[part], node, part)
            elif type(value) is dict and raw in value:  # a key with a percent sign, written as it is
                node = Node(target, value[raw], node, raw)
            elif type(value) is list and part.isdecimal() and len(part) < 10 and int(part) < len(value):
                node = Node(target, value[int(part)], node, int(part))
            else:
                raise _Refused("a reference to nothing: there is no such place")
        return node

    def _open(self, file: File, named: str) -> File:
        try:
            scheme = urlsplit(named).scheme
        except ValueError:
            scheme = "?"
        if scheme or named.startswith("//"):
            raise _Refused("a reference to the network or to another scheme, which is not followed")
        if self._base is None or not file.location:
            raise _Refused("a reference to another file, of a document that is no file itself")
        try:
            path = (Path(file.location).parent / unquote(named)).resolve()
        except (OSError, ValueError, RuntimeError):
            raise _Refused("a reference to what can be no file") from None
        if not path.is_relative_to(self._base):
            raise _Refused("a reference out of the directory of the document, which is not followed")
        location = str(path)
        if location not in self._files:
            self._files[location] = None
            self._files[location] = self._read(path)
        opened = self._files[location]
        if opened is None:
            raise _Refused("a file that could not be read")
        return opened

    def _read(self, path: Path) -> File:
        if len(self._files) > MOST_FILES or self._bytes > MOST_BYTES:
            raise _Refused(f"more than {MOST_FILES:,} files or {MOST_BYTES:,} bytes in all")
        content = read_file(path, _Refused)
        self._bytes += len(content)
        base = self._base or path.parent
        name = str(Path(self.first.name).parent / path.relative_to(base))
        try:
            source = parse_leniently(content, path, BOUNDS)
        except SourceError as error:
            raise _Refused(f"{name}:{error.line}:{error.column}: {error.text}") from None
        if source.broken is not None:
            self._unseen.setdefault(name, Unseen(name, why_broken(source.broken)))
        return File(name, str(path), source)


class _Refused(Exception):  # noqa: N818 - says what it is
    """A reference is not followed; the message says why."""


def why_broken(error: SourceError) -> str:
    """What the report says of a file that was not read to its end."""
    return f"line {error.line}, column {error.column}: {error.text}; what comes after it was not read"


def read_file(path: Path, refusal: Callable[[str], Exception]) -> bytes:
    """The bytes of an ordinary file, at most one more than `BOUNDS` lets pass.

    Raises:
        Exception: what `refusal` makes of the reason why it cannot be read.
    """
    try:
        if not path.exists():
            raise refusal("there is no such file")
        if not path.is_file():  # before opening: opening a pipe would wait
            raise refusal("it is no file")
        with path.open("rb") as stream:
            return stream.read(BOUNDS.size + 1)
    except (OSError, ValueError) as error:
        raise refusal(f"it cannot be read: {getattr(error, 'strerror', None) or error}") from None
