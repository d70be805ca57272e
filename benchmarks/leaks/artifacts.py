"""One credential in what people build, ship, export and paste: who sees it there?

A GitHub classic token with a valid checksum, as every scanner knows it; another one in each file, so that
nobody's removal of duplicates hides a place. The makers are those of the tests.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanners import Scanner, run

from leaks.containers import FAMILIES
from leaks.encodings import ENCODINGS
from leaks.test_artifacts import ARTIFACTS
from tokenward.leaks.rulebook.templates import fill

GROUPS = ("built, shipped, exported", "containers", "encodings")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file with one credential.

    Attributes:
        group: one of GROUPS.
        kind: what it is, for the table.
        path: relative to the directory that is scanned.
    """

    group: str
    kind: str
    path: str


def build(root: Path, *, seed: int = 20261127) -> list[Artifact]:
    """Write all of them below `root`."""
    built: list[Artifact] = []
    for group, kind, make in _makers():
        secret = fill("{checksum:crc-of-body ghp_}", f"artifacts/{seed}/{group}/{kind}")
        name, data = make(secret)
        # Nobody looks into directories of git as if they were files.
        path = f"{len(built):03}/{name.replace('.git/', 'git/')}"
        target = root / path
        target.parent.mkdir(parents=True)
        target.write_bytes(data)
        built.append(Artifact(group, kind, path))
    return built


def _makers() -> list[tuple[str, str, Callable[[bytes], tuple[str, bytes]]]]:
    built, containers, encodings = GROUPS
    return [
        *((built, kind, _of_text(make)) for kind, make in ARTIFACTS.items()),
        *((containers, kind, make) for kind, make in FAMILIES.items()),
        *((encodings, kind, _in_text(make)) for kind, make in ENCODINGS.items()),
    ]


def _of_text(make: Callable[[str, bytes], tuple[str, bytes]]) -> Callable[[bytes], tuple[str, bytes]]:
    return lambda secret: make(secret.decode(), secret)


def _in_text(encode: Callable[[bytes], bytes]) -> Callable[[bytes], tuple[str, bytes]]:
    return lambda secret: ("a.txt", encode(secret))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a scanner saw of them.

    Attributes:
        scanner: its name.
        named: paths in which it reported a credential of GitHub.
        noticed: paths of which it reported anything, such as text of high entropy.
    """

    scanner: str
    named: frozenset[str]
    noticed: frozenset[str]


def measure(scanner: Scanner, root: Path, built: Sequence[Artifact], report: Path) -> Seen:
    """Run the scanner on what was built."""
    # Scanners put the path within an archive behind that of the archive, each with its own mark.
    named: set[str] = set()
    noticed: set[str] = set()
    at = {one.path.split("/")[0]: one.path for one in built}
    for one in run(scanner, root, report, deep=True):
        if path := at.get(one.path.split("/")[0]):
            noticed.add(path)
            if "github" in one.rule.lower():
                named.add(path)
    return Seen(scanner.name, frozenset(named), frozenset(noticed))
