"""What `tokenward fix` mends: leaks of a scan made now, or of a report, looked up again in the files."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from tokenward.app.reports.progress import progress
from tokenward.app.reports.reading import read_findings
from tokenward.app.scanning import processors
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.entropy import random_bytes
from tokenward.base.severity import Confidence
from tokenward.leaks import baseline_key
from tokenward.leaks.blob import WHOLE_TEXT, Blob
from tokenward.leaks.collecting import Collector
from tokenward.leaks.findings import Commit, Place
from tokenward.leaks.fingerprints import fingerprint
from tokenward.leaks.masking import masked
from tokenward.leaks.rule import Rule
from tokenward.leaks.scan import scan
from tokenward.leaks.searching import Searcher
from tokenward.leaks.sighting import Sighting
from tokenward.leaks.sources.tree import Tree


class CannotFix(Exception):  # noqa: N818 - says what it is
    """Nothing can be mended; the message is for people, and holds no secret."""


class NotHere(Exception):  # noqa: N818 - says what it is
    """A file is not one that may be changed; the message says why."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret that is in files.

    Attributes:
        rule: what it is.
        secret: itself.
        masked: what may be shown of it.
        places: where it stands.
    """

    rule: Rule
    secret: bytes = field(repr=False)
    masked: str
    places: tuple[Place, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Of the files in which it stands, each once."""
        return tuple(dict.fromkeys(place.path for place in self.places))


class Ground(NamedTuple):
    """Where the files are.

    Attributes:
        root: the directory in which everything stays.
        file: the one file that was named; None for all of them.
    """

    root: Path
    file: Path | None = None

    def located(self, path: str) -> Path:
        """The file that a scan calls so.

        Raises:
            NotHere: it is a member of a container, or lies outside, behind a link.
        """
        target = self.file if self.file is not None and path == str(self.file) else self.root / path
        if not os.path.lexists(target):
            raise NotHere("It is in an archive, or gone." if "!" in path else "It is not there.")
        if target.is_symlink():
            raise NotHere("It is a link: mend what it leads to.")
        if not target.resolve().is_relative_to(self.root.resolve()):
            raise NotHere("It lies outside of what was named.")
        return target

    def content(self, path: str) -> bytes:
        """The bytes of that file.

        Raises:
            NotHere: as `located`; it is no file, larger than 32 MiB, or cannot be read.
        """
        target = self.located(path)
        try:
            with open(os.open(target, _FLAGS), "rb") as file:  # noqa: PTH123 - Path.open takes no flags
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise NotHere("It is no file.")
                content = file.read(WHOLE_TEXT + 1)
        except OSError as error:
            raise NotHere(f"It cannot be read: {error.strerror}.") from None
        if len(content) > WHOLE_TEXT:
            raise NotHere("It is too large to be edited.")
        return content


_FLAGS = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)


def ground(path: Path) -> Ground:
    """The files at a path that somebody named."""
    return Ground(path) if path.is_dir() else Ground(path.parent, path)


def seen_in(search: Searcher, path: str, content: bytes) -> list[Sighting]:
    """What a scan sees in a file, in its order, comments of people left out of account."""
    found = [each for each in search(Blob(path, content)) if isinstance(each, Sighting)]
    return sorted(found, key=lambda each: (each.line, each.column))


def scanned(
    path: Path, search: Searcher, *, least: Confidence, baseline: Path | None, key: str
) -> Iterator[Leak]:
    """What a scan finds there now, worst first.

    Args:
        path: a directory or a file.
        search: searches a file.
        least: confidence of what counts.
        baseline: what was accepted before; None for nothing.
        key: a reference to its key; "" for the file beside it.

    Raises:
        CannotScan, ValueError, OSError: the scan could not be made.
    """
    from tokenward.app.scan_baseline import apply, open_baseline  # noqa: PLC0415 - a report needs none

    today = datetime.fromtimestamp(SYSTEM_CLOCK.time(), UTC).date()
    opened = None if baseline is None else open_baseline(baseline, key, today=today, to_update=False)
    collector = Collector(search.rules, random_bytes(32) if opened is None else opened.key)
    source = Tree([path])
    with progress(f"scanning {source.name}") as meter:
        result = scan(
            source,
            search,
            collector,
            workers=processors(),
            progress=lambda searched: meter.add(searched.size),
        )
    if opened is not None:
        result, _ = apply(opened, result, today)
    for finding in result.findings:
        if finding.confidence >= least:
            yield Leak(finding.rule, collector.secret_of(finding), finding.masked, finding.places)


