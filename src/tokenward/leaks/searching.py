"""From a blob to sightings: open it, view it, find candidates in it, judge each where it stands."""

from collections.abc import Callable, Iterator, Mapping

from tokenward.leaks.allowing import allowed
from tokenward.leaks.blob import Blob
from tokenward.leaks.detection.engine import Engine
from tokenward.leaks.distributed import distributed
from tokenward.leaks.findings import Candidate, Severity, Trouble
from tokenward.leaks.recording import SILENCE, Recorder
from tokenward.leaks.rule import Rule
from tokenward.leaks.sighting import Sighting
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.containers import unpack

_IN_APPLICATION = (
    "A client secret in {} is known to everybody who has the application (RFC 8252 §8.5):"
    " make the client a public one with PKCE."
)


class Searcher:
    """Searches one blob after another."""

    def __init__(self, engine: Engine, recorder_of: Callable[[Text], Recorder] = lambda _: SILENCE) -> None:
        """Begin with an engine.

        Args:
            engine: finds the candidates.
            recorder_of: who listens to what is decided about a text.
        """
        self._engine = engine
        self.rules: Mapping[str, Rule] = engine.rules
        self._recorder_of = recorder_of

    def __call__(self, blob: Blob) -> Iterator[Sighting | Trouble | int]:
        """See `batches.Search`."""
        for part in unpack(blob):
            if isinstance(part, Trouble):
                yield part
                continue
            yield len(part.data)
            yield from self._in_text(part, Text(part.data, part.path))

    def _in_text(self, blob: Blob, text: Text) -> Iterator[Sighting]:
        recorder = self._recorder_of(text)
        for candidate in self._engine.candidates(text, recorder):
            if blob.old is None or candidate.secret not in blob.old:
                yield self._sighting(blob, text, candidate, recorder)
            else:
                recorder.note("context", candidate.rule, candidate.start, "dropped", "it was there before")

    def _sighting(self, blob: Blob, text: Text, candidate: Candidate, recorder: Recorder) -> Sighting:
        rule = self.rules[candidate.rule]
        severity = rule.severity if candidate.severity is None else candidate.severity
        why: list[str] = []
        application = distributed(text, candidate.start) if rule.client_secret else None
        if application is not None:
            severity = Severity.CRITICAL
            why.append(_IN_APPLICATION.format(application))
            recorder.note("context", rule.id, candidate.start, "changed", why[-1])
        allowance = allowed(text, candidate.start, candidate.end)
        if allowance is not None and not allowance.counts:
            why.append("The tokenward:allow comment beside it gives no reason, and does not count.")
        reason = allowance.reason if allowance is not None and allowance.counts else None
        if reason is not None:
            recorder.note("allowing", rule.id, candidate.start, "dropped", f"a comment says: {reason}")
        elif recorder.wanted:
            found = f"severity {severity.name.lower()}, confidence {candidate.confidence.name.lower()}"
            recorder.note("result", rule.id, candidate.start, "passed", f"{rule.what}: {found}")
        line, column = text.position(candidate.start)
        return Sighting(
            rule=rule.id,
            secret=candidate.secret,
            severity=severity,
            confidence=candidate.confidence,
            guessable=rule.guessable or candidate.guessable,
            facts=dict(candidate.facts),
            why=" ".join(why),
            path=text.path,
            line=line and line + blob.first_line - 1,
            column=column,
            decoded=text.decoded,
            object_id=blob.object_id,
            origin=blob.origin,
            allowed=reason,
        )
