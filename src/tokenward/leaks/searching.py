"""From a blob to sightings: open it, view it, find candidates in it, judge each where it stands."""

from collections.abc import Iterator, Mapping

from tokenward.leaks.blob import Blob
from tokenward.leaks.detection.engine import Engine
from tokenward.leaks.findings import Candidate, Trouble
from tokenward.leaks.recording import SILENCE, Recorder
from tokenward.leaks.rule import Rule
from tokenward.leaks.sighting import Sighting
from tokenward.leaks.text import Text


class Searcher:
    """Searches one blob after another."""

    def __init__(self, engine: Engine, recorder: Recorder = SILENCE) -> None:
        self._engine = engine
        self._rules: Mapping[str, Rule] = engine.rules
        self._recorder = recorder

    def __call__(self, blob: Blob) -> Iterator[Sighting | Trouble | int]:
        """See `batches.Search`."""
        text = Text(blob.data, blob.path)
        yield len(blob.data)
        for candidate in self._engine.candidates(text, self._recorder):
            if blob.old is None or candidate.secret not in blob.old:
                yield self._sighting(blob, text, candidate)

    def _sighting(self, blob: Blob, text: Text, candidate: Candidate) -> Sighting:
        rule = self._rules[candidate.rule]
        line, column = text.position(candidate.start)
        return Sighting(
            rule=rule.id,
            secret=candidate.secret,
            severity=rule.severity if candidate.severity is None else candidate.severity,
            confidence=candidate.confidence,
            guessable=rule.guessable or candidate.guessable,
            facts=dict(candidate.facts),
            why="",
            path=text.path,
            line=line and line + blob.first_line - 1,
            column=column,
            decoded=text.decoded,
            object_id=blob.object_id,
            origin=blob.origin,
            allowed=None,
        )
