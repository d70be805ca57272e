"""What scanners report of real sources, in which nobody planted anything.

How many of ours are true is for people to say: a sample is written out, masked, and what was said of the
places of a sample stands in `judged.tsv`, and of all our findings in sources on which nothing had been
tuned in `judged_held_out.tsv`. Lines of those that were labelled before we scanned stand in
`drawn_held_out.tsv`.
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
HELD_OUT = Path(__file__).with_name("judged_held_out.tsv")
DRAWN = Path(__file__).with_name("drawn_held_out.tsv")
SAMPLE = 60
_SEED = 20261128
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

    @property
    def precision(self) -> float:
        """Of what could be decided."""
        return self.of("true") / (self.of("true") + self.of("false"))

    @property
    def precision_by_form(self) -> float:
        """Where whatever has a credential's form counts, be it a test's or an example."""
        return 1 - self.of("false") / sum(map(self.of, VERDICTS))


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


def judged(path: Path = JUDGED) -> Judged:
    """What was said, with its day in the first line."""
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    verdicts: dict[str, Counter[str]] = {verdict: Counter() for verdict in VERDICTS}
    false: Counter[str] = Counter()
    for row in csv.DictReader(lines, delimiter="\t"):
        verdicts[row["verdict"]][row["rule"]] += 1
        if row["verdict"] == "false":
            false[row["why"]] += 1
    return Judged(first.removeprefix("# "), verdicts, false)


def drawn() -> Counter[tuple[str, str]]:
    """(label, whether we report the line: "yes" or "no") -> how many lines."""
    rows = csv.DictReader(DRAWN.read_text(encoding="utf-8").splitlines()[1:], delimiter="\t")
    return Counter((row["label"], row["reported"]) for row in rows)


def _place(row: Sequence[str]) -> str:
    return row[1]
