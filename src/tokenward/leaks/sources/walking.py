"""Walks a directory tree: which files there are, without opening any but those that say what to leave out."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.ignoring import (
    OWN,
    OwnRules,
    by_rules_elsewhere,
    ignored_by_git,
    left_out,
    outer_rules,
    own_rules,
    top_above,
)
from tokenward.leaks.sources.source import Item


class _Directory(NamedTuple):
    """One to look into.

    Attributes:
        path: below the root, with a slash at the end; "" for the root.
        ignored: what git ignores in the repository around it, by paths below `repository`.
        repository: that repository's top, or the root, as a prefix of paths.
        own: the `.tokenwardignore` files that hold here, outermost first.
    """

    path: str
    ignored: frozenset[str]
    repository: str
    own: tuple[OwnRules, ...]


def walk(root: str, shown: str, *, ignore: bool) -> Iterator[Item | Trouble]:
    """Files and troubles in a directory.

    Of git's own directories only what people write into them: configuration and hooks.

    Args:
        root: the directory.
        shown: what paths begin with, before the part below the root.
        ignore: leave out what git ignores and what a `.tokenwardignore` names.
    """
    found = _Walk(root, ignore=ignore).run()
    return (_below(shown, one) for one in found) if shown else found


def _below(shown: str, one: Item | Trouble) -> Item | Trouble:
    if isinstance(one, Item):
        return one._replace(path=shown + one.path)
    return replace(one, path=shown + one.path)


class _Walk:
    def __init__(self, root: str, *, ignore: bool) -> None:
        self._base = root if root.endswith("/") else f"{root}/"
        self._inside = os.path.realpath(root)
        self._ignore = ignore
        self._left_out: Counter[str] = Counter()
        self._waiting: list[_Directory] = []

    def run(self) -> Iterator[Item | Trouble]:
        top = _Directory("", frozenset(), "", ())
        repository = top_above(self._base) if self._ignore else None
        if repository is not None:
            top, trouble = self._repository(top._replace(own=outer_rules(repository, self._base)))
            yield from trouble
        self._waiting.append(top)
        while self._waiting:
            directory = self._waiting.pop()
            try:
                with os.scandir(self._base + directory.path) as entries:
                    found = list(entries)
            except OSError as error:
                yield Trouble(directory.path or ".", f"it cannot be read: {error.strerror}")
                continue
            yield from self._look(directory, found)
        for path, count in self._left_out.items():
            what = "one file or directory is" if count == 1 else f"{count} files and directories are"
            yield Trouble(path, f"{what} left out on its word", skipped=True)

    def _look(self, directory: _Directory, found: list[os.DirEntry[str]]) -> Iterator[Item | Trouble]:
        names = {entry.name for entry in found}
        if self._ignore and ".git" in names and directory.path:
            directory, trouble = self._repository(directory)
            yield from trouble
        if self._ignore and OWN in names:
            directory, trouble = self._rules(directory)
            yield from trouble
        for entry in found:
            path = directory.path + entry.name
            try:
                if entry.is_symlink():
                    yield from self._link(path)
                elif entry.is_dir():
                    yield from self._enter(directory, path, entry.name)
                elif not self._ignored(directory, path, is_directory=False):
                    yield self._file(entry, path)
            except OSError as error:
                yield Trouble(path, f"it cannot be read: {error.strerror}")

    def _enter(self, directory: _Directory, path: str, name: str) -> Iterator[Item | Trouble]:
        if name == ".git":
            yield from self._git_directory(f"{path}/")
        elif not self._ignored(directory, path, is_directory=True):
            self._waiting.append(directory._replace(path=f"{path}/"))

    def _file(self, entry: os.DirEntry[str], path: str) -> Item | Trouble:
        if not entry.is_file():
            return Trouble(path, "it is a device, a socket or a pipe", skipped=True)
        return Item(path, entry.stat(follow_symlinks=False).st_size)

    def _repository(self, directory: _Directory) -> tuple[_Directory, list[Trouble]]:
        """The directory as the top of a repository: what an outer one ignores means nothing here."""
        answer = ignored_by_git(self._base + directory.path)
        if isinstance(answer, Trouble):
            return directory._replace(ignored=frozenset()), [replace(answer, path=directory.path or ".")]
        troubles = by_rules_elsewhere(self._base + directory.path, answer) if answer else []
        return directory._replace(ignored=answer, repository=directory.path), troubles

    def _rules(self, directory: _Directory) -> tuple[_Directory, list[Trouble]]:
        try:
            more = own_rules(self._base + directory.path + OWN, directory.path)
        except OSError as error:
            return directory, [Trouble(directory.path + OWN, f"it cannot be read: {error.strerror}")]
        return directory._replace(own=(*directory.own, more)), []

    def _ignored(self, directory: _Directory, path: str, *, is_directory: bool) -> bool:
        if directory.ignored:
            inner = path[len(directory.repository) :]
            if (f"{inner}/" if is_directory else inner) in directory.ignored:
                return True
        if directory.own and left_out(directory.own, path, directory=is_directory):
            self._left_out[f"{directory.own[-1].base}{OWN}"] += 1
            return True
        return False

    def _link(self, path: str) -> Iterator[Trouble]:
        """Nothing but trouble comes of a link: what it leads to is scanned where it is."""
        try:
            target = os.path.realpath(self._base + path, strict=True)
        except FileNotFoundError:
            return  # it leads nowhere
        except OSError as error:
            yield Trouble(path, f"the link leads nowhere: {error.strerror}", skipped=True)
            return
        if target != self._inside and not target.startswith(f"{self._inside.rstrip('/')}/"):
            yield Trouble(path, "the link leads out of the tree and is not followed", skipped=True)

    def _git_directory(self, path: str) -> Iterator[Item | Trouble]:
        """What people and programs write into it: addresses of remotes with passwords, hooks with tokens."""
        for name in ("config", "config.worktree"):
            yield from self._plain(path + name)
        for name in self._names(f"{path}hooks/"):
            if not name.endswith(".sample"):
                yield from self._plain(f"{path}hooks/{name}")
        yield from self._modules(f"{path}modules/")

    def _modules(self, path: str) -> Iterator[Item | Trouble]:
        """The directories of submodules; a name may have slashes, so that one may lie deeper."""
        waiting = [path]
        while waiting:
            below = waiting.pop()
            names = self._names(below)
            if "HEAD" in names:
                yield from self._git_directory(below)
            else:
                waiting.extend(f"{below}{name}/" for name in names)

    def _names(self, path: str) -> list[str]:
        directory = Path(self._base + path)
        try:
            return [] if directory.is_symlink() else [entry.name for entry in directory.iterdir()]
        except OSError:
            return []  # there is none, or it is a file

    def _plain(self, path: str) -> Iterator[Item]:
        file = Path(self._base + path)
        if file.is_file() and not file.is_symlink():
            yield Item(path, file.stat().st_size)
