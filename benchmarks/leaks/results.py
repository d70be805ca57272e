"""What a run measured, part by part; a part that was left out is empty."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from artifacts import Artifact, Seen
from corpus import Planted
from quality import Quality
from real import Counts
from speed import Timing
from trees import Size


@dataclass(frozen=True, slots=True)
class Timed:
    """How much there was to scan, and what each scanner took; ours comes first."""

    size: Size
    taken: Mapping[str, Timing]

    def times(self, peer: str) -> tuple[float, float, float] | None:
        """How many times as long the peer took as ours: median, least, most."""
        ours = next(iter(self.taken.values()))
        return ours.times(self.taken[peer]) if peer in self.taken else None


@dataclass(slots=True)
class Results:
    """Everything that one run measured.

    Attributes:
        machine: what it was measured on.
        busy: whether others computed.
        rounds: of what is timed, but for what is staged.
        staged_rounds: of that.
        memory_bytes: the least size of the tree on which memory is looked at.
    """

    machine: Mapping[str, str]
    busy: bool
    rounds: int
    staged_rounds: int
    memory_bytes: int
    planted: list[Planted] = field(default_factory=list)
    qualities: list[Quality] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)
    tree: Timed | None = None
    part: Timed | None = None
    history: Timed | None = None
    staged: Timed | None = None
    memory: dict[str, float] = field(default_factory=dict)
    memory_of: Size | None = None
