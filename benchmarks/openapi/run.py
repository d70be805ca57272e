"""Audits public OpenAPI documents side by side with Spectral's OWASP rules: `make bench-openapi`.

Both run as a process a document, as in a pipeline, one after the other on the same documents; counted is
the processor time of the process, which others on the machine change least. A program that does not end is
ended, and what it had taken by then is told as the least that it takes. Results are kept as they come, in
benchmarks/.cache/openapi/results.jsonl: after an interruption the page is made from what there is.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from machine import description
from openapi.programs import CACHE, ROOT, SPECTRAL, Row, Told, spectral, tokenward, versions
from openapi.reasons import Missed, missed
from openapi.report import Run, page

DOCUMENTS = CACHE / "directory" / "package" / "api"
RESULTS = CACHE / "results.jsonl"
PAGE = ROOT / "docs" / "openapi-audit.md"
NAMED = (
    "trello.com.json",
    "digitalocean.com.json",
    "stripe.com.json",
    "docusign.net.json",
    "magento.com.json",
)


@dataclass(frozen=True)
class Plan:
    """How much is done.

    Attributes:
        every: one of so many documents of the directory.
        largest: bytes of those.
        limit: seconds of the processor for one document and program.
        named: how many of the large ones.
        until: seconds by the clock after which no document is begun; None: all are.
    """

    every: int
    largest: int
    limit: int
    named: int
    until: float | None


PLAN = Plan(every=60, largest=400_000, limit=100, named=len(NAMED), until=None)
QUICK = Plan(every=120, largest=400_000, limit=20, named=4, until=170)


def documents(plan: Plan) -> list[Path]:
    """The first of those named, every so many of the directory up to a size, and the others named.

    The small ones come before those that a program may hang on: if time runs out, it is on few documents.
    """
    found = [path for path in sorted(DOCUMENTS.rglob("*.json")) if path.stat().st_size <= plan.largest]
    named = [DOCUMENTS / name for name in NAMED[: plan.named]]
    for path in named:
        if not path.exists():
            print(f"left out: {path.name} is not in the directory", file=sys.stderr)
    there = [path for path in named if path.exists()]
    return [*there[:1], *found[:: plan.every], *there[1:]]


def measure(chosen: Sequence[Path], plan: Plan) -> Iterator[Row]:
    """Each document by both, until the time is over."""
    if not SPECTRAL.exists():
        print("Spectral is not installed: ours alone is measured", file=sys.stderr)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as room:
        out = Path(room) / "out.json"
        for number, path in enumerate(chosen):
            if plan.until is not None and time.monotonic() - started > plan.until:
                print(f"the time is over: {len(chosen) - number} documents left out", file=sys.stderr)
                return
            try:
                size = path.stat().st_size
            except OSError as error:
                print(f"left out: {path.name}: {error.strerror}", file=sys.stderr)
                continue
            ours = tokenward(path, out, plan.limit)
            missing = Told(0, finished=False, why="not installed")
            theirs = spectral(path, out, plan.limit) if SPECTRAL.exists() else missing
            yield Row(path.relative_to(DOCUMENTS).as_posix(), size, ours, theirs)


def kept(rows: Iterator[Row]) -> list[Row]:
    """All of them, each written down and told as it comes; those there are after an interruption."""
    taken = []
    with RESULTS.open("w", encoding="utf-8") as file:
        try:
            for row in rows:
                taken.append(row)
                file.write(row.line())
                file.flush()
                why = "".join(f" ({name}: {told.why})" for name, told in _both(row) if told.why)
                print(f"{row.ours.seconds:6.1f} {row.theirs.seconds:7.1f} {row.name}{why}", flush=True)
        except KeyboardInterrupt:
            print("interrupted: the page is made from what there is", file=sys.stderr)
    return taken


def _both(row: Row) -> tuple[tuple[str, Told], ...]:
    return (("Tokenward", row.ours), ("Spectral", row.theirs))


def differences(rows: Sequence[Row]) -> list[Missed]:
    """What they found and we did not, in the documents that both finished."""
    found = []
    for row in rows:
        if row.ours.finished and row.theirs.finished:
            try:
                found += missed(row, DOCUMENTS / row.name)
            except OSError as error:
                print(f"not compared: {row.name}: {error.strerror}", file=sys.stderr)
    return found


def whole_directory() -> dict[str, object] | None:
    """All documents of the directory in one process: does any make it fail?"""
    from tokenward.app.openapi_audit import CannotAudit, audit  # noqa: PLC0415 - only this part needs it

    paths = sorted(DOCUMENTS.rglob("*.json"))
    told = {"documents": len(paths), "refused": 0, "failed": 0, "findings": 0, "megabytes": 0.0}
    scores, counts, holders = [], Counter(), Counter()
    started = time.process_time()
    for path in paths:
        try:
            report = audit(str(path))
        except CannotAudit:
            told["refused"] += 1
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            told["failed"] += 1
            print("FAILED", path, repr(error), file=sys.stderr)
        else:
            told["findings"] += len(report.rows)
            told["megabytes"] += path.stat().st_size / 1e6
            scores.append(report.summary["score"])
            ids = [row.kind.id.removeprefix("openapi.") for row in report.rows]
            counts.update(ids)
            holders.update(set(ids))
    if not scores:
        return None
    scores.sort()
    return {
        **told,
        "seconds": time.process_time() - started,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,  # KiB on Linux
        "median": scores[len(scores) // 2],
        "lowest": scores[0],
        "highest": scores[-1],
        "counts": counts,
        "holders": holders,
    }


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--quick", action="store_true", help="fewer documents and a lower bound: 4 minutes"
    )
    arguments.add_argument("--whole", action="store_true", help="also all of the directory, without Spectral")
    arguments.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}")
    asked = arguments.parse_args()
    plan = QUICK if asked.quick else PLAN
    if not DOCUMENTS.is_dir():
        print("the documents are missing: run scripts/bench-openapi-tools.sh", file=sys.stderr)
        return 2
    machine = description(packages=("pyyaml",))
    chosen = documents(plan)
    rows = kept(measure(chosen, plan))
    if not any(row.ours.finished for row in rows):
        print("no document was audited: nothing to tell", file=sys.stderr)
        return 1
    if asked.write and not any(row.ours.finished and row.theirs.finished for row in rows):
        print("no document was finished by both: the page stays as it is", file=sys.stderr)
        return 1
    run = Run(
        rows=rows,
        missed=differences(rows),
        whole=whole_directory() if asked.whole else None,
        limit=plan.limit,
        chosen=len(chosen),
        command=" ".join(word for word in sys.argv[1:] if word.startswith("--")),
        on=datetime.now(UTC).date().isoformat(),
        machine=machine,
        versions=versions(),
    )
    text = page(run)
    if asked.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
