"""What scanners find of what was planted, and what they report where there is nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus import LOOKALIKES, Planted
from scanners import Reported, Scanner, run

_OWN = "tokenward-"


@dataclass(frozen=True, slots=True)
class Place:
    """A line that was reported, and the scanner's rule."""

    path: str
    line: int
    rule: str


@dataclass(frozen=True, slots=True)
class Quality:
    """How a scanner did on the corpus.

    Attributes:
        scanner: its name.
        planted: how many secrets there are.
        missed: those of which nothing was reported on their lines or the ones beside them.
        own: how many of the planted are Tokenward's own tokens, which nobody else can know.
        lookalikes: lines of look-alikes that were reported.
        elsewhere: lines of the files with secrets that were reported without holding one.
    """

    scanner: str
    planted: int
    missed: tuple[Planted, ...]
    own: int
    lookalikes: tuple[Place, ...]
    elsewhere: tuple[Place, ...]

    @property
    def found(self) -> int:
        return self.planted - len(self.missed)

    @property
    def recall(self) -> float:
        return self.found / self.planted

    @property
    def own_found(self) -> int:
        return self.own - sum(map(_is_own, self.missed))

    @property
    def false(self) -> int:
        return len(self.lookalikes) + len(self.elsewhere)

    @property
    def own_false(self) -> int:
        return sum(one.rule.startswith(_OWN) for one in (*self.lookalikes, *self.elsewhere))

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.false) if self.found else 0.0

    @property
    def missed_rules(self) -> frozenset[str]:
        return frozenset(one.rule for one in self.missed)


def measure(scanner: Scanner, root: Path, planted: Sequence[Planted], report: Path) -> Quality:
    """Run the scanner on the corpus and compare."""
    return compare(scanner.name, run(scanner, root, report), planted)


def compare(name: str, reported: Sequence[Reported], planted: Sequence[Planted]) -> Quality:
    """What of the planted was reported, and what else was."""
    lines: dict[str, dict[int, str]] = {}
    for one in reported:
        lines.setdefault(one.path, {})[one.line] = one.rule
    expected: dict[str, set[int]] = {}
    for secret in planted:
        expected.setdefault(secret.path, set()).update(_lines(secret))
    false = [
        Place(path, line, rule)
        for path, rules in sorted(lines.items())
        for line, rule in sorted(rules.items())
        if line not in expected.get(path, set())
    ]
    inside = f"{LOOKALIKES}/"
    return Quality(
        scanner=name,
        planted=len(planted),
        missed=tuple(one for one in planted if _lines(one).isdisjoint(lines.get(one.path, {}))),
        own=sum(map(_is_own, planted)),
        lookalikes=tuple(
            Place(one.path.removeprefix(inside), one.line, one.rule)
            for one in false
            if one.path.startswith(inside)
        ),
        elsewhere=tuple(one for one in false if not one.path.startswith(inside)),
    )


def _is_own(one: Planted) -> bool:
    return one.rule.startswith(_OWN)


def _lines(one: Planted) -> set[int]:
    """Where a report counts: on the secret's lines, or beside them, as scanners count paired parts."""
    return set(range(one.line - 1, one.line + one.secret.count(b"\n") + 2))