def reported(
    document: bytes, which: str, here: Ground, search: Searcher, *, baseline: Path | None, key: str
) -> Iterator[Leak]:
    """What a report of `tokenward scan --format json` names, as it stands in the files now.

    Args:
        document: the report.
        which: a number, from 1 in the report's order, or the beginning of a fingerprint; "" for all.
        here: what the scan was made of.
        search: searches a file.
        baseline: whose key fingerprints were made under; None for none.
        key: a reference to that key; "" for the file beside the baseline.

    Raises:
        CannotFix: the report has no such finding, or a file changed since.
        ValueError: this is no report.
    """
    made, rows = read_findings(document)
    chosen = [row for number, row in enumerate(rows, 1) if _is_meant(which, number, str(row["fingerprint"]))]
    if not chosen and (which or not rows):
        raise CannotFix(f"the report has no finding {which}" if which else "the report has no findings")
    if len(chosen) > 1 and which:
        raise CannotFix(f"{which} begins several fingerprints: give more of it, or the number")
    known = baseline_key.find(baseline, key) if baseline is not None else None
    for row in chosen:
        yield _leak(row, made, here, search, known)


def _is_meant(which: str, number: int, name: str) -> bool:
    if which.isdecimal() and len(which) < 8:
        return int(which) == number
    digits = name.partition(":")[2]
    return not which or name.startswith(which) or (len(which) >= 8 and digits.startswith(which))


def _leak(row: Mapping[str, Any], made: float, here: Ground, search: Searcher, key: bytes | None) -> Leak:
    rule = search.rules.get(row["rule"]["id"])
    if rule is None:
        raise CannotFix(f"no rule is called {row['rule']['id']}: give the file that has it with --rules")
    secret: bytes | None = None
    places: list[Place] = []
    for place in (_place(each) for each in row["locations"]):
        try:
            found = _again(row, place, made, here, search, key)
        except NotHere as error:
            if place.commit is None and "!" not in place.path:
                raise CannotFix(f"{place.path}: {error}") from None
            continue  # only the history, or an archive, has it
        if found is None:
            if place.commit is not None:
                continue
            raise CannotFix(f"{place.path} changed since the report was made: scan again")
        if secret not in {None, found}:
            raise CannotFix(f"{place.path} holds another secret than the report says: scan again")
        secret = found
        places.append(place)
    if secret is None:
        raise CannotFix(
            f"no file here holds the {rule.what} {row['shown']}: only a history or an archive does, "
            "and those are not rewritten. Exchange it."
        )
    return Leak(rule, secret, row["shown"], tuple(places))


def _again(  # noqa: PLR0917 - one of each
    row: Mapping[str, Any], place: Place, made: float, here: Ground, search: Searcher, key: bytes | None
) -> bytes | None:
    """The secret that stands where the report says; None where that one does no longer."""
    content = here.content(place.path)
    rule, name = search.rules[row["rule"]["id"]], row["fingerprint"]
    comparable = name.startswith("sha256:") or (key is not None and row["fingerprint_lasts"])
    # Under another key the fingerprint tells nothing: then the file must be as old as the report.
    if not comparable and here.located(place.path).stat().st_mtime > made + 1:
        return None
    for each in seen_in(search, place.path, content):
        if (each.rule, each.line, each.column) != (rule.id, place.line, place.column):
            continue
        if comparable:
            own = fingerprint(each.secret, checksum_valid=bool(rule.checksum), key=key or b"")
        else:
            own = name if masked(each.secret, rule, guessable=each.guessable) == row["shown"] else ""
        if own == name:
            return each.secret
    return None


def _place(location: Mapping[str, Any]) -> Place:
    told = location["commit"]
    commit = Commit(told["id"], told["author"], told["date"], told["in_head"]) if told else None
    decoded: Sequence[str] = location["decoded"]
    return Place(location["path"], location["line"] or 0, location["column"] or 0, tuple(decoded), commit)
