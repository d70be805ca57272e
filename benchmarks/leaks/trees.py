"""What is scanned for speed: packages of others, as trees, as a repository's history, as a commit to be."""

import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

from scanners import CACHE

WHEELS = CACHE / "trees"
RELEASES = CACHE / "releases"
_ORDER = Path(__file__).with_name("releases.txt")
_IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.net", "-c", "commit.gpgsign=false")


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to scan: files, or commits, and bytes."""

    count: int
    bytes: int

    @property
    def megabytes(self) -> float:
        return self.bytes / 1e6


def size(root: Path) -> Size:
    """Of a tree."""
    sizes = [path.stat().st_size for path in root.rglob("*") if path.is_file()]
    return Size(len(sizes), sum(sizes))


def unpacked(root: Path, *, only: str = "") -> bool:
    """Unpack all wheels, or one, each into its own directory; says whether there were any."""
    archives = [path for path in sorted(WHEELS.glob("*.whl")) if only in {"", _package(path)}]
    for archive in archives:
        _unpack(archive, root / _package(archive))
    return bool(archives)


def copied(tree: Path, root: Path, least: int) -> None:
    """Copies of the tree, side by side, until there are at least that many bytes."""
    each = size(tree).bytes
    for number in range(-(-least // each)):
        shutil.copytree(tree, root / str(number))


def history() -> Path | None:
    """A bare repository in which each commit puts a later release in an earlier one's place.

    It is made once and kept. None if not all releases are there.
    """
    root = CACHE / "history.git"
    if root.exists() and root.stat().st_mtime > _ORDER.stat().st_mtime:
        return root
    archives = [_archive(line) for line in _ORDER.read_text().splitlines() if line and line[0] != "#"]
    if not all(archive and archive.exists() for archive in archives):
        return None
    work = root.with_suffix(".work")
    for old in (work, root):
        shutil.rmtree(old, ignore_errors=True)
    _git(None, "init", "--quiet", str(work))
    for archive in archives:
        assert archive is not None
        target = work / _package(archive)
        shutil.rmtree(target, ignore_errors=True)
        _unpack(archive, target)
        _git(work, "add", "--all", "--force")
        _git(work, *_IDENTITY, "commit", "--quiet", "--message", archive.stem)
    _git(None, "clone", "--quiet", "--bare", str(work), str(root))
    _git(root, "gc", "--quiet")
    shutil.rmtree(work)
    root.touch()
    return root


def commits(repository: Path) -> Size:
    """How many commits there are, and how many bytes all their different files have."""
    count = int(_git(repository, "rev-list", "--all", "--count"))
    listed = _git(
        repository,
        "cat-file",
        "--batch-all-objects",
        "--batch-check=%(objecttype) %(objectsize)",
    ).splitlines()
    blobs = [int(line.split()[1]) for line in listed if line.startswith("blob ")]
    return Size(count, sum(blobs))


def staged(tree: Path, root: Path, count: int) -> Size:
    """A repository of Django's Python files, of which `count` are staged and the others committed before."""
    sources = sorted((tree / "django").rglob("*.py"), key=str)
    sources = [path for path in sources if path.stat().st_size > 1000]
    chosen = sources[:: len(sources) // count][:count]
    _git(None, "init", "--quiet", str(root))
    for path in sources:
        if path not in chosen:
            _copy(path, tree, root)
    _git(root, "add", "--all", "--force")
    _git(root, *_IDENTITY, "commit", "--quiet", "--message", "before")
    for path in chosen:
        _copy(path, tree, root)
    _git(root, "add", "--all", "--force")
    return Size(len(chosen), sum(path.stat().st_size for path in chosen))


def _copy(path: Path, tree: Path, root: Path) -> None:
    target = root / path.relative_to(tree)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _archive(pinned: str) -> Path | None:
    name, _, version = pinned.partition("==")
    return next(
        (path for path in RELEASES.glob(f"*-{version}-*.whl") if _package(path) == name.replace("-", "_")),
        None,
    )


def _package(archive: Path) -> str:
    return archive.name.split("-")[0].lower()


def _unpack(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(target)


def _git(directory: Path | None, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=directory, check=True, capture_output=True, text=True
    ).stdout
