"""YAML and JSON files as plain data that remembers where each value stands.

The file is read as a stream of events, without recursion, so that every bound holds before memory or
stack is spent. Values follow the core schema of YAML 1.2 (§10.3.2), which is what JSON can say: no dates, no
binary, no `yes` for true. Keys are always text, as they are in JSON: `200:` is the key "200".
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from tokenward.app.snapshot import Snapshot

MAX_BYTES = 5_000_000
MAX_DEPTH = 100
MAX_NODES = 500_000
MAX_DIGITS = 300

_TEXT_TAG = "tag:yaml.org,2002:str"
_CONSTANTS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED_INTEGER = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SURROGATE_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")

Keys = tuple[str | int, ...]


class SourceError(Exception):
    """The file cannot be read as data.

    Attributes:
        code: stable.
        text: what is wrong; repeats no value of the file.
        remedy: how to mend it.
        line: from 1.
        column: from 1.
    """

    def __init__(self, code: str, text: str, remedy: str, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{code} at {line}:{column}: {text}")
        self.code = code
        self.text = text
        self.remedy = remedy
        self.line = line
        self.column = column


@dataclass(slots=True)
class _Node:
    """A value, where it starts (from 1), and how many values it is made of once aliases are written out."""

    data: Any
    line: int
    column: int
    size: int = 1
    children: dict[str | int, "_Node"] = field(default_factory=dict)
    key_marks: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """One file, read.

    Attributes:
        path: the file.
        data: dict, list, str, int, float, bool and None only. Aliases share values: do not change them.
    """

    path: Path
    data: Any
    _root: _Node = field(repr=False)

    def line_of(self, keys: Sequence[str | int]) -> tuple[int, int]:
        """Line and column, from 1, of the key that `keys` leads to, or of the nearest thing around it.

        A value in a mapping stands where its key does: that is what a person looks for.
        """
        node, place = self._root, (self._root.line, self._root.column)
        for key in keys:
            child = node.children.get(key)
            if child is None:
                break
            place = node.key_marks.get(cast("str", key), (child.line, child.column))
            node = child
        return place

    def value_line_of(self, keys: Sequence[str | int]) -> tuple[int, int]:
        """Line and column, from 1, where the value itself starts."""
        node = self._root
        for key in keys:
            child = node.children.get(key)
            if child is None:
                return self.line_of(keys)
            node = child
        return node.line, node.column


def read(path: Path, files: Snapshot | None = None) -> Source:
    """Read `path`: JSON where its name ends in `.json`, YAML otherwise.

    Args:
        path: the file.
        files: where its content is read, and kept; by default from the disk.

    Raises:
        SourceError: it cannot be opened, is over `MAX_BYTES`, no UTF-8, no YAML or JSON, says a key twice, is
            nested deeper than `MAX_DEPTH`, holds more than `MAX_NODES` values, or uses what JSON cannot say.
    """
    return parse(_content(path, files or Snapshot()), path)


def parse(content: bytes, path: Path) -> Source:
    """The same for the `content` of a file; `path` only names it.

    Raises:
        SourceError: as for `read`.
    """
    if len(content) > MAX_BYTES:
        raise SourceError("file-too-large", f"the file is larger than {MAX_BYTES} bytes", "split it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError("not-utf-8", "the file is not UTF-8", "save it as UTF-8", line) from None
    if path.suffix.lower() != ".json":
        root = _build(text)
        return Source(path, root.data, root)
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise SourceError("syntax", f"not JSON: {error.msg}", "mend it", error.lineno, error.colno) from None
    except (ValueError, RecursionError):
        raise SourceError(
            "syntax", "JSON with NaN, Infinity or too many digits or levels", "mend it"
        ) from None
    # Read once more as YAML, which tells the places and keeps the bounds. Two things that are valid in JSON
    # are not in YAML: tabs between tokens, and one character written as two halves (RFC 8259 §7).
    return Source(path, data, _build(_SURROGATE_PAIR.sub(_joined, text.replace("\t", " "))))


def _joined(pair: re.Match[str]) -> str:
    high, low = int(pair[2], 16), int(pair[3], 16)
    return f"{pair[1]}\\U{0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF):08x}"


def _content(path: Path, files: Snapshot) -> bytes:
    try:
        return files.content(path, MAX_BYTES)
    except FileNotFoundError:
        raise SourceError("no-such-file", f"there is no file {path}", "check the path") from None
    except IsADirectoryError:
        raise SourceError("no-such-file", f"{path} is not a file", "check the path") from None
    except OSError as error:
        raise SourceError(
            "unreadable", f"{path} cannot be read: {error.strerror}", "check its permissions"
        ) from None


def _build(text: str) -> _Node:
    """The one document of `text`."""
    yaml = YAML(typ="safe", pure=True)
    builder = _Builder()
    try:
        for event in yaml.parse(text):
            builder.take(event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise SourceError(
            "syntax",
            f"not YAML: {error.problem or error.context}",
            "check indentation and quotes",
            line,
            column,
        ) from None
    except (YAMLError, ValueError, OverflowError):  # a control character; an escape beyond Unicode
        raise SourceError(
            "syntax", "not YAML: a character that YAML does not allow", "remove control characters"
        ) from None
    if builder.root is None:
        raise SourceError("empty", "the file is empty", "write something into it")
    return builder.root


class _Builder:
    """Turns events into nodes."""

    def __init__(self) -> None:
        self.root: _Node | None = None
        self._open: list[_Node] = []
        self._keys: list[
            tuple[str, tuple[int, int]] | None
        ] = []  # per open node: the key that waits for its value
        self._anchors: dict[str, _Node] = {}
        self._anchor_names: list[str | None] = []

    def take(self, event: object) -> None:
        """Account for one event."""
        match event:
            case DocumentStartEvent() if self.root is not None:
                raise _refused(
                    event, "several-documents", "a second document starts here", "keep one document a file"
                )
            case ScalarEvent():
                self._scalar(event)
            case AliasEvent():
                self._alias(event)
            case MappingStartEvent() | SequenceStartEvent():
                self._start(event)
            case MappingEndEvent() | SequenceEndEvent():
                self._finish()

    def _scalar(self, event: ScalarEvent) -> None:
        text = cast("str", event.value)
        if _LONE_SURROGATE.search(text):
            raise _refused(event, "syntax", "half of a surrogate pair", "write the character itself")
        if self._expects_key():
            self._key(event, text)
            return
        if event.tag not in (None, _TEXT_TAG):
            raise _refused(event, "tag", "YAML tags are not used here", "remove the word that starts with !")
        plain = event.tag is None and event.style is None
        node = _Node(_plain(text, event) if plain else text, *_place(event))
        self._name(event.anchor, node)
        self._place_value(node)

    def _key(self, event: ScalarEvent, text: str) -> None:
        parent = self._open[-1]
        if text == "<<" and event.style is None:
            raise _refused(event, "merge-key", "merge keys are not YAML 1.2", "write the values out")
        if text in parent.data:
            raise _refused(
                event, "duplicate-key", f"the key {_shown(text)} is there twice", "keep one of them"
            )
        self._keys[-1] = (text, _place(event))

    def _alias(self, event: AliasEvent) -> None:
        node = self._anchors.get(event.anchor)
        if node is None or self._expects_key():
            raise _refused(event, "alias", "an alias that names nothing before it", "write the value out")
        self._place_value(node, at=_place(event))

    def _start(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        if self._expects_key():
            raise _refused(event, "syntax", "a key must be text", "quote it")
        if event.tag is not None:
            raise _refused(event, "tag", "YAML tags are not used here", "remove the word that starts with !")
        if len(self._open) >= MAX_DEPTH:
            raise _refused(event, "too-deep", f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        self._open.append(_Node({} if isinstance(event, MappingStartEvent) else [], *_place(event)))
        self._keys.append(None)
        self._anchor_names.append(event.anchor)

    def _finish(self) -> None:
        node = self._open.pop()
        self._keys.pop()
        self._name(self._anchor_names.pop(), node)
        self._place_value(node)

    def _name(self, anchor: str | None, node: _Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _expects_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].data, dict) and self._keys[-1] is None

    def _place_value(self, node: _Node, at: tuple[int, int] | None = None) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        line, column = at or (node.line, node.column)
        parent.size += node.size
        if parent.size > MAX_NODES:  # aliases of aliases grow without bound once somebody walks through them
            raise SourceError(
                "too-many-values",
                f"more than {MAX_NODES} values, aliases written out",
                "make it smaller",
                line,
                column,
            )
        waiting = self._keys[-1]
        if waiting is None:
            key: str | int = len(parent.data)
            parent.data.append(node.data)
        else:
            key, parent.key_marks[waiting[0]] = waiting
            parent.data[key] = node.data
            self._keys[-1] = None
        parent.children[key] = node


def _plain(text: str, event: ScalarEvent) -> str | int | float | bool | None:
    """The value of an unquoted scalar (YAML 1.2 §10.3.2)."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) <= MAX_DIGITS:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _BASED_INTEGER.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isfinite(number):
                return number
            raise _refused(event, "number", "a number too large to compute with", "quote it")
    elif _INTEGER.fullmatch(text) or _BASED_INTEGER.fullmatch(text) or _FLOAT.fullmatch(text):
        raise _refused(event, "number", f"a number of more than {MAX_DIGITS} digits", "quote it")
    return text


def _refuse_constant(_name: str) -> Any:  # noqa: ANN401 - json's interface
    raise ValueError("NaN and Infinity are not JSON")


def _place(event: NodeEvent) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _shown(key: str) -> str:
    return repr(key if len(key) <= 60 else key[:57] + "...")


def _refused(event: NodeEvent | DocumentStartEvent, code: str, text: str, remedy: str) -> SourceError:
    return SourceError(code, text, remedy, event.start_mark.line + 1, event.start_mark.column + 1)
