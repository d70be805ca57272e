"""Finds the candidates in a text: one search over all patterns, then only those whose pattern was there."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tokenward.leaks.detection.database import build
from tokenward.leaks.detection.patterns import Hits
from tokenward.leaks.detector import Detector
from tokenward.leaks.findings import Candidate
from tokenward.leaks.recording import SILENCE, Recorder
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.decoders.decoder import Decoder


class Looked(NamedTuple):
    """What one look at a text gave.

    Attributes:
        candidates: what the woken detectors found; they may overlap.
        woken: decoders whose encoding seems to be there, each with the offset at which a trigger first ended.
    """

    candidates: list[Candidate]
    woken: list[tuple[Decoder, int]]


class Engine:
    """All detectors and decoders behind one pattern database."""

    def __init__(self, detectors: Sequence[Detector], decoders: Sequence[Decoder] = ()) -> None:
        """Build or load the database.

        Raises:
            PatternError: a trigger is outside of the syntax that the engines share.
        """
        self._owners: tuple[Detector | Decoder, ...] = (*detectors, *decoders)
        triggers = [(trigger, which) for which, one in enumerate(self._owners) for trigger in one.triggers]
        self._owner = [which for _trigger, which in triggers]
        self._database = build([trigger for trigger, _which in triggers])
        self.rules = {rule.id: rule for detector in detectors for rule in detector.rules}

    def look(self, text: Text, recorder: Recorder = SILENCE) -> Looked:
        """What is in this text."""
        hits = self._database.search(text.data)
        candidates: list[Candidate] = []
        woken: list[tuple[Decoder, int]] = []
        for which, end in self._woken(hits):
            owner = self._owners[which]
            if isinstance(owner, Detector):
                candidates.extend(owner.find(text, max(0, end - owner.reach), recorder))
            else:
                woken.append((owner, end))
        return Looked(candidates, woken)

    def _woken(self, hits: Hits) -> Iterator[tuple[int, int]]:
        """Each owner of a trigger that was found, in their order, and where the earliest of these ended.

        Their order decides between equals: a rule of a provider stands before what parses forms of all sorts.
        """
        earliest: dict[int, int] = {}
        for pattern, end in hits.items():
            which = self._owner[pattern]
            earliest[which] = min(end, earliest.get(which, end))
        yield from sorted(earliest.items())
