"""From a blob to sightings: open it, find candidates in its texts, decode, judge each where it stands.

blob -> itself, members of containers -> texts -> candidates, woken decoders
^                        |
+---- decoded texts <----+
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.allowing import Allowance, allowed
from tokenward.leaks.blob import Blob
from tokenward.leaks.detection.engine import Engine
from tokenward.leaks.detection.overlaps import best
from tokenward.leaks.distributed import distributed
from tokenward.leaks.findings import Candidate, Trouble
from tokenward.leaks.naming import names_of, told_by_name
from tokenward.leaks.recording import SILENCE, Recorder
from tokenward.leaks.rule import Rule
from tokenward.leaks.sighting import Sighting
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.containers import unpack
from tokenward.leaks.unpacking.decoding import DEPTH, allowance
from tokenward.leaks.unpacking.views import views

_IN_APPLICATION = (
    "A client secret in {} is known to everybody who has the application (RFC 8252 §8.5):"
    " make the client a public one with PKCE."
)


class _Seen(NamedTuple):
    """A sighting, and where it is in the text that is looked at: of what was decoded, its encoded form."""

    start: int
    end: int
    confidence: Confidence
    sighting: Sighting


class _Room:
    """How many more bytes of decoded texts one file may make."""

    def __init__(self, size: int) -> None:
        self._left = allowance(size)

    def covers(self, size: int) -> bool:
        self._left -= size
        return self._left >= 0


class Searcher:
    """Searches one blob after another."""

    def __init__(
        self,
        engine: Engine,
        recorder_of: Callable[[Text], Recorder] = lambda _: SILENCE,
        *,
        comments: bool = True,
    ) -> None:
        """Begin with an engine.

        Args:
            engine: finds the candidates.
            recorder_of: who listens to what is decided about a text.
            comments: whether a comment beside a secret lets it pass.
        """
        self._comments = comments
        self._engine = engine
        self.rules: Mapping[str, Rule] = engine.rules
        self._recorder_of = recorder_of

    def __call__(self, blob: Blob) -> Iterator[Sighting | Trouble | int]:
        """See `batches.Search`."""
        if blob.names:
            yield from self._in_names(blob)
            return
        members: dict[str, None] = {}
        for part in unpack(blob):
            if part.path != blob.path:
                members[part.path] = None
            if isinstance(part, Trouble):
                yield part
                continue
            yield len(part.data)
            if not part.data.strip(b"\0"):
                continue  # a hole of a sparse file, which may be larger than any disk
            for text in views(part):
                left = _Room(len(text.data))
                for seen in self._in_text(part, text, left):
                    yield seen.sighting
                if not left.covers(0):
                    why = "decoded only in part: more would have come out than its size allows"
                    yield Trouble(part.path, why)

        if members:
            names = names_of(members)
            yield from self._in_names(replace(names, object_id=blob.object_id, origin=blob.origin))

    def _in_names(self, names: Blob) -> Iterator[Sighting]:
        text = Text(names.data, "")
        for seen in self._in_text(names, text, _Room(len(text.data))):
            sighting = told_by_name(seen.sighting, names, seen.start, seen.end)
            if sighting is not None:
                yield sighting

    def _in_text(self, blob: Blob, text: Text, left: _Room) -> list[_Seen]:
        recorder = self._recorder_of(text)
        looked = self._engine.look(text, recorder)
        found: list[_Seen] = []
        for candidate in looked.candidates:
            if blob.old is not None and candidate.secret in blob.old:
                recorder.note("context", candidate.rule, candidate.start, "dropped", "it was there before")
                continue
            sighting = self._sighting(blob, text, candidate, recorder)
            found.append(_Seen(candidate.start, candidate.end, candidate.confidence, sighting))
        if len(text.decoded) < DEPTH:
            for decoder, start in looked.woken:
                for inner in decoder.undo(text, start):
                    if not left.covers(len(inner.data)):
                        return best(found)
                    inside = self._in_text(blob, inner, left)
                    found.extend(_outside(blob, text, inner, seen) for seen in inside)
        return best(found)

    def _sighting(self, blob: Blob, text: Text, candidate: Candidate, recorder: Recorder) -> Sighting:
        rule = self.rules[candidate.rule]
        severity = rule.severity if candidate.severity is None else candidate.severity
        why: list[str] = []
        application = distributed(text, candidate.start) if rule.client_secret else None
        if application is not None:
            severity = Severity.CRITICAL
            why.append(_IN_APPLICATION.format(application))
            recorder.note("context", rule.id, candidate.start, "changed", why[-1])
        comment = _comment(text, candidate.start, candidate.end)
        if comment is not None and not comment.counts:
            why.append("The tokenward:allow comment beside it gives no reason, and does not count.")
        reason = comment.reason if comment is not None and comment.counts else None
        if reason is not None and not self._comments:
            why.append("The tokenward:allow comment beside it does not count in this scan.")
            reason = None
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


def _outside(blob: Blob, text: Text, inner: Text, seen: _Seen) -> _Seen:
    """What was seen in a decoded text, as it stands in the text around it."""
    start, end = inner.origin(seen.start), inner.origin(max(seen.start, seen.end - 1)) + 1
    plain = text.data.find(seen.sighting.secret, max(0, start - 1), end + 1)
    if plain < 0:
        return seen._replace(start=start, end=end)
    # Only what stands around it was encoded, such as the quotes before and after it.
    line, column = text.position(plain)
    sighting = seen.sighting._replace(
        decoded=text.decoded, line=line and line + blob.first_line - 1, column=column
    )
    return _Seen(plain, plain + len(sighting.secret), seen.confidence, sighting)


def _comment(text: Text, start: int, end: int) -> Allowance | None:
    """The comment beside the secret, or beside its encoded form."""
    found = allowed(text, start, end)
    if found is None and text.parent is not None:
        return _comment(text.parent, text.origin(start), text.origin(end))
    return found
