"""Audits public OpenAPI documents side by side with Spectral's OWASP rules: `make bench-openapi`.

Both run as a process a document, as in a pipeline, one after the other on the same documents; counted is
the processor time of the process, which others on the machine change least.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from machine import description
from openapi.report import page
from openapi.rules import OURS

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "benchmarks" / ".cache" / "openapi"
DOCUMENTS = CACHE / "directory" / "package" / "api"
PAGE = ROOT / "docs" / "openapi-audit.md"
NAMED = (
    "trello.com.json",
    "digitalocean.com.json",
    "magento.com.json",
    "docusign.net.json",
    "stripe.com.json",
)
LIMIT = 100  # seconds of the processor for one document


@dataclass
class Told:
    """What a program said of one document; no counts where it did not finish."""

    seconds: float
    counts: Counter = field(default_factory=Counter)
    finished: bool = True


def documents(every: int, largest: int, *, only_named: bool) -> list[Path]:
    """Every so many of the directory, up to a size, and those named."""
    found = [path for path in sorted(DOCUMENTS.rglob("*.json")) if path.stat().st_size <= largest]
    named = [DOCUMENTS / name for name in NAMED]
    chosen = [] if only_named else found[::every]
    return [*chosen, *(path for path in named if path.exists())]


def _run(command: list[str]) -> tuple[float, bool]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    limit = f'ulimit -t {LIMIT}; exec "$@"'
    done = subprocess.run(["sh", "-c", limit, "sh", *command], capture_output=True, check=False, cwd=CACHE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, done.returncode in {0, 1, 2}


def tokenward(path: Path, out: Path) -> Told:
    out.unlink(missing_ok=True)
    command = [str(Path(sys.executable).with_name("tokenward")), "audit", "openapi", str(path)]
    seconds, finished = _run([*command, "--format", "json", "--output", str(out)])
    if not finished or not out.exists():
        return Told(seconds, finished=False)
    rows = json.loads(out.read_bytes())["findings"]
    return Told(seconds, Counter(row["rule"]["id"].removeprefix("openapi.") for row in rows))


def spectral(path: Path, out: Path) -> Told:
    out.unlink(missing_ok=True)
    rules = CACHE / "owasp.yaml"
    rules.write_text('extends: ["@stoplight/spectral-owasp-ruleset"]\n')
    command = [str(CACHE / "node_modules/.bin/spectral"), "lint", "--quiet", "--format", "json"]
    seconds, finished = _run([*command, "--ruleset", str(rules), "--output", str(out), str(path)])
    if not finished or not out.exists() or not out.stat().st_size:
        return Told(seconds, finished=False)
    rows = json.loads(out.read_bytes())
    return Told(seconds, Counter(row["code"] for row in rows))


def whole_directory() -> dict[str, float]:
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
            print("FAILED", path, repr(error))
        else:
            told["findings"] += len(report.rows)
            told["megabytes"] += path.stat().st_size / 1e6
            scores.append(report.summary["score"])
            ids = [row.kind.id.removeprefix("openapi.") for row in report.rows]
            counts.update(ids)
            holders.update(set(ids))
    scores.sort()
    return {
        **told,
        "seconds": time.process_time() - started,
        "median": scores[len(scores) // 2],
        "lowest": scores[0],
        "highest": scores[-1],
        "counts": counts,
        "holders": holders,
    }


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only-named", action="store_true", help="the large ones alone")
    arguments.add_argument("--every", type=int, default=60, help="every so many documents of the directory")
    arguments.add_argument("--largest", type=int, default=400_000, help="bytes of those")
    arguments.add_argument("--whole", action="store_true", help="also all of the directory, without Spectral")
    arguments.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    asked = arguments.parse_args()
    if not DOCUMENTS.exists():
        print("the documents are missing: run scripts/bench-openapi-tools.sh", file=sys.stderr)
        return 2
    theirs_is_there = (CACHE / "node_modules/.bin/spectral").exists()
    rows = []
    with tempfile.TemporaryDirectory() as room:
        out = Path(room) / "out.json"
        for path in documents(asked.every, asked.largest, only_named=asked.only_named):
            ours = tokenward(path, out)
            theirs = spectral(path, out) if theirs_is_there else Told(0, finished=False)
            rows.append((path.relative_to(DOCUMENTS).as_posix(), path.stat().st_size, ours, theirs))
            missed = [
                f"{code} ({count})"
                for code, count in theirs.counts.items()
                if code in OURS and not any(ours.counts[each] for each in OURS[code])
            ]
            line = f"{ours.seconds:6.1f} {theirs.seconds:7.1f}{'' if theirs.finished else ' (not finished)'}"
            print(line, rows[-1][0], "missed:" if missed else "", ", ".join(missed), flush=True)
    whole = whole_directory() if asked.whole else None
    told = "; ".join(f"{name} {value}" for name, value in description(packages=("pyyaml",)).items())
    text = page(rows, whole, told, LIMIT)
    if asked.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
