"""Finds the candidates in a text: one search over all patterns, then only those whose pattern was there.

search  ->  woken detectors  ->  candidates  ->  one per span
        ->  woken decoders   ->  decoded texts, searched in turn
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from tokenward.leaks.detection.database import build
from tokenward.leaks.detection.patterns import Hits
from tokenward.leaks.detector import Detector
from tokenward.leaks.findings import Candidate
from tokenward.leaks.recording import SILENCE, Recorder
from tokenward.leaks.text import Text


class Engine:
    """All detectors behind one pattern database."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        """Build or load the database.

        Raises:
            PatternError: a trigger is outside of the syntax that the engines share.
        """
        self._detectors = tuple(detectors)
        triggers = [
            (trigger, which) for which, detector in enumerate(detectors) for trigger in detector.triggers
        ]
        self._owner = [which for _trigger, which in triggers]
        self._database = build([trigger for trigger, _which in triggers])
        self.rules = {rule.id: rule for detector in detectors for rule in detector.rules}

    def candidates(self, text: Text, recorder: Recorder = SILENCE) -> list[Candidate]:
        """What is in this text, at most one candidate for each of its bytes, in order."""
        hits = self._database.search(text.data)
        if not hits:
            return []
        found = [
            candidate
            for which, start in self._woken(hits)
            for candidate in self._detectors[which].find(text, start, recorder)
        ]
        return _best(found)

    def _woken(self, hits: Hits) -> Iterator[tuple[int, int]]:
        """Each detector to call, with the offset at which it begins."""
        earliest: dict[int, int] = {}
        for pattern, end in hits.items():
            which = self._owner[pattern]
            start = max(0, end - self._detectors[which].reach)
            earliest[which] = min(start, earliest.get(which, start))
        yield from earliest.items()


def _best(candidates: list[Candidate]) -> list[Candidate]:
    """Of those that overlap, the surest, and the longest of equally sure ones."""
    chosen: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda one: (-one.confidence, one.start - one.end, one.start)):
        at = bisect_left(chosen, candidate.start, key=lambda one: one.start)
        if at and chosen[at - 1].end > candidate.start:
            continue
        if at < len(chosen) and chosen[at].start < candidate.end:
            continue
        chosen.insert(at, candidate)
    return chosen
