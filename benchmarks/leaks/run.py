"""`make bench-scan`: the leak scanner beside others, on the same files, in one run.

No scanner may try a credential or send anything. The tree is made of packages of others that
pip fetched; they are kept below benchmarks/.cache.
"""

import argparse
import sys
import tempfile
import zipfile
from pathlib import Path

import corpus
import quality
import speed
from scanners import CACHE, KINGFISHER, OURS, PEERS

from tokenward.leaks.rulebook.loading import load

TREES = CACHE / "trees"


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/leaks/run.py", description=__doc__)
    parser.add_argument("--only", choices=("quality", "tree"), help="one part; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each timed command")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        if given.only in {None, "quality"}:
            qualities(work)
        if given.only in {None, "tree"}:
            tree(work, given.rounds)
    return 0


def qualities(work: Path) -> None:
    root = work / "corpus"
    planted = corpus.build(root, load())
    print(f"{len(planted)} secrets of {len({one.rule for one in planted})} rules")
    for scanner in (OURS, *PEERS):
        found = quality.measure(scanner, root, planted, work / "report")
        print(
            f"{scanner.name:16} recall {found.recall:.2f}  precision {found.precision:.2f}  "
            f"false {found.false:4}  our own tokens {found.ours[0]} of {found.ours[1]}"
        )
        if scanner is OURS:
            print("  missed:", ", ".join(found.missed) or "nothing")


def tree(work: Path, rounds: int) -> None:
    for archive in sorted(TREES.glob("*.whl")):
        target = work / "tree" / archive.name.split("-")[0]
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(target)
    root = work / "tree"
    sizes = [path.stat().st_size for path in root.rglob("*") if path.is_file()]
    print(f"{len(sizes)} files, {sum(sizes) / 1e6:.0f} MB")
    commands = {scanner.name: scanner.command(root, work / "report") for scanner in (OURS, KINGFISHER)}
    for name, timing in speed.measure(commands, root, rounds).items():
        print(
            f"{name:16} {timing.seconds:6.2f} s  {timing.processor:6.2f} s of processor  "
            f"{timing.memory:5.0f} MB"
        )


if __name__ == "__main__":
    sys.exit(main())
