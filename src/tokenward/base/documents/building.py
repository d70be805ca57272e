"""Puts data together from keys, values, beginnings and ends, whoever reads them, and keeps every bound."""

import sys
from dataclasses import replace
from typing import Any

from tokenward.base.documents.source import Bounds, Lines, SourceError

_NOWHERE: Any = object()


class _Open:
    """A list or dict that is not finished."""

    __slots__ = ("anchor", "at", "data", "key", "key_at", "marks", "merged", "size")

    def __init__(self, data: Any, at: int, anchor: str | None) -> None:  # noqa: ANN401 - any data
        self.data = data
        self.at = at
        self.anchor = anchor
        self.marks: list[int] = []
        self.key: str | None = None  # that waits for its value
        self.key_at = 0
        self.size = 1
        self.merged: list[dict[str, Any]] | None = None


class Builder:
    """Data and the offsets of all that it holds.

    Args:
        lines: of the text, for errors.
        bounds: how much is taken.
        remarks: takes what can be passed over, such as a key that is there twice; None: that is an error.
    """

    def __init__(self, lines: Lines, bounds: Bounds, remarks: list[SourceError] | None) -> None:
        self.root: Any = _NOWHERE
        self.start_at = 0
        self.marks: dict[int, list[int]] = {}
        self._lines = lines
        self._bounds = bounds
        self._remarks = remarks
        self._stack: list[_Open] = []
        self._here: _Open | None = None
        self._anchors: dict[str, tuple[Any, int]] = {}

    @property
    def empty(self) -> bool:
        """Nothing has been there yet."""
        return self.root is _NOWHERE and not self._stack

    def expects_key(self) -> bool:
        """What comes next is a key."""
        here = self._here
        return here is not None and type(here.data) is dict and here.key is None

    def key(self, text: str, at: int) -> None:
        """A key, whose value comes next."""
        here = self._here
        if here is not None:
            if text in here.data:
                self.remark("duplicate-key", f"the key {_shown(text)} is there twice", "keep one of them", at)
            here.key, here.key_at = text, at

    def value(self, value: Any, at: int, anchor: str | None = None) -> None:  # noqa: ANN401 - any data
        """A text, number, boolean or null."""
        if anchor is not None:
            self._anchors[anchor] = (value, 1)
        self._place(value, at, 1)

    def alias(self, name: str, at: int) -> None:
        """What stands at an anchor, once more.

        Raises:
            SourceError: there is none.
        """
        found = self._anchors.get(name)
        if found is None or self.expects_key():
            told = "an alias that names nothing before it"
            raise self._lines.error("alias", told, "write the value out", at)
        self._place(found[0], at, found[1])

    def start(self, data: dict[str, Any] | list[Any], at: int, anchor: str | None = None) -> None:
        """A dict or a list begins.

        Raises:
            SourceError: it is one level too deep, or stands where a key must.
        """
        if self.expects_key():
            raise self._lines.error("syntax", "a key must be text", "quote it", at)
        if len(self._stack) >= self._bounds.depth:
            told = f"nested deeper than {self._bounds.depth} levels"
            raise self._lines.error("too-deep", told, "flatten it", at)
        self._here = _Open(data, at, anchor)
        self._stack.append(self._here)

    def end(self) -> None:
        """It is finished."""
        done = self._stack.pop()
        self._here = self._stack[-1] if self._stack else None
        if done.merged is not None:
            self._merge(done, done.merged)
        self.marks[id(done.data)] = done.marks
        if done.anchor is not None:
            self._anchors[done.anchor] = (done.data, done.size)
        self._place(done.data, done.at, done.size)

    def merge(self, at: int) -> None:
        """The next value goes into the dict around it (YAML 1.1 merge keys)."""
        here = self._here
        self.remark("merge-key", "merge keys are not YAML 1.2", "write the values out", at)
        if here is not None:
            here.key, here.key_at = "<<", at
            here.merged = here.merged or []

    def abandon(self) -> None:
        """Nothing comes any more: what is open ends here, whatever was wrong with it."""
        self._bounds = replace(self._bounds, values=sys.maxsize)
        while self._stack:
            self._stack[-1].key = None
            if len(self._stack) > 1 and self._stack[-2].key is None and type(self._stack[-2].data) is dict:
                self._stack.pop()  # it would be the value of no key
                self._here = self._stack[-1]
            else:
                self.end()

    def remark(self, code: str, text: str, remedy: str, at: int) -> None:
        """Something is wrong that can be passed over.

        Raises:
            SourceError: unless nothing is.
        """
        error = self._lines.error(code, text, remedy, at)
        if self._remarks is None:
            raise error
        self._remarks.append(error)

    def _place(self, value: Any, at: int, size: int) -> None:  # noqa: ANN401 - any data
        here = self._here
        if here is None:
            self.root, self.start_at = value, at
            return
        here.size += size
        # Aliases of aliases grow without bound once somebody walks through them.
        if here.size > self._bounds.values:
            told = f"more than {self._bounds.values} values, aliases written out"
            raise self._lines.error("too-many-values", told, "make it smaller", at)
        key = here.key
        if key is None:
            here.data.append(value)
            here.marks.append(at)
            return
        here.key = None
        if here.merged is not None and key == "<<":
            here.merged += [
                each for each in (value if type(value) is list else [value]) if type(each) is dict
            ]
        elif key in here.data:  # the last one counts, as it does for nearly everybody who reads such a file
            number = 2 * list(here.data).index(key)
            here.marks[number : number + 2] = here.key_at, at
            here.data[key] = value
        else:
            here.data[key] = value
            here.marks += (here.key_at, at)

    def _merge(self, done: _Open, merged: list[dict[str, Any]]) -> None:
        for source in merged:
            marks = self.marks.get(id(source), [])
            for number, (key, value) in enumerate(source.items()):
                if key not in done.data:
                    done.data[key] = value
                    done.marks += marks[2 * number : 2 * number + 2] or (done.at, done.at)


def _shown(key: str) -> str:
    return repr(key if len(key) <= 60 else key[:57] + "...")
