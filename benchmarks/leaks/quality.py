"""What scanners find of what was planted, and what they report where there is nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus import Planted
from scanners import Reported, Scanner, run


@dataclass(frozen=True, slots=True)
class Quality:
    """How a scanner did on the corpus.

    Attributes:
        scanner: its name.
        found: how many of the planted secrets were reported, on their line or the one beside it.
        planted: how many there are.
        ours: found and planted among Tokenward's own tokens, which nobody else can know.
        false: lines reported that hold no secret: in the look-alikes, and elsewhere in the planted files.
        missed: rules of which something was missed.
    """

    scanner: str
    found: int
    planted: int
    ours: tuple[int, int]
    false: int
    missed: tuple[str, ...]

    @property
    def recall(self) -> float:
        return self.found / self.planted

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.false) if self.found else 0.0


def measure(scanner: Scanner, root: Path, planted: Sequence[Planted], report: Path) -> Quality:
    """Run the scanner on the corpus and compare."""
    return compare(scanner.name, run(scanner, root, report), planted)


def compare(name: str, reported: Sequence[Reported], planted: Sequence[Planted]) -> Quality:
    """What of the planted was reported, and what else was."""
    lines: dict[str, set[int]] = {}
    for one in reported:
        lines.setdefault(one.path, set()).add(one.line)
    found = [one for one in planted if lines.get(one.path, set()) & _lines(one)]
    own = [one for one in planted if one.rule.startswith("tokenward-")]
    expected: dict[str, set[int]] = {}
    for one in planted:
        expected.setdefault(one.path, set()).update(_lines(one))
    false = sum(len(at - expected.get(path, set())) for path, at in lines.items())
    return Quality(
        scanner=name,
        found=len(found),
        planted=len(planted),
        ours=(sum(one in found for one in own), len(own)),
        false=false,
        missed=tuple(sorted({one.rule for one in planted if one not in found})),
    )


def _lines(one: Planted) -> set[int]:
    """Where a report counts: on the secret's lines, or beside them, as scanners count paired parts."""
    return set(range(one.line - 1, one.line + one.secret.count(b"\n") + 2))
