"""`make bench-scan`: the leak scanner beside others, on the same files, in one run.

No scanner may try a credential or send anything. The tree is made of packages of others that
pip fetched; they are kept below benchmarks/.cache.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import artifacts
import corpus
import machine
import page
import quality
import real
import speed
import trees
from results import Results, Timed
from scanners import CACHE, DETECT_SECRETS, HISTORIES, KINGFISHER, OURS, STAGED, Scanner, installed

from tokenward.leaks.rulebook.loading import load

PARTS = ("quality", "artifacts", "real", "tree", "history", "staged", "memory")
DOCS = Path(__file__).parent.parent.parent / "docs"
SAMPLE = CACHE / "sample.tsv"
PART = "django"  # of the tree, for what is slow
STAGED_FILES = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/leaks/run.py", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, a smaller tree, only Kingfisher")
    parser.add_argument("--write", action="store_true", help="write docs/leaks.md, of all parts")
    given = parser.parse_args()
    if given.write and (given.only or given.quick):
        parser.error("a page is written of a whole run only")
    results = Results(
        machine=machine.description(packages=("hyperscan",)) | page.versions(),
        busy=machine.busy(),
        rounds=1 if given.quick else 5,
        staged_rounds=5 if given.quick else 20,
        memory_bytes=2 * 10**8 if given.quick else 10**9,
    )
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        measure(
            results,
            Path(directory),
            (given.only,) if given.only else PARTS,
            quick=given.quick,
        )
    if given.write:
        _write("images/leaks.svg", page.picture(results))
        _write("leaks.md", page.document(results))
    return 0


def measure(results: Results, work: Path, parts: tuple[str, ...], *, quick: bool) -> None:
    scanners = [one for one in installed() if not quick or one in {OURS, KINGFISHER}]
    if "quality" in parts:
        qualities(results, work, scanners)
        print("\n".join(page.quality_lines(results)), flush=True)
    if "artifacts" in parts:
        hidden(results, work, scanners)
        print("\n".join(page.artifact_lines(results)), flush=True)
    if {"real", "tree", "staged", "memory"}.isdisjoint(parts) or unpacked(work / "tree", quick=quick):
        sources(results, work, parts, scanners)
    if "history" in parts:
        past(results, work, scanners)
    print("\n".join(page.speed_lines(results)), flush=True)


def qualities(results: Results, work: Path, scanners: list[Scanner]) -> None:
    root = work / "corpus"
    results.planted = corpus.build(root, load())
    for scanner in scanners:
        results.qualities.append(quality.measure(scanner, root, results.planted, work / "report"))


def hidden(results: Results, work: Path, scanners: list[Scanner]) -> None:
    root = work / "artifacts"
    results.artifacts = artifacts.build(root)
    for scanner in scanners:
        results.seen.append(artifacts.measure(scanner, root, results.artifacts, work / "report"))


def unpacked(tree: Path, *, quick: bool) -> bool:
    if trees.unpacked(tree, only=PART if quick else ""):
        return True
    print("the packages to scan are missing: run scripts/bench-scan-tools.sh", file=sys.stderr)
    return False


def sources(results: Results, work: Path, parts: tuple[str, ...], scanners: list[Scanner]) -> None:
    tree, output = work / "tree", work / "report"
    fast = [scanner for scanner in scanners if scanner in {OURS, KINGFISHER}]
    if "real" in parts:
        for scanner in scanners:
            results.counts.append(real.measure(scanner, tree, output))
            print(page.count_line(results.counts[-1]), flush=True)
        real.write_sample(tree, output, SAMPLE)
        print(f"a sample of ours, to be judged, is in {SAMPLE}")
    if "tree" in parts:
        commands = {one.name: one.command(tree, output) for one in fast}
        results.tree = Timed(trees.size(tree), speed.measure(commands, tree, results.rounds))
        if DETECT_SECRETS in scanners:
            part = tree / PART
            taken = {one.name: speed.once(one.command(part, output), part) for one in (OURS, DETECT_SECRETS)}
            results.part = Timed(trees.size(part), taken)
    if "staged" in parts:
        repository = work / "staged"
        size = trees.staged(tree, repository, STAGED_FILES)
        commands = {one.name: STAGED[one.name] for one in fast}
        results.staged = Timed(size, speed.measure(commands, repository, results.staged_rounds))
    if "memory" in parts:
        copies = work / "copies"
        trees.copied(tree, copies, results.memory_bytes)
        results.memory_of = trees.size(copies)
        for scanner in fast:
            results.memory[scanner.name] = speed.memory(scanner.command(copies, output), copies)


def past(results: Results, work: Path, scanners: list[Scanner]) -> None:
    repository = trees.history()
    if repository is None:
        print("the releases for a history are missing: run scripts/bench-scan-tools.sh", file=sys.stderr)
        return
    commands = {
        one.name: HISTORIES[one.name](repository, work / "report")
        for one in scanners
        if one.name in HISTORIES
    }
    results.history = Timed(trees.commits(repository), speed.measure(commands, work, results.rounds))


def _write(name: str, page: str) -> None:
    (DOCS / name).write_text(page, encoding="utf-8")
    print(f"wrote docs/{name}")


if __name__ == "__main__":
    sys.exit(main())
