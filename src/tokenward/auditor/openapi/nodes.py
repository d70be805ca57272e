"""A place in a document with what stands there: cheap to make by the thousand, and knows its way up."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tokenward.auditor.findings import Place
from tokenward.base.documents.source import Source


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """One file of the document.

    Attributes:
        name: as people know it.
        location: what references in it are relative to; "" where they cannot be followed.
        source: its data.
    """

    name: str
    location: str
    source: Source


class Node:
    """A value and where it stands.

    Attributes:
        file: that holds it.
        value: the data.
        up: what it stands in; None at the root.
        key: under which it stands there.
    """

    __slots__ = ("file", "key", "up", "value")

    def __init__(self, file: File, value: Any, up: "Node | None" = None, key: str | int = "") -> None:  # noqa: ANN401 - any data
        self.file = file
        self.value = value
        self.up = up
        self.key = key

    @property
    def fields(self) -> dict[str, Any]:
        """The members of an object; none of anything else."""
        return self.value if type(self.value) is dict else {}

    def child(self, key: str) -> "Node | None":
        """What stands under `key`, if this is an object that has it."""
        value = self.value
        if type(value) is dict and key in value:
            return Node(self.file, value[key], self, key)
        return None

    def down(self, *keys: str) -> "Node | None":
        """The same for several keys, one after the other."""
        node: Node | None = self
        for key in keys:
            node = None if node is None else node.child(key)
        return node

    def text(self, key: str) -> str:
        """The text under `key`; "" where there is none."""
        value = self.fields.get(key)
        return value if isinstance(value, str) else ""

    def members(self, key: str | None = None) -> Iterator["Node"]:
        """The members of this object, or of the one under `key`; none of anything else."""
        node = self if key is None else self.child(key)
        if node is not None and type(node.value) is dict:
            for name, value in node.value.items():
                yield Node(node.file, value, node, name)

    def entries(self, key: str | None = None) -> Iterator["Node"]:
        """The same without extensions, where the specification has room for them beside what is meant."""
        return (each for each in self.members(key) if not str(each.key).startswith("x-"))

    def items(self, key: str | None = None) -> Iterator["Node"]:
        """The items of this list, or of the one under `key`; none of anything else."""
        node = self if key is None else self.child(key)
        if node is not None and type(node.value) is list:
            for number, value in enumerate(node.value):
                yield Node(node.file, value, node, number)

    def ancestors(self) -> Iterator["Node"]:
        """This, and what it stands in, up to the root of the file."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.up

    def keys(self) -> list[str | int]:
        """From the root of the file to here."""
        found = [node.key for node in self.ancestors() if node.up is not None]
        found.reverse()
        return found

    @property
    def pointer(self) -> str:
        """RFC 6901."""
        return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in self.keys())

    @property
    def place(self) -> Place:
        """For a finding."""
        line, column = self.file.source.line_of(self.keys())
        return Place(self.file.name, self.pointer, line, column)
