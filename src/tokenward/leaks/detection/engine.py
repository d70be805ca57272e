"""Finds the candidates in a text: one search over all patterns, then only those whose pattern was there."""

from collections.abc import Sequence
from typing import NamedTuple

from tokenward.leaks.detection.database import build
from tokenward.leaks.detection.patterns import PatternError
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
            PatternError: a trigger is outside of the syntax that the engines share; it says whose.
        """
        self._owners: tuple[Detector | Decoder, ...] = (*detectors, *decoders)
        # Of each pattern: whose it is, and which of the owner's triggers.
        self._places = [
            (which, nth) for which, one in enumerate(self._owners) for nth in range(len(one.triggers))
        ]
        every = [at for at, (which, _) in enumerate(self._places) if _wants_every(self._owners[which])]
        try:
            self._database = build([trigger for one in self._owners for trigger in one.triggers], every)
        except PatternError as error:
            owner = next(one for one in self._owners if error.pattern in one.triggers)
            whose = owner.rules[0].id if isinstance(owner, Detector) else owner.name
            raise PatternError(error.pattern, error.why, whose) from None
        self._named: dict[str, list[int]] = {}
        for which, one in enumerate(self._owners):
            for name in one.names if isinstance(one, Detector) else ():
                self._named.setdefault(name, []).append(which)
        self.rules = {rule.id: rule for detector in detectors for rule in detector.rules}

    def look(self, text: Text, recorder: Recorder = SILENCE) -> Looked:
        """What is in this text."""
        woken: dict[int, dict[int, list[int]]] = {}
        for pattern, ends in self._database.search(text.data).items():
            which, nth = self._places[pattern]
            woken.setdefault(which, {})[nth] = sorted(ends)
        named = self._named.get(text.name, ())
        looked = Looked([], [])
        # Their order decides between equals: a provider's rule stands before what parses forms of all sorts.
        for which in sorted({*woken, *named}):
            owner = self._owners[which]
            places = {} if which in named else woken[which]
            # Where an engine cannot tell, or the name alone speaks for it, that may be anywhere.
            first = min(ends[0] for ends in places.values()) if places and all(places.values()) else 0
            if not isinstance(owner, Detector):
                looked.woken.append((owner, first))
            elif owner.near is not None and first:
                looked.candidates.extend(owner.near(text, places, recorder))
            else:
                looked.candidates.extend(owner.find(text, max(0, first - owner.reach), recorder))
        return looked


def _wants_every(owner: Detector | Decoder) -> bool:
    return isinstance(owner, Detector) and owner.every
