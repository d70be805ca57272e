"""What of a text a rule takes for its secret: pattern first, then every other condition of the rule."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import translate
from functools import lru_cache, partial
from typing import Protocol

import re2

from tokenward.base.severity import Confidence
from tokenward.leaks.compiling import over_bytes
from tokenward.leaks.detector import Detector
from tokenward.leaks.detectors.published_examples import marked
from tokenward.leaks.entropy import entropy
from tokenward.leaks.findings import Candidate
from tokenward.leaks.lookalikes import lookalike
from tokenward.leaks.recording import SILENCE, WHOLE_TEXT, Recorder, Stage, Verdict
from tokenward.leaks.rule import Pair, Rule
from tokenward.leaks.rulebook.macros import triggers
from tokenward.leaks.text import Text

REACH = 1024
"""How many bytes before the end of the shortest match of a rule's pattern a match may begin."""

_MEMORY = 64 << 20  # bytes; the default of 8 MiB falls back to a slow path on the longest of the patterns


class Match(Protocol):
    """One match of RE2."""

    def span(self, group: int = 0) -> tuple[int, int]:
        """Where that group begins and ends."""


class Matcher(Protocol):
    """What is used of a compiled pattern of RE2, which has no type information."""

    groups: int

    def finditer(self, text: bytes, pos: int = 0, endpos: int = ...) -> Iterator[Match]:
        """Matches from one offset to another that do not overlap."""

    def search(self, text: bytes) -> Match | None:
        """The first match."""


def detectors_of(rules: Iterable[Rule]) -> tuple[Detector, ...]:
    """A detector for each rule that has a pattern."""
    return tuple(
        Detector((rule,), triggers(rule.pattern), partial(matches, rule), REACH)
        for rule in rules
        if rule.pattern
    )


def matches(rule: Rule, text: Text, start: int = 0, recorder: Recorder = SILENCE) -> Iterator[Candidate]:
    """Yields the secrets of that rule which begin at `start` or later, in order."""
    if not _path_fits(rule, text):
        recorder.note("path", rule.id, WHOLE_TEXT, "dropped", "the rule is for files of other names")
        return
    if not _has_keyword(rule, text):
        recorder.note("context", rule.id, WHOLE_TEXT, "dropped", "none of the rule's keywords is in the text")
        return
    pattern = compiled(rule.pattern)
    for match in pattern.finditer(text.data, max(0, start)):
        begin, end = match.span(1 if pattern.groups else 0)
        found = _candidate(rule, text.data, begin, end, recorder)
        if found is not None:
            yield found


def _candidate(rule: Rule, data: bytes, begin: int, end: int, recorder: Recorder) -> Candidate | None:
    secret = data[begin:end]
    recorder.note("capture", rule.id, begin, "passed", "the rule's pattern matches")
    refused = _refused(rule, secret)
    if refused is not None:
        recorder.note(refused[0], rule.id, begin, "dropped", refused[1])
        return None
    confidence = rule.confidence
    facts: dict[str, str] = {}
    if rule.pair is not None:
        other = _pair(rule.pair, data, begin, end)
        if other is not None:
            confidence, facts[rule.pair.what] = Confidence.HIGH, other
        else:
            verdict: Verdict = "dropped" if rule.pair.needed else "passed"
            recorder.note("pair", rule.id, begin, verdict, f"no {rule.pair.what} near")
            if rule.pair.needed:
                return None
    return marked(Candidate(rule.id, begin, end, secret, confidence, facts, guessable=rule.guessable))


def _refused(rule: Rule, secret: bytes) -> tuple[Stage, str] | None:
    """The condition that the secret itself does not meet."""
    if rule.checksum:
        from tokenward.leaks.rulebook.checksums import CHECKSUMS  # noqa: PLC0415 - few texts come this far

        if not CHECKSUMS[rule.checksum].valid(secret):
            return "checksum", f"does not hold: {CHECKSUMS[rule.checksum].what}"
    elif why := lookalike(secret):
        return "shape", why
    if rule.entropy and entropy(secret) < rule.entropy:
        return "entropy", f"{entropy(secret):.1f} bits a character, not {rule.entropy}"
    return None


@lru_cache(maxsize=1024)
def compiled(pattern: str, *, any_case: bool = False) -> Matcher:
    """The pattern as RE2 runs it, over bytes.

    Raises:
        re2.error: the pattern is not in RE2's syntax.
    """
    matcher: Matcher = over_bytes(pattern, memory=_MEMORY, any_case=any_case)
    return matcher


def _has_keyword(rule: Rule, text: Text) -> bool:
    if not rule.keywords:
        return True
    words = "|".join(re2.escape(word) for word in rule.keywords)
    return compiled(words, any_case=True).search(text.data) is not None


def _path_fits(rule: Rule, text: Text) -> bool:
    if rule.paths and not any(_fits(glob, text) for glob in rule.paths):
        return False
    return not any(_fits(glob, text) for glob in rule.not_paths)


def _fits(glob: str, text: Text) -> bool:
    """A glob without a slash is of the file's name, compared in lower case, any other of the path's end."""
    if "/" not in glob:
        return _glob(glob.lower()).match(text.name) is not None
    return _glob(f"*/{glob}").match(f"/{text.path}") is not None


@lru_cache(maxsize=1024)
def _glob(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))


def _pair(pair: Pair, data: bytes, begin: int, end: int) -> str | None:
    """The other part nearest to the secret that stands at these offsets, within the pair's lines."""
    first, last = begin, end
    for _ in range(pair.within + 1):
        first = max(data.rfind(b"\n", 0, first), 0)
        after = data.find(b"\n", last)
        last = len(data) if after < 0 else after + 1
    found: list[tuple[int, bytes]] = []
    pattern = compiled(pair.pattern)
    for match in pattern.finditer(data, first, last):
        at, until = match.span(1 if pattern.groups else 0)
        if until <= begin or at >= end:
            found.append((max(begin - until, at - end), data[at:until]))
    return min(found)[1].decode("latin-1") if found else None
