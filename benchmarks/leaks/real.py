"""What scanners report of real sources, in which nobody planted anything.

How many of ours are true is for people to say: a sample is written out, masked, and what was said of the
places of a sample stands in `judged.tsv`.
"""

import csv
import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from scanners import OURS, Reported, Scanner, run

JUDGED = Path(__file__).with_name("judged.tsv")
SAMPLE = 60
_SEED = 20261127
SECONDS = 900
_HEAD = ("verdict", "place", "rule", "confidence", "masked", "why")
VERDICTS = ("true", "false", "undecidable")


@dataclass(frozen=True, slots=True)
class Counts:
    """What a scanner reported at its defaults.

    Attributes:
        scanner: its name.
        places: how many different lines; None if it was not done in SECONDS.
        secrets: how many different ones, as far as the scanner tells.
        rules: the most frequent of its rules, with how many places.
    """

    scanner: str
    places: int | None
    secrets: int = 0
    rules: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """What people said of a sample of our findings.

    Attributes:
        day: when.
        verdicts: verdict -> rule -> how many.
        false: why what is false was reported -> how many.
    """

    day: str
    verdicts: dict[str, Counter[str]]
    false: Counter[str]

    def of(self, verdict: str) -> int:
        return self.verdicts[verdict].total()


def measure(scanner: Scanner, tree: Path, report: Path) -> Counts:
    """Run the scanner on the tree, once."""
    try:
        reported = run(scanner, tree, report, seconds=SECONDS)
    except subprocess.TimeoutExpired:
        return Counts(scanner.name, None)
    places: dict[tuple[str, int], Reported] = {(one.path, one.line): one for one in reported}
    rules = Counter(one.rule for one in places.values())
    secrets = len({one.secret for one in reported})
    return Counts(scanner.name, len(places), secrets, tuple(rules.most_common(3)))


def write_sample(tree: Path, report: Path, target: Path) -> None:
    """Some of our findings, for reading: a place, the rule, the secret masked. One place of each finding."""
    run(OURS, tree, report)
    found = json.loads(report.read_text())["findings"]
    chosen = Random(_SEED).sample(found, min(SAMPLE, len(found)))
    rows = [
        ("", f"{place['path']}:{place['line']}", one["rule"]["id"], one["confidence"], one["shown"], "")
        for one in chosen
        for place in one["locations"][:1]
    ]
    with target.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows([_HEAD, *sorted(rows, key=_place)])


def judged() -> Judged:
    """What was said, with its day in the first line."""
    first, *lines = JUDGED.read_text(encoding="utf-8").splitlines()
    verdicts: dict[str, Counter[str]] = {verdict: Counter() for verdict in VERDICTS}
    false: Counter[str] = Counter()
    for row in csv.DictReader(lines, delimiter="\t"):
        verdicts[row["verdict"]][row["rule"]] += 1
        if row["verdict"] == "false":
            false[row["why"]] += 1
    return Judged(first.removeprefix("# "), verdicts, false)


def _place(row: Sequence[str]) -> str:
    return row[1]
