"""Some commits of a history: a range, what is being pushed, what a server is about to take in.

Of each changed file, only what its version before did not have counts: who changes a file in which a secret
stood for years has not brought it in.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from tokenward.leaks.blob import Origin
from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.git import Git, GitFailed, layout, text, working_tree
from tokenward.leaks.sources.git_changes import TYPICAL
from tokenward.leaks.sources.git_log import Change, changes, head_objects
from tokenward.leaks.sources.git_objects import objects
from tokenward.leaks.sources.ignoring import OWN, OwnRulesOf
from tokenward.leaks.sources.source import CannotScan, Item, Read, Source

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Target(NamedTuple):
    """What a ref leads to.

    Attributes:
        ref: its name.
        id: of the object.
    """

    ref: str
    id: str


class Commits(Source):
    """The commits that `git rev-list` selects, with their messages.

    Args:
        git: the repository.
        name: in words.
        revisions: arguments of `git rev-list`.
        targets: what refs lead to, where that need not be a commit.
        rules: leave out what these name; None for nothing.
    """

    def __init__(
        self,
        git: Git,
        name: str,
        revisions: Sequence[str],
        targets: Sequence[Target] = (),
        *,
        rules: OwnRulesOf | None,
    ) -> None:
        self._git = git
        self._revisions = tuple(revisions)
        self._targets = tuple(targets)
        self._rules = rules
        self._left_out = 0
        self._origins: dict[str, dict[str, Origin]] = {}
        self.name = name

    def items(self) -> Iterator[Item | Trouble]:
        """See `Source`. Ends with trouble where git could not walk all of them."""
        yield from _beside_commits(self._git, self._targets)
        for target in self._targets:
            yield Item(target.ref, 0, name_only=True)
        if not self._revisions:
            return
        self._left_out = 0
        try:
            yield from self._walk()
        except GitFailed as error:
            yield Trouble("", f"git could not walk all commits: {error}")
        if self._left_out:
            why = f"changes of files left out on its word: {self._left_out}"
            yield Trouble(OWN, why, skipped=True)
        if self._rules is not None:
            yield from self._rules.untracked()

    def _walk(self) -> Iterator[Item]:
        seen: set[tuple[str, str]] = set()
        for one in changes(self._git, self._revisions):
            if isinstance(one, Change):
                commit, path, old = one.commit, text(one.path), one.old
                if self._rules is not None and self._rules.leave_out(path):
                    self._left_out += 1
                    continue
            else:
                commit, path, old = one, f"commit {one.id}", ""
            origin = Origin(path, commit.id, commit.author, commit.date)
            self._origins.setdefault(one.id, {}).setdefault(path, origin)
            moved = isinstance(one, Change) and one.moved
            if moved or (one.id, old) in seen:
                if not old:
                    yield Item(path, 0, one.id, name_only=True)
                continue
            seen.add((one.id, old))
            yield Item(path, TYPICAL, one.id, old)

    def reader(self) -> AbstractContextManager[Read]:
        """See `Source`."""
        return objects(self._git)

    def attribute(self, object_ids: AbstractSet[str]) -> Mapping[str, tuple[Origin, ...]]:
        """See `Source`: known since the listing."""
        found = self._origins.keys() & object_ids
        return {object_id: tuple(self._origins[object_id].values()) for object_id in found}

    def head(self) -> AbstractSet[str]:
        """See `Source`."""
        return head_objects(self._git)


def commit_range(where: Path | None, revisions: str, *, ignore: bool = True) -> Commits:
    """Commits of a range such as "main..topic" or "HEAD~3..HEAD"; a single revision is all its history.

    Raises:
        CannotScan: there is no such range.
    """
    git = Git(where)
    try:
        # Checked now: a name that is none must not come out as a range without commits.
        git.output("rev-list", "--max-count=1", "--end-of-options", revisions, "--")
    except GitFailed as error:
        raise CannotScan(f"there are no commits {revisions}: {error}") from error
    name = f"commits {revisions} of {where or Path.cwd()}"
    return Commits(git, name, ("--end-of-options", revisions, "--"), rules=_rules(git, ignore=ignore))


def commits_since(where: Path | None, date: str, *, ignore: bool = True) -> Commits:
    """Commits of all refs and reflogs since a date, written as git understands it.

    Raises:
        CannotScan: git does not understand it.
    """
    git = Git(where)
    try:
        # `rev-list --since` takes what it does not understand for now, and then nothing is new.
        form = ("--file", os.devnull, "--type=expiry-date", "--default", date, "--get", "tokenward.since")
        seconds = git.output("config", *form).decode().strip()
    except GitFailed as error:
        raise CannotScan(
            f"{date!r} is no date that git understands, such as 2026-01-31 or '2 weeks ago'"
        ) from error
    name = f"commits since {date} of {where or Path.cwd()}"
    return Commits(git, name, ("--all", "--reflog", f"--max-age={seconds}"), rules=_rules(git, ignore=ignore))


def pushed(where: Path | None, lines: str, remote: str, *, ignore: bool = True) -> Commits:
    """What a push sends that the remote does not have, as far as is known here.

    Args:
        where: as in `Staged`.
        lines: what git tells a pre-push hook: "<local ref> <local id> <remote ref> <remote id>" each.
        remote: the remote's name; "" or an address where it has none: then what any remote has is left out.
        ignore: leave out what a `.tokenwardignore` names.

    Raises:
        CannotScan: the lines are of another kind.
    """
    git = Git(where)
    pushes = _lines(lines, 4)
    targets = [Target(ref, local) for ref, local, _, _ in pushes if local.strip("0")]
    there = [old for _, _, _, old in pushes if old.strip("0")]
    known = [old for old, kind in _kinds(git, there).items() if kind == "commit"]
    remotes = f"--remotes={remote}" if _named(git, remote) else "--remotes"
    name = f"commits that are pushed to {remote or 'a remote'}"
    return _new_commits(git, name, targets, [remotes, *known], _rules(git, ignore=ignore))


def received(lines: str, *, ignore: bool = True) -> Commits:
    """What was sent to this repository and is in none of its refs yet: for a pre-receive hook.

    A `.tokenwardignore` among what is pushed, or was pushed before, counts for nothing: it comes from whoever
    pushes. One in git's own directory does, where only the server's people can put it.

    Args:
        lines: what git tells the hook: "<old id> <new id> <ref>" each.
        ignore: leave out what the server's `.tokenwardignore` names.

    Raises:
        CannotScan: the lines are of another kind.
    """
    targets = [Target(ref, new) for _, new, ref in _lines(lines, 3) if new.strip("0")]
    git = Git()
    rules = OwnRulesOf(layout(git).directory) if ignore else None
    return _new_commits(git, "commits that are received", targets, ["--all"], rules)


def _rules(git: Git, *, ignore: bool) -> OwnRulesOf | None:
    return OwnRulesOf(working_tree(git), git) if ignore else None


def _new_commits(
    git: Git, name: str, targets: Sequence[Target], known: Sequence[str], rules: OwnRulesOf | None
) -> Commits:
    kinds = _kinds(git, [f"{target.id}^{{}}" for target in targets])
    wanted = [target.id for target in targets if kinds.get(f"{target.id}^{{}}") == "commit"]
    return Commits(git, name, [*wanted, "--not", *known] if wanted else [], targets, rules=rules)


def _beside_commits(git: Git, targets: Sequence[Target]) -> Iterator[Item | Trouble]:
    """Messages of tags, and what a ref leads to that is no commit."""
    kinds = _kinds(git, [name for target in targets for name in (target.id, f"{target.id}^{{}}")])
    for target in targets:
        if kinds[target.id] == "tag":
            yield Item(f"tag {target.ref.removeprefix('refs/tags/')}", TYPICAL, target.id)
        kind = kinds[f"{target.id}^{{}}"]
        if kind == "blob" == kinds[target.id]:
            yield Item(target.ref, TYPICAL, target.id)
        elif kind != "commit":
            yield Trouble(target.ref, f"it leads to a {kind} object and no commit, which is not scanned")


def _kinds(git: Git, objects_named: Sequence[str]) -> dict[str, str]:
    """The kind of each object; "missing" where there is none."""
    if not objects_named:
        return {}
    given = "".join(f"{name}\n" for name in objects_named).encode()
    answers = git.output("cat-file", "--batch-check=%(objecttype)", given=given).decode().splitlines()
    return {name: answer.rpartition(" ")[2] for name, answer in zip(objects_named, answers, strict=True)}


def _lines(lines: str, fields: int) -> list[list[str]]:
    """The words of each line.

    Raises:
        CannotScan: a line has another number of words, or an id that is none.
    """
    found = [line.split(" ") for line in lines.splitlines() if line]
    for words in found:
        ids = (words[1], words[3]) if len(words) == 4 else words[:2]
        if len(words) != fields or not all(_ID.fullmatch(one) for one in ids):
            raise CannotScan("what git tells its hook came in another form than githooks(5) says")
    return found


def _named(git: Git, remote: str) -> bool:
    if not remote:
        return False
    try:
        return bool(git.output("config", "--get", f"remote.{remote}.url"))
    except GitFailed:
        return False
