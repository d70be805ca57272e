"""Finds values that are assigned to the names of credentials.

forms  ->  name  ->  placeholder, expression, strength  ->  kind of file
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detector import Detector, Ends
from tokenward.leaks.detectors.assignments.forms import TRIGGERS, patterns
from tokenward.leaks.detectors.assignments.judgement import File, judge
from tokenward.leaks.detectors.assignments.languages import Kind, configures, kind, only_tried, translated
from tokenward.leaks.detectors.assignments.names import Name, Promise
from tokenward.leaks.detectors.assignments.names import judge as judge_name
from tokenward.leaks.detectors.assignments.surroundings import none, remark
from tokenward.leaks.detectors.neighbourhoods import matches_near
from tokenward.leaks.detectors.published_examples import marked
from tokenward.leaks.findings import Candidate
from tokenward.leaks.recording import Recorder
from tokenward.leaks.rule import Rule
from tokenward.leaks.text import Text

_ROTATE: Final = "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html"
_TOKEN: Final = Rule(
    id="assigned-token",
    provider="Generic",
    what="token or key, by its name",
    pattern="",
    severity=Severity.HIGH,
    confidence=Confidence.LOW,
    rotate=_ROTATE,
    examples=('client_secret = "{base62:32}"', "{path:.env}API_TOKEN={hex:40}", '"apiKey": "{base62:24}"'),
    counterexamples=(
        'client_secret = "your-client-secret"',
        'token_type = "{base62:32}"',
        "token = read_token()",
    ),
)
_PASSWORD: Final = Rule(
    id="assigned-password",
    provider="Generic",
    what="password, by its name",
    pattern="",
    severity=Severity.MEDIUM,
    confidence=Confidence.LOW,
    rotate=_ROTATE,
    guessable=True,
    examples=("{path:app.yml}db_password: {base62:16}", 'password = "{base62:20}"'),
    counterexamples=('password = "Enter your password"', "{path:app.yml}password: ${{DB_PASSWORD}}"),
)
_HEX: Final = frozenset(b"0123456789abcdefABCDEFx")
_MOST_KEYS: Final = 48  # in a file of tests; more are vectors of a standard
_LONGEST: Final = 512  # bytes of a value
_REACH: Final = 1200  # bytes: longer than name, assignment and value together

Matches = Callable[[int, Any], Iterator[Any]]
"""Given the index of a form and its pattern, the matches."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A value after a name that promises a credential.

    Attributes:
        form: how it is given to the name, in words.
        name: as judged.
        begin: offset of the name.
        start: offset of the value.
        end: offset after it.
        text: the value.
        between: what stands between name and value.
    """

    form: str
    name: Name
    begin: int
    start: int
    end: int
    text: bytes
    between: bytes


def find(text: Text, start: int, recorder: Recorder) -> Iterator[Candidate]:
    """Secrets by their names. None is of high confidence: only a name and a look speak for it."""
    return _all(text, lambda _form, pattern: pattern.finditer(text.data, start), recorder)


def near(text: Text, ends: Ends, recorder: Recorder) -> Iterator[Candidate]:
    """The same, of each form only where its trigger was found."""

    def matches(form: int, pattern: Any) -> Iterator[Any]:  # noqa: ANN401 - re2 has no types
        return matches_near(pattern, text.data, ends.get(form, ()), before=_REACH, after=_REACH)

    return _all(text, matches, recorder)


def _all(text: Text, matches: Matches, recorder: Recorder) -> Iterator[Candidate]:
    """What is in a file as a whole: of many, each one tells less."""
    tried = only_tried(text)
    file = File(kind(text), tried or translated(text), configures(text))
    found = list(_found(text, matches, file, recorder))
    vectors = [candidate for candidate in found if tried and _in_hexadecimal(candidate.secret)]
    if len(vectors) <= _MOST_KEYS:
        yield from found
        return
    for candidate in found:
        if _in_hexadecimal(candidate.secret):
            recorder.note("context", candidate.rule, candidate.start, "changed", "one of many: test vectors")
            yield replace(candidate, confidence=Confidence.LOW)
        else:
            yield candidate


def _found(text: Text, matches: Matches, file: File, recorder: Recorder) -> Iterator[Candidate]:
    """Each value by itself."""
    tried = only_tried(text)
    example = replace(file, tried=True)
    for value in _values(text.data, matches, file, all_names=recorder.wanted):
        rule = _PASSWORD if value.name.promise is Promise.PASSWORD else _TOKEN
        loose = _loose(value.between) or (file.kind is Kind.PROSE and b"=" not in value.between)
        aside = remark(text, file.kind, value.begin, value.between)
        verdict = judge(value.name, value.text, example if aside else file, loose=loose)
        if verdict.confidence is None:
            recorder.note(verdict.stage, rule.id, value.start, "dropped", verdict.why)
            continue
        if why := none(text, value.start, value.text):
            recorder.note("context", rule.id, value.start, "dropped", why)
            continue
        if recorder.wanted:
            why = f"{value.form}; {value.name.why}; {verdict.why}"
            recorder.note(verdict.stage, rule.id, value.start, "passed", why)
        yield marked(
            Candidate(
                rule=rule.id,
                start=value.start,
                end=value.end,
                secret=value.text,
                confidence=verdict.confidence,
                severity=Severity.LOW if tried else rule.severity,
                guessable=verdict.guessable,
            )
        )


def _values(data: bytes, matches: Matches, file: File, *, all_names: bool) -> Iterator[_Value]:
    """What all forms match, each value once; names that promise nothing only where somebody asks."""
    seen: set[int] = set()
    for nth, form, pattern in patterns(file.kind):
        for match in matches(nth, pattern):
            which = 1 if match.start(1) >= 0 else next(n for n in range(2, 6) if match.start(n) >= 0)
            name = judge_name(match.group(which))
            if name.promise is Promise.NONE and not all_names:
                continue
            group = match.lastindex
            begin, end = match.span(group)
            if begin not in seen and end - begin <= _LONGEST:
                seen.add(begin)
                between = data[match.end(which) : begin]
                yield _Value(form, name, match.start(which), begin, end, match.group(group), between)


def _in_hexadecimal(secret: bytes) -> bool:
    """Whether it is; a word and a colon may say so before it."""
    return _HEX.issuperset(secret.rpartition(b":")[2])


def _loose(between: bytes) -> bool:
    """Whether there is no more than a comma, quotes and white space between a name and a value."""
    return not between.strip(b" \t\r\n\"'`),[")


ASSIGNMENTS: Final = Detector(
    rules=(_TOKEN, _PASSWORD), triggers=TRIGGERS, find=find, reach=_REACH, near=near, every=True
)
